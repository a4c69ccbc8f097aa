//! What a fault does, in real units: data, for words in the reader's language and for those who set it.

use serde::{Deserialize, Serialize};

use super::FaultKind;

/// What a fault does to each replica that it hits.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(not(feature = "hydrate"), serde(tag = "effect"))]
#[cfg_attr(feature = "hydrate", serde(rename = "@effect"))]
pub enum Effect {
    /// SIGKILL, and no new process until it is restored.
    Killed,
    /// SIGTERM, and no new process until it is restored.
    Stopped,
    /// SIGSTOP until it is restored.
    Frozen,
    /// Ended, and started again at once.
    Restarted,
    /// Restarted, one replica after the other.
    RestartedInTurn,
    /// No request gets an answer.
    Cut,
    /// Each answer comes later.
    Latency {
        /// By so many ms on average.
        delay_ms: u32,
        /// Give or take so many ms, evenly spread.
        jitter_ms: u32,
    },
    /// A share of the requests is answered with status 500 and never reaches the replica.
    Errors {
        /// So many of 100.
        percent: u32,
    },
    /// Processor time is used up.
    Cpu {
        /// So much of one core, in percent: 200 are two cores.
        percent: u32,
    },
    /// Memory is held.
    Memory {
        /// So many MiB.
        mib: u32,
    },
    /// The disk is written to.
    Disk {
        /// So many MiB a second.
        mib_per_s: u32,
    },
}

impl Effect {
    /// What a kind does with an intensity of 1–10; what is outside counts as the nearest. Half of it is half as much, so
    /// that the number can be read: 7 are 700 ms ± 140 ms, 70 % errors, 1.4 cores, 448 MiB, 56 MiB/s.
    pub fn of(kind: FaultKind, intensity: u8) -> Self {
        let n = u32::from(intensity.clamp(1, 10));
        match kind {
            FaultKind::Kill => Self::Killed,
            FaultKind::Stop => Self::Stopped,
            FaultKind::Freeze => Self::Frozen,
            FaultKind::Restart => Self::Restarted,
            FaultKind::RollingRestart => Self::RestartedInTurn,
            FaultKind::Cut => Self::Cut,
            FaultKind::Latency => Self::Latency { delay_ms: 100 * n, jitter_ms: 20 * n },
            FaultKind::Errors => Self::Errors { percent: 10 * n },
            FaultKind::Cpu => Self::Cpu { percent: 20 * n },
            FaultKind::Memory => Self::Memory { mib: 64 * n },
            FaultKind::Disk => Self::Disk { mib_per_s: 8 * n },
        }
    }
}
