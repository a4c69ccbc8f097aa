//! Faults that a presenter sets with one key.

use super::{FaultDraft, FaultKind, Layer};
use crate::domain::{
    duration,
    service::{ReplicaStatus, ServiceStatus},
};

/// The keys: 1 to this.
pub const KEYS: u8 = 9;

/// For how long, in seconds: long enough to be seen, short enough to wait for.
const LASTS_S: u32 = 15;

/// What a key sets, 1 to [`KEYS`]: on one replica of the first service that has several, so that the others carry on; 8 and 9
/// on the next such service. `None`: the key means nothing, or nothing of the kind can be done to these services.
pub fn preset(key: u8, services: &[ServiceStatus]) -> Option<FaultDraft> {
    use FaultKind::{Cpu, Cut, Errors, Freeze, Kill, Latency, RollingRestart};
    let (nth, kind, intensity, whole) = match key {
        1 => (0, Kill, "", false),
        2 => (0, Freeze, "", false),
        3 => (0, Cut, "", false),
        4 => (0, Latency, "4", true),
        5 => (0, Errors, "3", true),
        6 => (0, Cpu, "5", false),
        7 => (0, RollingRestart, "", true),
        8 => (1, Kill, "", false),
        9 => (1, Freeze, "", false),
        _ => return None,
    };
    let status = services.iter().filter(|status| status.replicas.len() > 1).nth(nth)?;
    let can = |replica: &ReplicaStatus| match kind.layer() {
        Layer::Door => replica.replica.door.is_some(),
        Layer::Process | Layer::Inside => replica.process.is_some(),
    };
    let hit = if whole { status.replicas.as_slice() } else { &status.replicas[..1] };
    hit.iter().all(can).then(|| FaultDraft {
        kind: kind.name().into(),
        service: if whole { status.service.name.clone() } else { hit[0].replica.name.clone() },
        intensity: intensity.into(),
        duration: if kind.lasts() { duration::text(LASTS_S) } else { String::new() },
        ..FaultDraft::default()
    })
}
