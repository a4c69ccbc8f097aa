//! What containers may use, tightened for a while. What they might use before is on disk until it holds again: the engine
//! forgets it.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use ha_dashboard::domain::fault::FaultKind;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::ContainerError;
use crate::server::{
    disk,
    engine::docker::client::{Client, Limit, Limits, Seen},
};

/// The file in the state folder.
const FILE: &str = "limits.json";

/// The least processor time that is left, in billionths of a core: with none, nothing could be taken back.
const LEAST_CPU: i64 = 50_000_000;
/// The least that the kernel takes, in µs of a period.
const LEAST_QUOTA: i64 = 1_000;
/// What Linux takes unless something else is said, in µs.
const PERIOD: i64 = 100_000;
const NANO: i64 = 1_000_000_000;

const MIB: i64 = 1 << 20;
/// What is left to one beside what it holds, in bytes: less would end it, and there are other faults for that.
const LEAST_ROOM: i64 = 8 * MIB;

/// Processor time that is left when `percent` of a core is taken away from what a container may use; all of the machine's
/// `cores` where it has no limit. At least 0.05 cores.
pub fn less_cpu(limits: &Limits, cores: u32, percent: u32) -> Limit {
    let period = period(limits);
    let now = match *limits {
        Limits { nano_cpus: nano @ 1.., .. } => nano,
        Limits { cpu_quota: quota @ 1.., .. } => quota.saturating_mul(NANO) / period,
        _ => i64::from(cores) * NANO,
    };
    let left = (now - i64::from(percent) * (NANO / 100)).max(LEAST_CPU.min(now));
    match limits.nano_cpus {
        1.. => Limit::NanoCpus(left),
        _ => Limit::CpuQuota { quota: (left.saturating_mul(period) / NANO).max(LEAST_QUOTA), period },
    }
}

/// Memory that is left when `mib` MiB are taken away from what a container may use, of which it holds `held` bytes. At least
/// 8 MiB more than that; `None`: no less than it may use now, or it has no limit.
pub fn less_memory(limits: &Limits, held: u64, mib: u32) -> Option<Limit> {
    let least = i64::try_from(held).ok()?.saturating_add(LEAST_ROOM);
    let left = (limits.memory - i64::from(mib) * MIB).max(least);
    (left < limits.memory).then_some(Limit::Memory(left))
}

/// What gives back the limit that `kind` tightens.
fn original(kind: FaultKind, limits: &Limits) -> Limit {
    match *limits {
        Limits { memory, .. } if kind == FaultKind::Memory => Limit::Memory(memory),
        Limits { nano_cpus: nano @ 1.., .. } => Limit::NanoCpus(nano),
        Limits { cpu_quota: quota @ 1.., .. } => Limit::CpuQuota { quota, period: period(limits) },
        _ => Limit::CpuQuota { quota: -1, period: period(limits) },
    }
}

fn period(limits: &Limits) -> i64 {
    if limits.cpu_period > 0 { limits.cpu_period } else { PERIOD }
}

/// The limits of one container before any of them was tightened.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Before {
    /// Which container had them.
    id: String,
    /// By what is done: each is given back by itself.
    limits: BTreeMap<FaultKind, Limits>,
}

type Page = BTreeMap<String, Before>;

/// What is tightened, on disk. Whoever changes a limit holds it until both agree.
#[derive(Debug)]
pub struct Book {
    path: PathBuf,
    lock: Mutex<()>,
}

impl Book {
    /// The book in a state folder.
    pub fn new(state_dir: &Path) -> Self {
        Self { path: state_dir.join(FILE), lock: Mutex::default() }
    }

    /// Writes down what a container might use, and lets `limit` hold instead.
    ///
    /// # Errors
    /// When it can't be written down, or the engine does not do it; then nothing has changed.
    pub async fn tighten(
        &self,
        client: &Client,
        container: &str,
        seen: &Seen,
        kind: FaultKind,
        limit: Limit,
    ) -> Result<(), ContainerError> {
        let _one = self.lock.lock().await;
        let mut page = self.read();
        let before = page.entry(container.to_owned()).or_default();
        if before.id != seen.id {
            *before = Before { id: seen.id.clone(), ..Before::default() };
        }
        // What could not be given back the last time is still what there was before.
        before.limits.entry(kind).or_insert(seen.limits);
        self.write(&page).map_err(ContainerError::Book)?;
        Ok(client.limit(container, limit).await?)
    }

    /// Lets hold again what did before `kind` was done to a container; one that was made anew since has limits of its own.
    ///
    /// # Errors
    /// When the engine does not do it.
    pub async fn loosen(
        &self,
        client: &Client,
        container: &str,
        seen: &Seen,
        kind: FaultKind,
    ) -> Result<(), ContainerError> {
        let _one = self.lock.lock().await;
        let mut page = self.read();
        let Some(before) = page.get_mut(container) else { return Ok(()) };
        if let Some(limits) = before.limits.get(&kind)
            && before.id == seen.id
        {
            client.limit(container, original(kind, limits)).await?;
        }
        before.limits.remove(&kind);
        page.retain(|_, before| !before.limits.is_empty());
        // At worst the same is given back once more.
        self.write(&page).unwrap_or_else(|error| tracing::warn!(container, %error, "a limit stays on the list"));
        Ok(())
    }

    fn read(&self) -> Page {
        let read = || match std::fs::read(&self.path) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Page::new()),
            Err(error) => Err(error),
        };
        read().unwrap_or_else(|error: io::Error| {
            tracing::error!(path = %self.path.display(), %error, "it can't be read what containers might use before");
            Page::new()
        })
    }

    fn write(&self, page: &Page) -> io::Result<()> {
        disk::replace(&self.path, &serde_json::to_vec(page)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_away_is_said_the_way_the_limit_was_and_can_be_given_back() {
        let none = Limits::default();
        let nano = Limits { nano_cpus: NANO, ..none };
        let quota = Limits { cpu_quota: 30_000, cpu_period: 20_000, ..none };
        let freed = Limits { cpu_quota: -1, cpu_period: PERIOD, ..none };
        let of_100_ms = |quota| Limit::CpuQuota { quota, period: PERIOD };
        let of_20_ms = |quota| Limit::CpuQuota { quota, period: 20_000 };
        for (limits, percent, tight, back) in [
            (nano, 40, Limit::NanoCpus(600_000_000), Limit::NanoCpus(NANO)),
            (nano, 200, Limit::NanoCpus(LEAST_CPU), Limit::NanoCpus(NANO)),
            (Limits { nano_cpus: 10_000_000, ..none }, 20, Limit::NanoCpus(10_000_000), Limit::NanoCpus(10_000_000)),
            (quota, 100, of_20_ms(10_000), of_20_ms(30_000)),
            (quota, 200, of_20_ms(LEAST_QUOTA), of_20_ms(30_000)),
            (none, 140, of_100_ms(260_000), of_100_ms(-1)),
            (freed, 20, of_100_ms(380_000), of_100_ms(-1)),
        ] {
            assert_eq!(less_cpu(&limits, 4, percent), tight, "{limits:?} less {percent}");
            assert_eq!(original(FaultKind::Cpu, &limits), back, "{limits:?}");
        }
    }

    #[test]
    fn memory_is_taken_away_down_to_what_is_held() {
        let limits = |mib| Limits { memory: mib * MIB, ..Limits::default() };
        for (limit, held, less, left) in [
            (512, 10, 64, Some(448)),
            (512, 10, 640, Some(18)),
            (128, 3, 128, Some(11)),
            (128, 119, 64, Some(127)),
            (128, 120, 64, None),
            (128, 128, 64, None),
            (0, 3, 64, None),
        ] {
            let left = left.map(|mib: i64| Limit::Memory(mib * MIB));
            assert_eq!(less_memory(&limits(limit), held << 20, less), left, "{limit} MiB, {held} held, less {less}");
        }
        assert_eq!(original(FaultKind::Memory, &limits(512)), Limit::Memory(512 * MIB));
    }
}
