//! Scenarios: faults in time relative to the start of load, so that a demo can be repeated to the second.

use serde::{Deserialize, Serialize};

use super::{
    duration,
    fault::{Fault, FaultDraft, FaultField, FaultId, FaultRequest, FaultRules, FaultState, Refusal, admit},
    format,
    validate::{FieldError, FieldName, Refused},
};

/// A scenario as typed: nothing is lost, nothing is trusted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScenarioDraft {
    /// What people call it.
    pub name: String,
    /// What it shows, in a sentence or two.
    pub description: String,
    /// Its steps, in any order.
    pub steps: Vec<StepDraft>,
}

/// A step as typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StepDraft {
    /// How long after the start of load, see [`duration::parse`].
    pub at: String,
    /// What is done then.
    pub fault: FaultDraft,
    /// Where it is in its file, from 1; `None`: it is in none.
    pub line: Option<u32>,
}

/// A checked scenario. Of what people enter, only the validation of a draft makes one.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema), schema(as = FaultScenario))]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Scenario {
    /// What people call it.
    pub name: String,
    /// What it shows.
    pub description: String,
    /// Its steps, in the order in which they come.
    pub steps: Vec<Step>,
}

/// A checked step.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema), schema(as = ScenarioStep))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// How long after the start of load, in seconds.
    pub at_s: u32,
    /// What is done then.
    pub fault: FaultRequest,
}

/// A scenario file that may be chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    /// Its file name.
    pub file: String,
    /// The scenario, whatever load goes with it; else all that is wrong with it here and now.
    pub scenario: Result<Scenario, Vec<ScenarioError>>,
}

/// A step's fields, as they are called in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepField {
    /// [`StepDraft::at`]
    At,
    /// [`FaultDraft::kind`]
    Fault,
    /// [`FaultDraft::service`], which may be a replica's name, too.
    Target,
    /// [`FaultDraft::intensity`]
    Intensity,
    /// [`FaultDraft::duration`]
    For,
    /// [`FaultDraft::hypothesis`]
    Hypothesis,
    /// [`FaultDraft::guard`]
    Guard,
}

/// Why a scenario is refused. Its text is English.
#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, Deserialize)]
#[error("{}{problem}", place(*.step, *.line))]
pub struct ScenarioError {
    /// The step, from 1 in the order of the draft; `None`: it is about all of it.
    #[serde(default)]
    pub step: Option<u32>,
    /// The line in its file, from 1.
    #[serde(default)]
    pub line: Option<u32>,
    /// What is wrong.
    pub problem: ScenarioProblem,
}

/// What is wrong with a scenario. Its text is English.
#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScenarioProblem {
    /// A field of a step.
    #[error("{0}")]
    Field(Box<FieldError<StepField>>),
    /// The step comes when the load has ended.
    #[error("at {} the load has ended, it takes {}: begin before that", duration::text(*at_s), duration::text(*load_s))]
    AfterEnd {
        /// When it comes, in seconds after the start of load.
        at_s: u32,
        /// How long the load takes, in seconds.
        load_s: u32,
    },
    /// Another step is still at work on the same replica.
    #[error("step {with} is still at work on {replica}: begin after its end, or hit another replica")]
    Overlap {
        /// The other step, from 1 in the order of the draft.
        with: u32,
        /// Where both would be.
        replica: String,
    },
    /// It may not be set.
    #[error("{0}")]
    Refused(Refusal),
    /// There are no steps.
    #[error("there are no steps: give at least one")]
    Empty,
    /// There are too many steps.
    #[error("{given} steps are too many: at most {most} are allowed")]
    TooMany {
        /// How many there are.
        given: u32,
        /// How many there may be.
        most: u32,
    },
    /// The file can't be read as a scenario.
    #[error("{message}")]
    Unreadable {
        /// What is wrong, in English.
        message: String,
        /// The character in the line, from 1.
        #[serde(default)]
        column: Option<u32>,
    },
}

impl FieldName for StepField {
    fn name(self) -> &'static str {
        match self {
            Self::At => "at",
            Self::Fault => "fault",
            Self::Target => "target",
            Self::Intensity => "intensity",
            Self::For => "for",
            Self::Hypothesis => "hypothesis",
            Self::Guard => "guard",
        }
    }
}

impl From<FaultField> for StepField {
    fn from(field: FaultField) -> Self {
        match field {
            FaultField::Kind => Self::Fault,
            FaultField::Service | FaultField::Replica => Self::Target,
            FaultField::Intensity => Self::Intensity,
            FaultField::Duration => Self::For,
            FaultField::Hypothesis => Self::Hypothesis,
            FaultField::Guard => Self::Guard,
        }
    }
}

impl ScenarioError {
    /// That a file can't be read, and where.
    pub fn unreadable(message: &str, place: Option<(u32, u32)>) -> Self {
        let message = format::cut(message, MESSAGE);
        let problem = ScenarioProblem::Unreadable { message, column: place.map(|(_, column)| column) };
        Self { step: None, line: place.map(|(line, _)| line), problem }
    }
}

/// No step comes later than this, in seconds.
const LATEST_S: u32 = 86_400;

/// What is to be seen after the last step, in seconds: that callers no longer notice anything takes ten of them to tell.
const AFTERMATH_S: u32 = 20;

/// Most characters of what a parser says.
const MESSAGE: usize = 300;

/// Most characters of a name, and of a description.
const NAME: usize = 80;
const DESCRIPTION: usize = 500;

fn place(step: Option<u32>, line: Option<u32>) -> String {
    match (step, line) {
        (Some(step), Some(line)) => format!("step {step} (line {line}): "),
        (Some(step), None) => format!("step {step}: "),
        (None, Some(line)) => format!("line {line}: "),
        (None, None) => String::new(),
    }
}

impl Scenario {
    /// Most steps.
    pub const MOST: usize = 100;

    /// When its last step comes, in seconds after the start of load.
    pub fn last_s(&self) -> u32 {
        self.steps.last().map_or(0, |step| step.at_s)
    }

    /// How long a load should last that shows all of it, in seconds: until it is told what the last step has cost, in half
    /// minutes.
    pub fn load_s(&self) -> u32 {
        let end_s = |step: &Step| step.at_s.saturating_add(step.fault.duration_s.unwrap_or(0));
        let end_s = self.steps.iter().map(end_s).max().unwrap_or(0);
        end_s.saturating_add(AFTERMATH_S).div_ceil(30).saturating_mul(30)
    }

    /// The steps that come from `from_s` on and before `to_s`, in seconds after the start of load: every step comes once
    /// for who asks for one stretch after the other.
    pub fn due(&self, from_s: f64, to_s: f64) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(move |step| (from_s..to_s).contains(&f64::from(step.at_s)))
    }
}

impl ScenarioDraft {
    /// The scenario that this draft asks for, together with a load of `load_s` seconds; `None`: it is not known yet.
    ///
    /// Steps that are at work at the same time are held against each other as faults are that people set. A fault without an
    /// end of its own lasts to the end of the load; a restart is over before the next step.
    ///
    /// # Errors
    /// Everything that is refused, in the order of the steps; of too many steps nothing else is told.
    pub fn validate(&self, rules: &FaultRules, load_s: Option<u32>) -> Result<Scenario, Vec<ScenarioError>> {
        let whole = |problem| vec![ScenarioError { step: None, line: None, problem }];
        match self.steps.len() {
            0 => return Err(whole(ScenarioProblem::Empty)),
            given if given > Scenario::MOST => {
                let given = u32::try_from(given).unwrap_or(u32::MAX);
                return Err(whole(ScenarioProblem::TooMany { given, most: Scenario::MOST as u32 }));
            }
            _ => {}
        }
        let (mut errors, mut steps) = (Vec::new(), Vec::new());
        for (draft, number) in self.steps.iter().zip(1_u32..) {
            match draft.validate(rules, load_s) {
                Ok(step) => steps.push((number, draft.line, step)),
                Err(problems) => errors.extend(problems.into_iter().map(|problem| ScenarioError {
                    step: Some(number),
                    line: draft.line,
                    problem,
                })),
            }
        }
        steps.sort_by_key(|(number, _, step)| (step.at_s, *number));
        errors.extend(clashes(rules, &steps));
        errors.sort_by_key(|error| error.step);
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Scenario {
            name: format::cut(self.name.trim(), NAME),
            description: format::cut(self.description.trim(), DESCRIPTION),
            steps: steps.into_iter().map(|(_, _, step)| step).collect(),
        })
    }
}

impl StepDraft {
    fn validate(&self, rules: &FaultRules, load_s: Option<u32>) -> Result<Step, Vec<ScenarioProblem>> {
        let mut refused = Refused::default();
        let at_s = refused.needed(StepField::At, &self.at);
        let at_s = at_s.and_then(|text| refused.duration(StepField::At, text, 0, LATEST_S));
        let field = |error| ScenarioProblem::Field(Box::new(error));
        let mut problems = refused.into_errors().into_iter().map(field).collect::<Vec<_>>();
        if let (Some(at_s), Some(load_s)) = (at_s, load_s)
            && at_s >= load_s
        {
            problems.push(ScenarioProblem::AfterEnd { at_s, load_s });
        }
        let fault = self.fault.validate(rules).map_err(|errors| {
            let of_step = |error: FieldError<_>| FieldError {
                field: StepField::from(error.field),
                value: error.value,
                problem: error.problem,
            };
            problems.extend(errors.into_iter().map(of_step).map(field));
        });
        match (at_s, fault) {
            (Some(at_s), Ok(fault)) if problems.is_empty() => Ok(Step { at_s, fault }),
            _ => Err(problems),
        }
    }
}

/// Steps that may not be at work together, each with the first that is in its way.
fn clashes(rules: &FaultRules, steps: &[(u32, Option<u32>, Step)]) -> Vec<ScenarioError> {
    let ends_s = |step: &Step| match (step.fault.kind.lasts(), step.fault.duration_s) {
        (true, Some(duration_s)) => step.at_s.saturating_add(duration_s),
        (true, None) => u32::MAX,
        (false, _) => step.at_s,
    };
    let mut on: Vec<(u32, u32, Fault)> = Vec::new();
    let mut errors = Vec::new();
    for (number, line, step) in steps {
        on.retain(|(ends_s, _, _)| *ends_s > step.at_s);
        let at_work: Vec<Fault> = on.iter().map(|(_, _, fault)| fault.clone()).collect();
        let problem = match admit(&step.fault, rules, &at_work, &|_| false) {
            Ok(replicas) => {
                on.extend(at_step(*number, step, replicas).map(|fault| (ends_s(step), *number, fault)));
                continue;
            }
            Err(Refusal::AtWork { replica, fault, .. }) => {
                let with = on.iter().find(|(_, _, other)| other.id == fault).map_or(0, |(_, number, _)| *number);
                ScenarioProblem::Overlap { with, replica }
            }
            Err(refusal) => ScenarioProblem::Refused(refusal),
        };
        errors.push(ScenarioError { step: Some(*number), line: *line, problem });
    }
    errors
}

/// The fault that a step sets, as it is while it lasts.
fn at_step(number: u32, step: &Step, replicas: Vec<String>) -> Option<Fault> {
    Some(Fault {
        id: format!("step-{number}").parse::<FaultId>().ok()?,
        request: step.fault.clone(),
        of_replicas: replicas.len() as u32,
        replicas,
        state: FaultState::Active,
        asked_ms: 0,
        set_at_ms: Some(0),
        until_ms: 0,
        restored_at_ms: None,
        healthy_again_ms: None,
        by: String::new(),
    })
}
