//! The one validation of faults: form, REST API, command line and scenario files all go through [`FaultDraft::validate`].

use serde::{Deserialize, Serialize};

use super::{FaultKind, FaultLimits, FaultRequest};
use crate::domain::validate::{FieldError, FieldName, Problem, Refused};

/// A fault as typed: nothing is lost, nothing is trusted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FaultDraft {
    /// A kind's name, as [`FaultKind`] serialises.
    pub kind: String,
    /// A service's name, or that of a replica.
    pub service: String,
    /// A replica's name; empty: every replica of the service.
    pub replica: String,
    /// A whole number from 1 to 10; empty: 5. Ignored where the kind has no more and less.
    pub intensity: String,
    /// Seconds, or as people write it, see [`duration::parse`](crate::domain::duration::parse); empty: until restored.
    /// Ignored for restarts, which take as long as they take.
    pub duration: String,
    /// A hypothesis in its notation; empty: none.
    pub hypothesis: String,
    /// A guard in its notation; empty: none.
    pub guard: String,
    /// Whether it may leave the service without a replica: asked for a second time, knowing that.
    pub even_last: bool,
}

/// The fields that may be refused, named as in [`FaultDraft`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultField {
    /// [`FaultDraft::kind`]
    Kind,
    /// [`FaultDraft::service`]
    Service,
    /// [`FaultDraft::replica`]
    Replica,
    /// [`FaultDraft::intensity`]
    Intensity,
    /// [`FaultDraft::duration`]
    Duration,
    /// [`FaultDraft::hypothesis`]
    Hypothesis,
    /// [`FaultDraft::guard`]
    Guard,
}

/// All that decides whether a draft is a fault.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultRules {
    /// How long faults may last.
    pub limits: FaultLimits,
    /// What may be hit.
    pub targets: Vec<FaultTarget>,
}

/// A service that may be hit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultTarget {
    /// Its name.
    pub service: String,
    /// Its replicas, at least one.
    pub replicas: Vec<FaultPlace>,
}

/// A replica that may be hit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultPlace {
    /// Its name, unique among all replicas.
    pub name: String,
    /// What can be done to it: it may have no door, or no process that we hold.
    pub kinds: Vec<FaultKind>,
}

impl FieldName for FaultField {
    fn name(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Service => "service",
            Self::Replica => "replica",
            Self::Intensity => "intensity",
            Self::Duration => "duration",
            Self::Hypothesis => "hypothesis",
            Self::Guard => "guard",
        }
    }
}

impl FaultTarget {
    /// What can be done to one replica, or to all of them.
    pub fn kinds(&self, replica: Option<&str>) -> Vec<FaultKind> {
        let hit = || self.replicas.iter().filter(|place| replica.is_none_or(|name| place.name == name));
        let can = |kind: &FaultKind| hit().next().is_some() && hit().all(|place| place.kinds.contains(kind));
        FaultKind::ALL.into_iter().filter(can).filter(|kind| replica.is_none() || !kind.is_of_service()).collect()
    }
}

impl FaultRules {
    /// The service with this name.
    pub fn target(&self, service: &str) -> Option<&FaultTarget> {
        self.targets.iter().find(|target| target.service == service)
    }

    fn of_replica(&self, replica: &str) -> Option<&FaultTarget> {
        self.targets.iter().find(|target| target.replicas.iter().any(|place| place.name == replica))
    }
}

impl FaultDraft {
    /// The fault that this draft asks for. Blanks around values are ignored.
    ///
    /// # Errors
    /// Every refused field.
    pub fn validate(&self, rules: &FaultRules) -> Result<FaultRequest, Vec<FieldError<FaultField>>> {
        let mut refused = Refused::default();
        let place = self.place(rules, &mut refused);
        let kind = self.kind(place, &mut refused);
        let intensity = match self.intensity.trim() {
            "" => Some(FaultRequest::INTENSITY),
            text => refused.number(FaultField::Intensity, text, 1, 10).and_then(|number| u8::try_from(number).ok()),
        };
        let duration = match self.duration.trim() {
            "" => Some(None),
            text => refused.duration(FaultField::Duration, text, 1, rules.limits.longest_s).map(Some),
        };
        let hypothesis = pledge(FaultField::Hypothesis, &self.hypothesis, Problem::NotAHypothesis, &mut refused);
        let guard = pledge(FaultField::Guard, &self.guard, Problem::NotAGuard, &mut refused);
        match (place, kind, intensity, duration, hypothesis, guard) {
            (Some((target, replica)), Some(kind), Some(intensity), Some(duration_s), Some(hypothesis), Some(guard)) => {
                Ok(FaultRequest {
                    kind,
                    service: target.service.clone(),
                    replica: replica.map(ToOwned::to_owned),
                    intensity: kind.has_intensity().then_some(intensity),
                    duration_s: duration_s.filter(|_| kind.lasts()),
                    even_last: self.even_last,
                    hypothesis,
                    guard,
                })
            }
            _ => Err(refused.into_errors()),
        }
    }

    /// Which service, and which of its replicas where it is not all of them.
    fn place<'a>(
        &'a self,
        rules: &'a FaultRules,
        refused: &mut Refused<FaultField>,
    ) -> Option<(&'a FaultTarget, Option<&'a str>)> {
        let (service, replica) = (self.service.trim(), self.replica.trim());
        let target = match (service, replica) {
            ("", "") => return refused.add(FaultField::Service, "", Problem::Missing),
            ("", replica) => rules.of_replica(replica),
            (service, _) => rules.target(service),
        };
        // One name is enough where it is a replica's.
        if let (None, "") = (target, replica)
            && let Some(target) = rules.of_replica(service)
        {
            return Some((target, Some(service)));
        }
        let Some(target) = target else {
            let (field, value) =
                if service.is_empty() { (FaultField::Replica, replica) } else { (FaultField::Service, service) };
            let services = rules.targets.iter().map(|target| &target.service);
            let replicas = rules.targets.iter().flat_map(|target| &target.replicas).map(|place| &place.name);
            let allowed = match field {
                FaultField::Replica => replicas.cloned().collect(),
                _ => services.cloned().collect(),
            };
            return refused.add(field, value, Problem::NotOneOf { allowed });
        };
        let names = || target.replicas.iter().map(|place| place.name.clone());
        match replica {
            "" => Some((target, None)),
            replica if names().any(|name| name == replica) => Some((target, Some(replica))),
            replica => refused.add(FaultField::Replica, replica, Problem::NotOneOf { allowed: names().collect() }),
        }
    }

    /// What is done, at a place that is known already where it is.
    fn kind(
        &self,
        place: Option<(&FaultTarget, Option<&str>)>,
        refused: &mut Refused<FaultField>,
    ) -> Option<FaultKind> {
        let name = refused.needed(FaultField::Kind, &self.kind)?;
        let possible = match (place, FaultKind::from_name(name)) {
            (Some((_, Some(replica))), Some(kind)) if kind.is_of_service() => {
                return refused.add(FaultField::Replica, replica, Problem::OfWholeService);
            }
            (Some((target, replica)), _) => target.kinds(replica),
            (None, _) => FaultKind::ALL.to_vec(),
        };
        match possible.iter().find(|kind| kind.name() == name) {
            Some(kind) => Some(*kind),
            None => {
                let allowed = possible.iter().map(|kind| kind.name().to_owned()).collect();
                refused.add(FaultField::Kind, name, Problem::NotOneOf { allowed })
            }
        }
    }
}

/// What a text pledges; none for an empty one.
fn pledge<T: std::str::FromStr>(
    field: FaultField,
    text: &str,
    problem: Problem,
    refused: &mut Refused<FaultField>,
) -> Option<Option<T>> {
    match text.trim() {
        "" => Some(None),
        text => match text.parse() {
            Ok(pledge) => Some(Some(pledge)),
            Err(_) => refused.add(field, text, problem),
        },
    }
}
