//! The one validation of plans: form, REST API and command line all go through [`Draft::validate`].

use serde::{Deserialize, Serialize};

use super::{
    format,
    plan::{ALL_SERVICES, Model, OwnEnd, Pattern, Peak, Plan, Shape},
    script::{Script, ScriptKind},
    threshold::{NotAThreshold, Threshold},
};

/// A plan as typed: nothing is lost, nothing is trusted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Draft {
    /// A script's file name.
    pub script: String,
    /// A service's name or `all-services`.
    pub target: String,
    /// A pattern's name, as [`super::plan::Pattern`] serialises.
    pub pattern: String,
    /// `vus` or `arrival-rate`.
    pub model: String,
    /// Peak VUs, or iterations per second.
    pub peak: String,
    /// Seconds, or `90s`, `5m`, `1h30m`.
    pub duration: String,
    /// Like `duration`; empty: the pattern's own share.
    pub ramp: String,
    /// Open model only; empty: a share of the peak.
    pub pre_allocated_vus: String,
    /// Open model only; empty: the limit's share.
    pub max_vus: String,
    /// Thresholds in k6's words, one a line or separated by commas.
    pub thresholds: String,
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
    },
    /// k6 refuses the script.
    BrokenScript {
        /// k6's message.
        message: String,
    },
    /// The script's own options go past a limit.
    OwnOptionsTooLarge {
        /// What they ask for and what is allowed.
        hint: String,
    },
}

/// One refused field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldError {
    /// Which.
    pub field: Field,
    /// What was given, at most 100 characters of it.
    pub value: String,
    /// What is wrong.
    #[cfg_attr(not(feature = "hydrate"), serde(flatten))]
    #[cfg_attr(feature = "hydrate", serde(rename = "@"))]
    pub problem: Problem,
}

/// The bounds from the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Most VUs.
    pub max_vus: u32,
    /// Most iterations per second.
    pub max_rate: u32,
    /// Longest test, in seconds.
    pub max_duration_s: u32,
}

/// All that decides whether a draft is a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rules {
    /// The bounds.
    pub limits: Limits,
    /// The services' names.
    pub services: Vec<String>,
    /// The scripts there are.
    pub scripts: Vec<Script>,
}

impl Field {
    /// Every field, in the form's order.
    pub const ALL: [Self; 10] = [
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
    /// The error of a field for a value, of which as much is kept as is shown.
    pub fn of(self, field: Field, value: &str) -> FieldError {
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
                "give a duration from {} to {}, written as 90, 90s, 5m or 1h30m",
                format::duration(*min_s),
                format::duration(*max_s)
            ),
            Self::NotOneOf { allowed } if allowed.is_empty() => f.write_str("there is none to choose from"),
            Self::NotOneOf { allowed } => write!(f, "use one of {}", allowed.join(", ")),
            Self::ModelNotForPattern { allowed } => {
                write!(f, "this model goes with the patterns {}", allowed.join(", "))
            }
            Self::NotAThreshold { hint } | Self::OwnOptionsTooLarge { hint } => f.write_str(hint),
            Self::BrokenScript { message } => write!(f, "k6 can't run this script: {message}"),
        }
    }
}

impl std::fmt::Display for FieldError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.told_of(self.field.name()))
    }
}

impl FieldError {
    /// The error in English, for who knows the field by the name `name`.
    pub fn told_of(&self, name: &str) -> String {
        let Self { field: _, value, problem } = self;
        match problem {
            Problem::Missing => format!("{name}: {problem}"),
            _ => format!("{name}: {value:?} is not allowed: {problem}"),
        }
    }
}

/// Shortest test, in seconds.
pub const SHORTEST_S: u32 = 5;

/// Most characters of a refused value that an error repeats.
const VALUE_SHOWN: usize = 100;

/// Reads a length in whole seconds: `60`, `60s`, `5m`, `1h30m`; `None` for anything else, and for more than `u32` holds.
pub fn parse_duration(text: &str) -> Option<u32> {
    if let Some(seconds) = whole_number(text) {
        return Some(seconds);
    }
    let mut rest = text.trim();
    let mut total = 0_u32;
    for (unit, seconds) in [('h', 3600), ('m', 60), ('s', 1)] {
        if let Some((number, after)) = rest.split_once(unit) {
            total = total.checked_add(whole_number(number)?.checked_mul(seconds)?)?;
            rest = after.trim_start();
            if rest.is_empty() {
                return Some(total);
            }
        }
    }
    None
}

/// Digits only: no sign, no fraction, nothing that `u32` can't hold.
fn whole_number(text: &str) -> Option<u32> {
    let text = text.trim();
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Collects what is refused.
#[derive(Default)]
struct Refused(Vec<FieldError>);

impl Refused {
    fn add<T>(&mut self, field: Field, value: &str, problem: Problem) -> Option<T> {
        self.0.push(problem.of(field, value));
        None
    }

    /// A trimmed value that must be there.
    fn needed<'a>(&mut self, field: Field, value: &'a str) -> Option<&'a str> {
        match value.trim() {
            "" => self.add(field, "", Problem::Missing),
            value => Some(value),
        }
    }

    fn number(&mut self, field: Field, value: &str, min: u32, max: u32) -> Option<u32> {
        match whole_number(value) {
            Some(number) if (min..=max).contains(&number) => Some(number),
            _ => self.add(field, value, Problem::NotInRange { min, max }),
        }
    }

    fn duration(&mut self, field: Field, value: &str, min_s: u32, max_s: u32) -> Option<u32> {
        match parse_duration(value) {
            Some(seconds) if (min_s..=max_s).contains(&seconds) => Some(seconds),
            _ => self.add(field, value, Problem::NotADuration { min_s, max_s }),
        }
    }

    fn thresholds(&mut self, text: &str) -> Vec<Threshold> {
        let entries = || entries(text).map(str::trim).filter(|entry| !entry.is_empty());
        let mut thresholds = Vec::new();
        // What comes after the cap is not even read.
        for entry in entries().take(Threshold::MOST) {
            match entry.parse::<Threshold>() {
                Ok(threshold) if thresholds.contains(&threshold) => {}
                Ok(threshold) => thresholds.push(threshold),
                Err(NotAThreshold(hint)) => {
                    self.add(Field::Thresholds, entry, Problem::NotAThreshold { hint }).unwrap_or(())
                }
            }
        }
        if let Some(entry) = entries().nth(Threshold::MOST) {
            let hint = format!("at most {} thresholds are allowed", Threshold::MOST);
            self.add(Field::Thresholds, entry, Problem::NotAThreshold { hint }).unwrap_or(())
        }
        thresholds
    }
}

impl Rules {
    /// What a target may be: every service, and [`ALL_SERVICES`].
    pub fn targets(&self) -> Vec<String> {
        std::iter::once(ALL_SERVICES.to_owned()).chain(self.services.iter().cloned()).collect()
    }

    /// The script with this name.
    pub fn script(&self, name: &str) -> Option<&Script> {
        self.scripts.iter().find(|script| script.name == name)
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
        match (script, target, course) {
            (Some(script), Some(target), Some((shape, thresholds))) if refused.0.is_empty() => {
                Ok(Plan { script: script.name.clone(), target, shape, thresholds })
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
        let allowed = rules.targets();
        match allowed.iter().any(|target| target == name) {
            true => Some(name.to_owned()),
            false => refused.add(Field::Target, name, Problem::NotOneOf { allowed }),
        }
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
        let vus = self.open_vus(model, peak, limits, refused);
        let (pattern, model, peak, duration_s, ramp_s) = (pattern?, model?, peak?, duration_s?, ramp_s?);
        let peak = match model {
            Model::Vus => Peak::Vus { vus: peak },
            Model::ArrivalRate => {
                let (pre_allocated_vus, max_vus) = vus?;
                Peak::ArrivalRate { rate: peak, pre_allocated_vus, max_vus }
            }
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

    /// VUs made before the start and most VUs of an open model; `None` for a closed one, whose fields are ignored.
    ///
    /// Left empty, they fit iterations that take 0.2 s, and 2 s at most.
    fn open_vus(
        &self,
        model: Option<Model>,
        peak: Option<u32>,
        limits: &Limits,
        refused: &mut Refused,
    ) -> Option<(u32, u32)> {
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
        let (pre, max, peak) = (pre?, max?, peak?);
        let max = max.unwrap_or_else(|| peak.saturating_mul(2).max(least).min(limits.max_vus));
        Some((pre.unwrap_or_else(|| peak.div_ceil(5).min(max)), max))
    }

    /// A sensible first draft: load pattern, all services, the first scheduled script.
    pub fn suggested(rules: &Rules) -> Self {
        let scheduled = || rules.scripts.iter().filter(|script| script.kind == ScriptKind::Scheduled);
        let Limits { max_vus, max_duration_s, .. } = rules.limits;
        Self {
            script: scheduled().next().or(rules.scripts.first()).map(|script| script.name.clone()).unwrap_or_default(),
            target: ALL_SERVICES.into(),
            pattern: Pattern::Load.name().into(),
            model: Model::Vus.name().into(),
            peak: 10.min(max_vus).to_string(),
            duration: format::duration(60.min(max_duration_s)),
            thresholds: "http_req_duration:p(95)<500\nhttp_req_failed:rate<0.01".into(),
            ..Self::default()
        }
    }
}

/// Splits at line ends, commas and semicolons, but not within the braces that hold tags.
fn entries(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_u32;
    text.split(move |c| {
        match c {
            // A brace that is never closed ends with its line.
            '\n' => depth = 0,
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && matches!(c, '\n' | ',' | ';')
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
    let longest = format::duration(max_duration_s);
    let hint = match duration_s {
        None => format!("its own options have no end, at most {longest} is allowed"),
        Some(asked) if asked > max_duration_s => {
            let asked = format::duration(asked);
            format!("its own options may take {asked}, at most {longest} is allowed")
        }
        Some(_) if max_vus > most_vus => {
            format!("its own options take up to {max_vus} VUs, at most {most_vus} are allowed")
        }
        Some(duration_s) => return Some(Shape::Own { duration_s, max_vus, end }),
    };
    refused.add(Field::Script, name.trim(), Problem::OwnOptionsTooLarge { hint })
}
