//! Faults in a line each, for terminals.

use ha_dashboard::domain::{
    Millis, duration,
    fault::{Effect, Fault, FaultEnd, FaultState},
};

/// Where a fault is, what it does, to what, and how long it lasts.
pub fn fault(fault: &Fault, now_ms: Millis) -> String {
    let request = &fault.request;
    let (kind, replicas) = (request.kind.name(), fault.replicas.join(", "));
    let extent = format!("{} of {}", fault.replicas.len(), fault.of_replicas);
    let effect = effect(request.effect()).map(|effect| format!(", {effect}")).unwrap_or_default();
    format!("{}  {kind} on {replicas} ({extent}{effect}): {}", fault.id, state(fault, now_ms))
}

/// How much of it, where there is more and less.
fn effect(effect: Effect) -> Option<String> {
    match effect {
        Effect::Latency { delay_ms, jitter_ms } => Some(format!("{delay_ms} ms ± {jitter_ms} ms")),
        Effect::Errors { percent } => Some(format!("{percent} %")),
        Effect::Cpu { percent } => Some(format!("{} cores", f64::from(percent) / 100.0)),
        Effect::Memory { mib } => Some(format!("{mib} MiB")),
        Effect::Disk { mib_per_s } => Some(format!("{mib_per_s} MiB/s")),
        _ => None,
    }
}

fn state(fault: &Fault, now_ms: Millis) -> String {
    let left = fault.left_s(now_ms).map(|left| format!(", {} left", duration::text(left.ceil() as u32)));
    match &fault.state {
        FaultState::Restored { why } => format!("restored, {}", why_it_ended(*why)),
        FaultState::Failed { reason } => format!("failed: {reason}"),
        on => format!("{}{}", on.name(), left.unwrap_or_default()),
    }
}

fn why_it_ended(why: FaultEnd) -> &'static str {
    match why {
        FaultEnd::Time => "its time was over",
        FaultEnd::Asked => "somebody asked",
        FaultEnd::Guard => "its guard was broken",
        FaultEnd::Load => "the load of its scenario ended",
        FaultEnd::Done => "it was done",
        FaultEnd::Shutdown => "the dashboard was shut down",
        FaultEnd::Start => "the dashboard started anew",
    }
}
