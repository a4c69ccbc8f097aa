//! The one validation of plans: form, REST API and command line all go through [`Draft::validate`].

use serde::{Deserialize, Serialize};

use super::{
    criterion::{self, Criterion},
    duration::{self, whole_number},
    fault::{Guard, Hypothesis},
    format,
    plan::{self, ALL_BUT_DASHBOARD, ALL_SERVICES, Model, OwnEnd, Pattern, Peak, Plan, Shape},
    regression::Regression,
    scenario::{Offer, Scenario},
    script::{Script, ScriptKind},
    suggest::Suggestion,
    threshold::{NotAThreshold, Threshold},
};

/// The longest that a request may be given, in seconds: k6's own time-out.
const LONGEST_REQUEST_S: u32 = 60;

/// A plan as typed: nothing is lost, nothing is trusted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Draft {
    /// A script's file name.
    pub script: String,
    /// A service's name, `all-services` or `all-but-dashboard`.
    pub target: String,
    /// A pattern's name, as [`super::plan::Pattern`] serialises.
    pub pattern: String,
    /// `vus` or `arrival-rate`.
    pub model: String,
    /// Peak VUs, or iterations per second.
    pub peak: String,
    /// Seconds, or as people write it, see [`duration::parse`].
    pub duration: String,
    /// Like `duration`; empty: the pattern's own share.
    pub ramp: String,
    /// Open model only; empty: a share of the peak.
    pub pre_allocated_vus: String,
    /// Open model only; empty: the limit's share.
    pub max_vus: String,
    /// Thresholds in k6's words, one a line or separated by commas.
    pub thresholds: String,
    /// How long a request may take, like `duration`; empty: [`plan::REQUEST_TIMEOUT_S`].
    pub request_timeout: String,
    /// Stop criteria, one a line or separated by semicolons or commas, see [`Criterion`]; empty: none.
    pub stop_when: String,
    /// Regression thresholds, like `stop_when`, see [`Regression`]; empty: none.
    pub regression: String,
    /// A scenario's file name; empty: none.
    pub scenario: String,
    /// In place of a file: a scenario itself, as YAML; empty: none. No form has it.
    pub scenario_text: String,
}

/// The form's fields, named as in [`Draft`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// [`Draft::script`]
    Script,
    /// [`Draft::target`]
    Target,
    /// [`Draft::pattern`]
    Pattern,
    /// [`Draft::model`]
    Model,
    /// [`Draft::peak`]
    Peak,
    /// [`Draft::duration`]
    Duration,
    /// [`Draft::ramp`]
    Ramp,
    /// [`Draft::pre_allocated_vus`]
    PreAllocatedVus,
    /// [`Draft::max_vus`]
    MaxVus,
    /// [`Draft::thresholds`]
    Thresholds,
    /// [`Draft::request_timeout`]
    RequestTimeout,
    /// [`Draft::stop_when`]
    StopWhen,
    /// [`Draft::regression`]
    Regression,
    /// [`Draft::scenario`]
    Scenario,
}

/// What is wrong and what is allowed instead. The user interface puts it into the reader's language; its text is English.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema), schema(as = FieldProblem))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(not(feature = "hydrate"), serde(tag = "problem"))]
#[cfg_attr(feature = "hydrate", serde(rename = "@problem"))]
pub enum Problem {
    /// Nothing was given.
    Missing,
    /// Not a whole number within the bounds.
    NotInRange {
        /// Smallest allowed.
        min: u32,
        /// Largest allowed.
        max: u32,
    },
    /// Not a duration within the bounds.
    NotADuration {
        /// Shortest allowed, in seconds.
        min_s: u32,
        /// Longest allowed, in seconds.
        max_s: u32,
    },
    /// Not one of a list.
    NotOneOf {
        /// The list.
        allowed: Vec<String>,
    },
    /// The pattern does not go with the model.
    ModelNotForPattern {
        /// Patterns that do.
        allowed: Vec<String>,
    },
    /// Not a threshold.
    NotAThreshold {
        /// What is wrong and what is allowed, in English k6 terms.
        hint: String,
        /// The line it begins in, from 1, where the text is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        line: Option<u32>,
        /// The same as `hint`, for programs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fault: Option<NotAThreshold>,
    },
    /// k6 refuses the script.
    BrokenScript {
        /// k6's message. On the wire it has a name of its own, beside what is said of the field.
        #[serde(rename = "said")]
        message: String,
    },
    /// Not a hypothesis of a fault.
    NotAHypothesis,
    /// Not a guard of a fault.
    NotAGuard,
    /// Not a stop criterion.
    NotACriterion,
    /// Not a regression threshold.
    NotARegression,
    /// A step of the scenario comes when the load has ended.
    AfterLoad {
        /// When it comes, in seconds after the start of load.
        at_s: u32,
        /// How long the load takes, in seconds.
        load_s: u32,
    },
    /// The fault is always of a whole service, so no replica goes with it.
    OfWholeService,
    /// The text is too long.
    TooLong {
        /// Most characters allowed.
        most: u32,
    },
    /// The text is too short.
    TooShort {
        /// Fewest characters allowed.
        least: u32,
    },
    /// There are too many.
    TooMany {
        /// Most allowed.
        most: u32,
    },
    /// There are characters in it that nobody sees, or that turn the writing direction.
    Hidden,
    /// Not a tag.
    NotATag {
        /// Most characters allowed.
        most: u32,
    },
    /// Not a name that an uploaded script may have.
    NotAScriptName {
        /// Most characters allowed.
        most: u32,
    },
    /// Not text in UTF-8.
    NotUtf8,
    /// It is too large.
    TooLarge {
        /// Most bytes allowed.
        most_bytes: u32,
    },
    /// It goes without the other one: VUs or a rate.
    EitherOr,
    /// With what a run has already it would go past a limit.
    PastSum {
        /// What is limited.
        of: Model,
        /// What plan and added load come to.
        planned: u32,
        /// Most allowed in all.
        max: u32,
    },
    /// The script's own options go past a limit.
    OwnOptionsTooLarge {
        /// What they ask for and what is allowed.
        hint: String,
        /// The same as `hint`, for programs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        excess: Option<Excess>,
    },
}

/// How a script's own options go past a limit. Its text is English.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(not(feature = "hydrate"), serde(tag = "excess"))]
#[cfg_attr(feature = "hydrate", serde(rename = "@excess"))]
pub enum Excess {
    /// They have no end.
    #[error("its own options have no end, at most {} is allowed", duration::text(*max_s))]
    NoEnd {
        /// Longest allowed, in seconds.
        max_s: u32,
    },
    /// They may take too long.
    #[error("its own options may take {}, at most {} is allowed", duration::text(*asked_s), duration::text(*max_s))]
    TooLong {
        /// What they may take, in seconds.
        asked_s: u32,
        /// Longest allowed, in seconds.
        max_s: u32,
    },
    /// They take too many VUs.
    #[error("its own options take up to {asked} VUs, at most {max} are allowed")]
    TooManyVus {
        /// What they take.
        asked: u32,
        /// Most allowed.
        max: u32,
    },
}

/// What the fields of a form are called.
pub trait FieldName: Copy {
    /// The field's name on the wire.
    fn name(self) -> &'static str;
}

/// One refused field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldError<F = Field> {
    /// Which.
    pub field: F,
    /// What was given, at most 100 characters of it.
    pub value: String,
    /// What is wrong.
    #[cfg_attr(not(feature = "hydrate"), serde(flatten))]
    #[cfg_attr(feature = "hydrate", serde(rename = "@"))]
    pub problem: Problem,
}

/// The bounds from the configuration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Most VUs.
    pub max_vus: u32,
    /// Most iterations per second.
    pub max_rate: u32,
    /// Longest test, in seconds.
    pub max_duration_s: u32,
}

/// All that decides whether a draft is a plan.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Rules {
    /// The bounds.
    pub limits: Limits,
    /// The services' names.
    pub services: Vec<String>,
    /// The scripts there are.
    pub scripts: Vec<Script>,
    /// The scenarios there are.
    #[serde(default)]
    pub scenarios: Vec<Offer>,
}

impl Field {
    /// Every field, in the form's order.
    pub const ALL: [Self; 14] = [
        Self::Script,
        Self::Target,
        Self::Pattern,
        Self::Model,
        Self::Peak,
        Self::Duration,
        Self::Ramp,
        Self::PreAllocatedVus,
        Self::MaxVus,
        Self::Thresholds,
        Self::RequestTimeout,
        Self::StopWhen,
        Self::Regression,
        Self::Scenario,
    ];

    /// The field's name, as in [`Draft`].
    pub fn name(self) -> &'static str {
        match self {
            Self::Script => "script",
            Self::Target => "target",
            Self::Pattern => "pattern",
            Self::Model => "model",
            Self::Peak => "peak",
            Self::Duration => "duration",
            Self::Ramp => "ramp",
            Self::PreAllocatedVus => "pre_allocated_vus",
            Self::MaxVus => "max_vus",
            Self::Thresholds => "thresholds",
            Self::RequestTimeout => "request_timeout",
            Self::StopWhen => "stop_when",
            Self::Regression => "regression",
            Self::Scenario => "scenario",
        }
    }

    /// The name of its control in a form, `draft[…]`: server functions read a draft from such names.
    pub fn control(self) -> String {
        format!("draft[{}]", self.name())
    }

    /// The field whose control has this name.
    pub fn of_control(name: &str) -> Option<Self> {
        let name = name.strip_prefix("draft[")?.strip_suffix(']')?;
        Self::ALL.into_iter().find(|field| field.name() == name)
    }
}

impl Problem {
    /// That a text is not a threshold, and why.
    pub fn not_a_threshold(fault: NotAThreshold, line: Option<u32>) -> Self {
        Self::NotAThreshold { hint: fault.to_string(), line, fault: Some(fault) }
    }

    /// The error of a field for a value, of which as much is kept as is shown.
    pub fn of<F>(self, field: F, value: &str) -> FieldError<F> {
        FieldError { field, value: format::cut(value, VALUE_SHOWN), problem: self }
    }
}

impl std::fmt::Display for Problem {
    /// What is allowed, in English.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing => f.write_str("a value is needed"),
            Self::NotInRange { min, max } => write!(f, "give a whole number from {min} to {max}"),
            Self::NotADuration { min_s, max_s } => write!(
                f,
                "give a duration from {} to {}, such as 90, 90 s, 5 min, 1:30 or 1 h 30 min",
                duration::text(*min_s),
                duration::text(*max_s)
            ),
            Self::NotOneOf { allowed } if allowed.is_empty() => f.write_str("there is none to choose from"),
            Self::NotOneOf { allowed } => write!(f, "use one of {}", allowed.join(", ")),
            Self::ModelNotForPattern { allowed } => {
                write!(f, "this model goes with the patterns {}", allowed.join(", "))
            }
            Self::NotAThreshold { hint, .. } | Self::OwnOptionsTooLarge { hint, .. } => f.write_str(hint),
            Self::NotAHypothesis => write!(f, "write {}", Hypothesis::NOTATION),
            Self::NotAGuard => write!(f, "write {}", Guard::NOTATION),
            Self::NotACriterion => write!(f, "write {}", Criterion::NOTATION),
            Self::NotARegression => write!(f, "write {}", Regression::NOTATION),
            Self::AfterLoad { at_s, load_s } => write!(
                f,
                "its last step comes at {}, and the load takes {}: make that longer",
                duration::text(*at_s),
                duration::text(*load_s)
            ),
            Self::EitherOr => f.write_str("give either VUs or a rate, not both"),
            Self::PastSum { of, planned, max } => {
                let what = match of {
                    Model::Vus => "VUs",
                    Model::ArrivalRate => "iterations/s",
                };
                write!(f, "the test has {planned} {what} already, and at most {max} are allowed in all")
            }
            Self::OfWholeService => f.write_str("this fault is of the whole service, leave the replica out"),
            Self::TooLong { most } => write!(f, "give at most {most} characters"),
            Self::TooShort { least } => write!(f, "give at least {least} characters"),
            Self::TooMany { most } => write!(f, "give at most {most}"),
            Self::Hidden => f.write_str("leave out characters that can't be seen, line breaks included"),
            Self::NotATag { most } => write!(f, "a tag has at most {most} letters, digits, '-', '_' and '.'"),
            Self::NotAScriptName { most } => {
                write!(f, "give at most {most} characters: a to z, 0 to 9 and '-', not '-' first, and .js at the end")
            }
            Self::NotUtf8 => f.write_str("give text in UTF-8"),
            Self::TooLarge { most_bytes } => write!(f, "give at most {most_bytes} bytes"),
            Self::BrokenScript { message } => write!(f, "k6 can't run this script: {message}"),
        }
    }
}

impl<F: FieldName> std::fmt::Display for FieldError<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.told_of(self.field.name()))
    }
}

impl FieldName for Field {
    fn name(self) -> &'static str {
        self.name()
    }
}

impl<F> FieldError<F> {
    /// The error in English, for who knows the field by the name `name`.
    pub fn told_of(&self, name: &str) -> String {
        let Self { field: _, value, problem } = self;
        match problem {
            Problem::Missing => format!("{name}: {problem}"),
            Problem::NotAThreshold { line: Some(line), .. } => {
                format!("{name}: line {line}, {value:?}, is not allowed: {problem}")
            }
            _ => format!("{name}: {value:?} is not allowed: {problem}"),
        }
    }
}

/// Shortest test, in seconds.
pub const SHORTEST_S: u32 = 5;

/// Most characters of a refused value that an error repeats.
const VALUE_SHOWN: usize = 100;

/// Collects what is refused.
pub(super) struct Refused<F = Field>(Vec<FieldError<F>>);

impl<F> Default for Refused<F> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<F: FieldName> Refused<F> {
    pub(super) fn into_errors(self) -> Vec<FieldError<F>> {
        self.0
    }

    pub(super) fn add<T>(&mut self, field: F, value: &str, problem: Problem) -> Option<T> {
        self.0.push(problem.of(field, value));
        None
    }

    /// A trimmed value that must be there.
    pub(super) fn needed<'a>(&mut self, field: F, value: &'a str) -> Option<&'a str> {
        match value.trim() {
            "" => self.add(field, "", Problem::Missing),
            value => Some(value),
        }
    }

    pub(super) fn number(&mut self, field: F, value: &str, min: u32, max: u32) -> Option<u32> {
        match whole_number(value) {
            Some(number) if (min..=max).contains(&number) => Some(number),
            _ => self.add(field, value, Problem::NotInRange { min, max }),
        }
    }

    pub(super) fn duration(&mut self, field: F, value: &str, min_s: u32, max_s: u32) -> Option<u32> {
        match duration::parse(value) {
            Some(seconds) if (min_s..=max_s).contains(&seconds) => Some(seconds),
            _ => self.add(field, value, Problem::NotADuration { min_s, max_s }),
        }
    }
}

impl Refused {
    fn thresholds(&mut self, text: &str) -> Vec<Threshold> {
        let entries = || entries(text).filter(|(_, entry)| !entry.is_empty());
        let mut thresholds = Vec::new();
        let mut refuse = |line, entry, fault| {
            let problem = Problem::not_a_threshold(fault, Some(line));
            self.add(Field::Thresholds, entry, problem).unwrap_or(())
        };
        // What comes after the cap is not even read.
        for (line, entry) in entries().take(Threshold::MOST) {
            match entry.parse::<Threshold>() {
                Ok(threshold) if thresholds.contains(&threshold) => {}
                Ok(threshold) => thresholds.push(threshold),
                Err(fault) => refuse(line, entry, fault),
            }
        }
        if let Some((line, entry)) = entries().nth(Threshold::MOST) {
            refuse(line, entry, NotAThreshold::TooMany { most: Threshold::MOST as u32 });
        }
        thresholds
    }

    /// The entries of a text, the same once; `problem` is what is wrong with one that can't be read.
    fn lines<T: std::str::FromStr + PartialEq>(
        &mut self,
        field: Field,
        text: &str,
        most: usize,
        problem: &Problem,
    ) -> Vec<T> {
        let mut read = Vec::new();
        // What comes after the cap is not even read.
        for (place, entry) in criterion::entries(text).take(most + 1).enumerate() {
            let problem = match entry.parse::<T>() {
                _ if place == most => Problem::TooMany { most: most as u32 },
                Ok(item) if read.contains(&item) => continue,
                Ok(item) => {
                    read.push(item);
                    continue;
                }
                Err(_) => problem.clone(),
            };
            self.add(field, entry, problem).unwrap_or(())
        }
        read
    }
}

impl Rules {
    /// What a target may be, what is suggested first: many services at once, and each of them.
    pub fn targets(&self) -> Vec<String> {
        let many: &[&str] = match self.has_dashboard() && self.services.len() > 1 {
            true => &[ALL_BUT_DASHBOARD, ALL_SERVICES],
            false => &[ALL_SERVICES],
        };
        many.iter().map(|name| (*name).to_owned()).chain(self.services.iter().cloned()).collect()
    }

    /// Whether the dashboard is one of the services.
    pub fn has_dashboard(&self) -> bool {
        self.services.iter().any(|name| plan::is_dashboard(name))
    }

    /// Where there is no dashboard among the services, all of them are all but it.
    pub(super) fn is_target(&self, name: &str) -> bool {
        match name {
            ALL_SERVICES => true,
            name => self.services.iter().any(|service| plan::aims_at(name, service)),
        }
    }

    /// The script with this name.
    pub fn script(&self, name: &str) -> Option<&Script> {
        self.scripts.iter().find(|script| script.name == name)
    }

    /// The scenario of this file, where it can be run.
    pub fn scenario(&self, file: &str) -> Option<&Scenario> {
        self.scenarios.iter().find(|offer| offer.file == file)?.scenario.as_ref().ok()
    }

    /// Whether k6 has looked at every script.
    pub fn is_settled(&self) -> bool {
        self.scripts.iter().all(|script| script.kind != ScriptKind::Pending)
    }
}

impl Draft {
    /// What a field holds.
    pub fn slot(&mut self, field: Field) -> &mut String {
        match field {
            Field::Script => &mut self.script,
            Field::Target => &mut self.target,
            Field::Pattern => &mut self.pattern,
            Field::Model => &mut self.model,
            Field::Peak => &mut self.peak,
            Field::Duration => &mut self.duration,
            Field::Ramp => &mut self.ramp,
            Field::PreAllocatedVus => &mut self.pre_allocated_vus,
            Field::MaxVus => &mut self.max_vus,
            Field::Thresholds => &mut self.thresholds,
            Field::RequestTimeout => &mut self.request_timeout,
            Field::StopWhen => &mut self.stop_when,
            Field::Regression => &mut self.regression,
            Field::Scenario => &mut self.scenario,
        }
    }

    /// The plan that this draft asks for. Blanks around values are ignored, doubled thresholds are taken once.
    ///
    /// For a script with its own options the fields from `pattern` to `thresholds` are ignored: it brings all of that
    /// itself. The plan then carries those of its thresholds that [`Threshold`] can express; k6 judges all of them.
    ///
    /// # Errors
    /// Every refused field, in the form's order. Of a script that k6 refuses nobody knows what it needs, so nothing is said
    /// of the fields from `pattern` to `thresholds`.
    pub fn validate(&self, rules: &Rules) -> Result<Plan, Vec<FieldError>> {
        let mut refused = Refused::default();
        let script = self.script(rules, &mut refused);
        let target = self.target(rules, &mut refused);
        let course = match script.map(|script| &script.kind) {
            Some(ScriptKind::Own { executors: _, duration_s, end, max_vus, thresholds }) => {
                own(&self.script, &rules.limits, *duration_s, *end, *max_vus, &mut refused)
                    .map(|shape| (shape, own_thresholds(thresholds)))
            }
            None if rules.script(self.script.trim()).is_some() => None,
            _ => {
                let shape = self.shape(&rules.limits, &mut refused);
                let thresholds = refused.thresholds(&self.thresholds);
                shape.map(|shape| (shape, thresholds))
            }
        };
        let request_timeout_s = match self.request_timeout.trim() {
            "" => Some(plan::REQUEST_TIMEOUT_S),
            text => refused.duration(Field::RequestTimeout, text, 1, LONGEST_REQUEST_S),
        };
        let stop_when = refused.lines(Field::StopWhen, &self.stop_when, Criterion::MOST, &Problem::NotACriterion);
        let regression = refused.lines(Field::Regression, &self.regression, Regression::MOST, &Problem::NotARegression);
        self.scenario(rules, course.as_ref().map(|(shape, _)| shape.duration_s()), &mut refused);
        match (script, target, course, request_timeout_s) {
            (Some(script), Some(target), Some((shape, thresholds)), Some(request_timeout_s))
                if refused.0.is_empty() =>
            {
                Ok(Plan {
                    script: script.name.clone(),
                    target,
                    shape,
                    thresholds,
                    request_timeout_s,
                    stop_when,
                    regression,
                })
            }
            _ => Err(refused.0),
        }
    }

    fn script<'a>(&self, rules: &'a Rules, refused: &mut Refused) -> Option<&'a Script> {
        let name = refused.needed(Field::Script, &self.script)?;
        match rules.script(name) {
            Some(Script { kind: ScriptKind::Broken { message }, .. }) => {
                refused.add(Field::Script, name, Problem::BrokenScript { message: message.clone() })
            }
            Some(script) => Some(script),
            None => {
                let usable = rules.scripts.iter().filter(|script| !matches!(script.kind, ScriptKind::Broken { .. }));
                let allowed = usable.map(|script| script.name.clone()).collect();
                refused.add(Field::Script, name, Problem::NotOneOf { allowed })
            }
        }
    }

    fn target(&self, rules: &Rules, refused: &mut Refused) -> Option<String> {
        let name = refused.needed(Field::Target, &self.target)?;
        match rules.is_target(name) {
            true => Some(name.to_owned()),
            false => refused.add(Field::Target, name, Problem::NotOneOf { allowed: rules.targets() }),
        }
    }

    /// Whether there is such a scenario, and the load is long enough for it. What is wrong within it is told by its own
    /// validation.
    fn scenario(&self, rules: &Rules, load_s: Option<u32>, refused: &mut Refused) {
        let file = self.scenario.trim();
        let problem = match (rules.scenarios.iter().find(|offer| offer.file == file), load_s) {
            _ if file.is_empty() => return,
            (None, _) => {
                let usable = rules.scenarios.iter().filter(|offer| offer.scenario.is_ok());
                Problem::NotOneOf { allowed: usable.map(|offer| offer.file.clone()).collect() }
            }
            (Some(Offer { scenario: Ok(scenario), .. }), Some(load_s)) if scenario.last_s() >= load_s => {
                Problem::AfterLoad { at_s: scenario.last_s(), load_s }
            }
            (Some(_), _) => return,
        };
        refused.add(Field::Scenario, file, problem).unwrap_or(())
    }

    fn shape(&self, limits: &Limits, refused: &mut Refused) -> Option<Shape> {
        let pattern = refused.needed(Field::Pattern, &self.pattern).and_then(|name| {
            let allowed = || Pattern::ALL.iter().map(|pattern| pattern.name().to_owned()).collect();
            Pattern::from_name(name)
                .or_else(|| refused.add(Field::Pattern, name, Problem::NotOneOf { allowed: allowed() }))
        });
        let model = self.model(pattern, refused);
        let peak = self.peak(model, limits, refused);
        let duration_s = refused
            .needed(Field::Duration, &self.duration)
            .and_then(|text| refused.duration(Field::Duration, text, SHORTEST_S, limits.max_duration_s));
        let ramp_s = match self.ramp.trim() {
            "" => Some(None),
            text => {
                let most = duration_s.unwrap_or(limits.max_duration_s) / 2;
                refused.duration(Field::Ramp, text, 0, most).map(Some)
            }
        };
        let open = self.open(model, peak, limits, refused);
        let (pattern, model, peak, duration_s, ramp_s) = (pattern?, model?, peak?, duration_s?, ramp_s?);
        let peak = match model {
            Model::Vus => Peak::Vus { vus: peak },
            Model::ArrivalRate => open?,
        };
        Some(Shape::Pattern { pattern, peak, duration_s, ramp_s })
    }

    fn model(&self, pattern: Option<Pattern>, refused: &mut Refused) -> Option<Model> {
        let name = refused.needed(Field::Model, &self.model)?;
        let Some(model) = Model::from_name(name) else {
            let allowed = Model::ALL.iter().map(|model| model.name().to_owned()).collect();
            return refused.add(Field::Model, name, Problem::NotOneOf { allowed });
        };
        if pattern.is_some_and(|pattern| !pattern.allows(model)) {
            let allowed = Pattern::ALL.iter().filter(|pattern| pattern.allows(model));
            let allowed = allowed.map(|pattern| pattern.name().to_owned()).collect();
            return refused.add(Field::Model, name, Problem::ModelNotForPattern { allowed });
        }
        Some(model)
    }

    fn peak(&self, model: Option<Model>, limits: &Limits, refused: &mut Refused) -> Option<u32> {
        let text = refused.needed(Field::Peak, &self.peak)?;
        let most = match model {
            Some(Model::Vus) => limits.max_vus,
            Some(Model::ArrivalRate) => limits.max_rate,
            None => limits.max_vus.max(limits.max_rate),
        };
        refused.number(Field::Peak, text, 1, most)
    }

    /// The peak of an open model; `None` for a closed one, whose fields for it are ignored.
    fn open(&self, model: Option<Model>, peak: Option<u32>, limits: &Limits, refused: &mut Refused) -> Option<Peak> {
        if model? == Model::Vus {
            return None;
        }
        let given = |text: &str| (!text.trim().is_empty()).then(|| text.trim().to_owned());
        let pre = match given(&self.pre_allocated_vus) {
            None => Some(None),
            Some(text) => refused.number(Field::PreAllocatedVus, &text, 1, limits.max_vus).map(Some),
        };
        let least = pre.flatten().unwrap_or(1);
        let max = match given(&self.max_vus) {
            None => Some(None),
            Some(text) => refused.number(Field::MaxVus, &text, least, limits.max_vus).map(Some),
        };
        Some(Peak::open(peak?, pre?, max?, limits.max_vus))
    }

    /// A sensible first draft: load pattern, all services but the dashboard, the first scheduled script.
    pub fn suggested(rules: &Rules) -> Self {
        let scheduled = || rules.scripts.iter().filter(|script| script.kind == ScriptKind::Scheduled);
        let pattern = Pattern::Load;
        let Suggestion { model, peak, duration_s } = pattern.suggestion(None, &rules.limits);
        Self {
            script: scheduled().next().or(rules.scripts.first()).map(|script| script.name.clone()).unwrap_or_default(),
            target: rules.targets().swap_remove(0),
            pattern: pattern.name().into(),
            model: model.name().into(),
            peak: peak.to_string(),
            duration: duration::text(duration_s),
            thresholds: "http_req_duration:p(95)<500\nhttp_req_failed:rate<0.01".into(),
            ..Self::default()
        }
    }
}

/// Splits at line ends, commas and semicolons, but not within the braces that hold tags. Each entry comes trimmed, with the
/// number of its line from 1.
pub fn entries(text: &str) -> impl Iterator<Item = (u32, &str)> {
    let mut depth = 0_u32;
    let mut line = 1;
    let ends = move |c| {
        match c {
            // A brace that is never closed ends with its line.
            '\n' => depth = 0,
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && matches!(c, '\n' | ',' | ';')
    };
    text.split_inclusive(ends).map(move |entry| {
        let own_line = line;
        line += u32::from(entry.ends_with('\n'));
        (own_line, entry.trim_end_matches(['\n', ',', ';']).trim())
    })
}

/// Those of a script's thresholds that can be expressed; k6 judges all of them.
fn own_thresholds(texts: &[String]) -> Vec<Threshold> {
    let mut thresholds = Vec::new();
    for threshold in texts.iter().filter_map(|text| Threshold::of_script(text).ok()) {
        if thresholds.len() < Threshold::MOST_OF_SCRIPT && !thresholds.contains(&threshold) {
            thresholds.push(threshold);
        }
    }
    thresholds
}

/// The shape of a script with its own options, within the limits.
fn own(
    name: &str,
    limits: &Limits,
    duration_s: Option<u32>,
    end: OwnEnd,
    max_vus: u32,
    refused: &mut Refused,
) -> Option<Shape> {
    let Limits { max_vus: most_vus, max_duration_s, .. } = *limits;
    let excess = match duration_s {
        None => Excess::NoEnd { max_s: max_duration_s },
        Some(asked_s) if asked_s > max_duration_s => Excess::TooLong { asked_s, max_s: max_duration_s },
        Some(_) if max_vus > most_vus => Excess::TooManyVus { asked: max_vus, max: most_vus },
        Some(duration_s) => return Some(Shape::Own { duration_s, max_vus, end }),
    };
    let problem = Problem::OwnOptionsTooLarge { hint: excess.to_string(), excess: Some(excess) };
    refused.add(Field::Script, name.trim(), problem)
}
