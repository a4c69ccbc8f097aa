//! What the contract calls a fault's kind and impact.

use ha_dashboard::domain::fault::{FaultKind, Impact};

/// The contract's name of a kind; one that it does not know keeps its own.
pub fn word(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::Latency => "latency",
        FaultKind::Cpu => "cpu_stress",
        FaultKind::Memory => "memory_stress",
        FaultKind::Disk => "disk_io",
        FaultKind::Cut => "network_partition",
        FaultKind::Errors => "error_injection",
        own => own.name(),
    }
}

/// The kind that the contract, or we, call so; dashes are as good as underscores.
pub fn kind(name: &str) -> Option<FaultKind> {
    let name = name.trim();
    let in_contract = |kind: &FaultKind| word(*kind) == name.replace('-', "_");
    FaultKind::ALL.into_iter().find(in_contract).or_else(|| FaultKind::from_name(name))
}

/// What a kind does, for people.
pub fn description(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::Latency => "Every answer comes later",
        FaultKind::Cpu => "Processor time is used up beside the work",
        FaultKind::Memory => "Memory is held beside the work",
        FaultKind::Disk => "The disk is written to beside the work",
        FaultKind::Cut => "Requests vanish without an answer",
        FaultKind::Errors => "A share of the requests is answered with status 500",
        FaultKind::Kill => "The process is killed, and kept down",
        FaultKind::Stop => "The process is asked to end, and kept down",
        FaultKind::Freeze => "The process is stopped in its tracks",
        FaultKind::Restart => "The process is ended and started again",
        FaultKind::RollingRestart => "The replicas are restarted one after the other",
    }
}

/// An impact as a number: 1 low, 2 medium, 3 high.
pub fn level(impact: Impact) -> u8 {
    match impact {
        Impact::Low => 1,
        Impact::Medium => 2,
        Impact::High => 3,
    }
}
