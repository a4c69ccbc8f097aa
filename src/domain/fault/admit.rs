//! Whether a fault may be set now, beside what is set already.

use serde::{Deserialize, Serialize};

use super::{Fault, FaultId, FaultKind, FaultRequest, FaultRules, FaultState, Layer};

/// Why a fault may not be set now. Its text is English.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema), schema(as = FaultRefusal))]
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(not(feature = "hydrate"), serde(tag = "refusal"))]
#[cfg_attr(feature = "hydrate", serde(rename = "@refusal"))]
pub enum Refusal {
    /// One that touches it is at work.
    #[error("{} is at work on {replica} already (fault {fault}): restore it first, or wait for its end", kind.name())]
    AtWork {
        /// Where.
        replica: String,
        /// Which.
        fault: FaultId,
        /// What it is.
        kind: FaultKind,
    },
    /// One is being taken back there.
    #[error("{} is being restored on {replica} (fault {fault}): try again when that is done", kind.name())]
    BeingRestored {
        /// Where.
        replica: String,
        /// Which.
        fault: FaultId,
        /// What it is.
        kind: FaultKind,
    },
    /// Nothing of it is up that could be hit.
    #[error("{name} is down already, so there is nothing to hit")]
    Down {
        /// The replica, or the service.
        name: String,
    },
    /// No replica would be left.
    #[error("this leaves {service} without a replica: ask once more with even_last to do it all the same")]
    LastReplica {
        /// The service.
        service: String,
    },
    /// There is no such service or replica any more.
    #[error("there is no {name} to hit")]
    Unknown {
        /// Its name.
        name: String,
    },
}

/// The replicas that a fault hits, if it may be set now. `on` are the faults that are on record, over or not; `is_down`
/// tells of a replica whether it is known to be down.
///
/// Two faults touch each other on a replica when they take hold in the same layer, and when one takes the process away in
/// which the other one takes hold or which stands behind its door. Within a replica only the same kind touches itself.
///
/// # Errors
/// [`Refusal`], of the first replica that is refused.
pub fn admit(
    request: &FaultRequest,
    rules: &FaultRules,
    on: &[Fault],
    is_down: &dyn Fn(&str) -> bool,
) -> Result<Vec<String>, Refusal> {
    let unknown = |name: &String| Refusal::Unknown { name: name.clone() };
    let target = rules.target(&request.service).ok_or_else(|| unknown(&request.service))?;
    let all = || target.replicas.iter().map(|place| place.name.as_str());
    let aimed = all().filter(|name| request.replica.as_deref().is_none_or(|one| one == *name)).collect::<Vec<_>>();
    if aimed.is_empty() {
        return Err(unknown(request.replica.as_ref().unwrap_or(&request.service)));
    }
    let on = || on.iter().filter(|fault| fault.state.is_on());
    for name in &aimed {
        if let Some(fault) = on().find(|fault| fault.hits(name) && touch(request, fault)) {
            let (replica, fault_id, kind) = ((*name).to_owned(), fault.id.clone(), fault.request.kind);
            return Err(match fault.state {
                FaultState::Restoring { .. } => Refusal::BeingRestored { replica, fault: fault_id, kind },
                _ => Refusal::AtWork { replica, fault: fault_id, kind },
            });
        }
    }
    // What is down can be started again, and nothing else.
    let restarts = !request.kind.lasts();
    let hit = aimed.into_iter().filter(|name| restarts || !is_down(name)).collect::<Vec<_>>();
    if hit.is_empty() {
        return Err(Refusal::Down { name: request.replica.as_ref().unwrap_or(&request.service).clone() });
    }
    let away = |name: &str| on().any(|fault| fault.hits(name) && fault.request.takes_away());
    // In turn, one is hit at a time; the others stay where there are any.
    let spared = |name: &&str| !hit.contains(name) || (request.kind.is_of_service() && hit.len() > 1);
    let left = all().filter(spared).any(|name| !is_down(name) && !away(name));
    if request.takes_away() && !left && !request.even_last {
        return Err(Refusal::LastReplica { service: request.service.clone() });
    }
    Ok(hit.into_iter().map(ToOwned::to_owned).collect())
}

/// Whether a fault that is on touches one that is asked for, on a replica that both hit.
fn touch(request: &FaultRequest, on: &Fault) -> bool {
    let (new, old) = (request.kind, on.request.kind);
    if matches!(on.state, FaultState::Restoring { .. }) {
        return true;
    }
    match (new.layer(), old.layer()) {
        (Layer::Inside, Layer::Inside) => new == old,
        (Layer::Process | Layer::Inside, Layer::Process) | (Layer::Process, Layer::Inside) => true,
        (Layer::Door, Layer::Door) => true,
        // Behind the door of one that is frozen there still is a process.
        (Layer::Door, Layer::Process) => old != FaultKind::Freeze,
        (Layer::Process | Layer::Inside, Layer::Door) | (Layer::Door, Layer::Inside) => false,
    }
}
