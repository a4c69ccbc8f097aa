//! What a demo service uses up beside its work, for a set time: processor time, memory and the disk. It ends by itself, with
//! the process at the latest, and leaves nothing: the file that is written to has no name.

use std::{
    fs::File,
    io::{self, Seek, Write},
    path::Path,
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread::{Builder, JoinHandle},
    time::{Duration, Instant},
};

use ha_dashboard::domain::Millis;

use crate::server::clock::now_ms;

/// Most cores that may be used up.
const MOST_CORES: f64 = 4.0;

/// Most memory that may be held, in MiB.
const MOST_MEMORY_MB: u32 = 1024;

/// Most that may be written, in MiB a second.
const MOST_DISK_MB_S: u32 = 200;

/// How far ahead the end may be.
const LONGEST: Duration = Duration::from_secs(30 * 60);

/// A core is used for a share of each such stretch.
const STRETCH: Duration = Duration::from_millis(20);

const MIB: usize = 1024 * 1024;

/// After as many MiB the file is written from its beginning again.
const FILE_MB: u32 = 16;

/// Where files are on a disk, as a rule; else it is the folder for temporary ones.
const ON_DISK: &str = "/var/tmp";

/// What is used up, and until when.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Pressure {
    /// So many cores.
    pub cpu: f64,
    /// So many MiB of memory.
    pub memory_mb: u32,
    /// So many MiB a second written to disk.
    pub disk_mb_s: u32,
    /// When it ends, in ms since 1970; needed with any of the others.
    pub until_ms: Option<Millis>,
}

impl Pressure {
    /// Whether there is any.
    fn is_some(&self) -> bool {
        self.cpu > 0.0 || self.memory_mb > 0 || self.disk_mb_s > 0
    }

    /// Refuses what is out of bounds at `now_ms`.
    ///
    /// # Errors
    /// What is allowed.
    pub fn check(&self, now_ms: Millis) -> Result<(), String> {
        if !(0.0..=MOST_CORES).contains(&self.cpu) {
            return Err(format!("cpu must be a number of cores from 0 to {MOST_CORES}"));
        }
        if self.memory_mb > MOST_MEMORY_MB {
            return Err(format!("memory_mb must be a whole number from 0 to {MOST_MEMORY_MB}"));
        }
        if self.disk_mb_s > MOST_DISK_MB_S {
            return Err(format!("disk_mb_s must be a whole number from 0 to {MOST_DISK_MB_S}"));
        }
        let left = self.until_ms.and_then(|until_ms| until_ms.checked_sub(now_ms)).map(Duration::from_millis);
        if self.is_some() && !left.is_some_and(|left| !left.is_zero() && left <= LONGEST) {
            let minutes = LONGEST.as_secs() / 60;
            return Err(format!(
                "cpu, memory_mb and disk_mb_s need until_ms: their end in ms since 1970, at most {minutes} min ahead"
            ));
        }
        Ok(())
    }

    /// What is left of it at `now_ms`.
    fn at(self, now_ms: Millis) -> Self {
        if self.until_ms.is_some_and(|until_ms| now_ms < until_ms) && self.is_some() { self } else { Self::default() }
    }
}

/// Puts pressure on: one at a time.
#[derive(Debug, Default)]
pub struct Presser(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    pressure: Pressure,
    end: Arc<End>,
    threads: Vec<JoinHandle<()>>,
}

impl Presser {
    /// What is used up now.
    pub fn now(&self) -> Pressure {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pressure.at(now_ms())
    }

    /// Ends what there is, and begins with `pressure`. Blocks until the former has ended.
    ///
    /// # Errors
    /// When the system gives no threads or no file; then there is no pressure at all.
    pub fn press(&self, pressure: Pressure) -> io::Result<()> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.release();
        let pressure = pressure.at(now_ms());
        let Some(until_ms) = pressure.until_ms else { return Ok(()) };
        let left = Duration::from_millis(until_ms.saturating_sub(now_ms()));
        held.end = Arc::new(End { at: Instant::now() + left, ..End::default() });
        let begun = held.begin(pressure);
        if begun.is_err() {
            held.release();
        }
        begun
    }
}

impl Held {
    fn begin(&mut self, pressure: Pressure) -> io::Result<()> {
        self.pressure = pressure;
        let whole = pressure.cpu.floor();
        let shares = std::iter::repeat_n(1.0, whole as usize).chain([pressure.cpu - whole]);
        for share in shares.filter(|share| *share > 0.0) {
            self.spawn("pressure-cpu", move |end| burn(share, end))?;
        }
        if pressure.memory_mb > 0 {
            self.spawn("pressure-memory", move |end| hold(pressure.memory_mb, end))?;
        }
        if pressure.disk_mb_s > 0 {
            let dir = Path::new(ON_DISK);
            let file = tempfile::tempfile_in(dir).or_else(|_| tempfile::tempfile())?;
            self.spawn("pressure-disk", move |end| {
                if let Err(error) = write(file, pressure.disk_mb_s, end) {
                    tracing::warn!(%error, "the disk takes no more");
                }
            })?;
        }
        Ok(())
    }

    fn spawn(&mut self, name: &str, work: impl FnOnce(&End) + Send + 'static) -> io::Result<()> {
        let end = Arc::clone(&self.end);
        self.threads.push(Builder::new().name(name.into()).spawn(move || work(&end))?);
        Ok(())
    }

    fn release(&mut self) {
        self.end.now();
        // One that panicked has ended, too.
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
        self.pressure = Pressure::default();
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.release();
    }
}

/// When the pressure ends, and whether it ended before.
#[derive(Debug)]
struct End {
    at: Instant,
    ended: Mutex<bool>,
    changed: Condvar,
}

impl Default for End {
    fn default() -> Self {
        Self { at: Instant::now(), ended: Mutex::new(false), changed: Condvar::new() }
    }
}

impl End {
    fn now(&self) {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    /// Waits at most until `until`; whether there is an end now.
    fn by(&self, until: Instant) -> bool {
        let wait = until.min(self.at).saturating_duration_since(Instant::now());
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(ended, wait, |ended| !*ended);
        let (ended, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *ended || Instant::now() >= self.at
    }
}

/// Uses a share of one core.
fn burn(share: f64, end: &End) {
    let mut begun = Instant::now();
    while !end.by(begun) {
        let busy = STRETCH.mul_f64(share);
        let mut value = 1_u64;
        while begun.elapsed() < busy {
            for step in 0..1000 {
                value = std::hint::black_box(value.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(step));
            }
        }
        // What was lost to others is not made up for.
        begun = (begun + STRETCH).max(Instant::now() - STRETCH);
    }
}

/// Holds memory, every page of it written to.
fn hold(mb: u32, end: &End) {
    let mut held = Vec::new();
    for _ in 0..mb {
        if end.by(Instant::now()) {
            return;
        }
        held.push(std::hint::black_box(vec![1_u8; MIB]));
    }
    while !end.by(end.at) {}
    drop(held);
}

/// Writes, and lets the disk confirm each MiB.
fn write(mut file: File, mb_per_s: u32, end: &End) -> io::Result<()> {
    let chunk = vec![0xA5_u8; MIB];
    let pause = Duration::from_secs(1) / mb_per_s;
    let mut next = Instant::now();
    for count in 0_u32.. {
        if end.by(next) {
            break;
        }
        if count.is_multiple_of(FILE_MB) {
            file.rewind()?;
        }
        file.write_all(&chunk)?;
        file.sync_data()?;
        // A disk that is slower than asked for is just as busy.
        next = (next + pause).max(Instant::now() - pause);
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::{
        fs::{read_dir, read_to_string},
        process::Command,
    };

    use super::*;

    /// Set in the process that is measured.
    const MEASURED: &str = "HAD_MEASURED";

    /// Longest that something that must happen may take on a loaded machine.
    const PATIENCE: Duration = Duration::from_secs(30);

    /// The threads of this process with a name.
    fn threads(name: &str) -> Vec<std::path::PathBuf> {
        let tasks = read_dir("/proc/self/task").unwrap().filter_map(Result::ok).map(|entry| entry.path());
        let named =
            |task: &std::path::PathBuf| read_to_string(task.join("comm")).is_ok_and(|comm| comm.trim_end() == name);
        tasks.filter(named).collect()
    }

    /// Processor time of these threads so far, in clock ticks.
    fn ticks(name: &str) -> u64 {
        let of = |task: &std::path::PathBuf| {
            let stat = read_to_string(task.join("stat")).unwrap_or_default();
            let after = stat.rsplit(") ").next().unwrap_or_default();
            let times = after.split(' ').skip(11).take(2).filter_map(|field| field.parse::<u64>().ok());
            times.sum::<u64>()
        };
        threads(name).iter().map(of).sum()
    }

    /// Bytes that these threads have written so far.
    fn written(name: &str) -> u64 {
        let of = |task: &std::path::PathBuf| {
            let io = read_to_string(task.join("io")).unwrap_or_default();
            io.lines().find_map(|line| line.strip_prefix("wchar: ")?.parse::<u64>().ok()).unwrap_or_default()
        };
        threads(name).iter().map(of).sum()
    }

    /// Memory of this process, in MiB.
    fn resident_mb() -> u64 {
        let status = read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() / 1024
    }

    fn wait_for(what: &str, happened: impl Fn() -> bool) {
        let begun = Instant::now();
        while !happened() {
            assert!(begun.elapsed() < PATIENCE, "{what}");
            std::thread::yield_now();
        }
    }

    #[test]
    fn only_bounded_pressure_with_an_end_is_taken() {
        let now = 1_000_000;
        let until = |ahead_ms| Some(now + ahead_ms);
        let one = Pressure { cpu: 1.0, until_ms: until(1), ..Pressure::default() };
        let largest = Pressure { cpu: 4.0, memory_mb: 1024, disk_mb_s: 200, until_ms: until(1_800_000) };
        for taken in [Pressure::default(), one, largest, Pressure { until_ms: Some(1), ..Pressure::default() }] {
            assert_eq!(taken.check(now), Ok(()), "{taken:?}");
        }
        for refused in [
            Pressure { until_ms: None, ..one },
            Pressure { until_ms: Some(now), ..one },
            Pressure { until_ms: Some(0), ..one },
            Pressure { until_ms: until(1_800_001), ..one },
            Pressure { until_ms: Some(u64::MAX), ..one },
            Pressure { cpu: 4.1, ..one },
            Pressure { cpu: -0.1, ..one },
            Pressure { cpu: f64::NAN, ..one },
            Pressure { memory_mb: 1025, ..one },
            Pressure { disk_mb_s: 201, ..one },
        ] {
            assert!(refused.check(now).is_err(), "{refused:?}");
        }
    }

    #[test]
    fn what_is_asked_for_is_used_up_and_given_back() {
        // In a process of its own: what other tests use at the same time would be measured, too.
        let measured = Command::new("/proc/self/exe")
            .args(["--exact", "demo::pressure::tests::measured_process", "--nocapture"])
            .env(MEASURED, "")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&measured.stdout) + String::from_utf8_lossy(&measured.stderr);
        assert!(measured.status.success() && said.contains("1 passed"), "{said}");
    }

    /// Not a test by itself: the process that the one above measures.
    #[test]
    fn measured_process() {
        if std::env::var_os(MEASURED).is_none() {
            return;
        }
        let presser = Presser::default();
        let before_mb = resident_mb();
        let all = Pressure { cpu: 0.5, memory_mb: 256, disk_mb_s: 20, until_ms: Some(now_ms() + 600_000) };
        presser.press(all).unwrap();
        assert_eq!(presser.now(), all);
        wait_for("memory is held", || resident_mb() >= before_mb + 200);
        wait_for("something is written", || written("pressure-disk") > 4 * MIB as u64);
        wait_for("a core is used", || ticks("pressure-cpu") > 10);

        presser.press(Pressure { cpu: 1.5, ..all }).unwrap();
        // A thread takes its name once it runs, and is listed for a moment after its end.
        let at_work = |name: &str, count| threads(name).len() == count;
        wait_for("one is in place of the other", || at_work("pressure-cpu", 2) && at_work("pressure-memory", 1));

        presser.press(Pressure::default()).unwrap();
        assert_eq!(presser.now(), Pressure::default());
        let names = ["pressure-cpu", "pressure-memory", "pressure-disk"];
        let idle = || names.iter().all(|name| at_work(name, 0));
        wait_for("nothing is at work", idle);
        wait_for("memory is given back", || resident_mb() < before_mb + 150);

        let until_ms = now_ms() + 300;
        presser.press(Pressure { until_ms: Some(until_ms), ..all }).unwrap();
        wait_for("its time is over", || presser.now() == Pressure::default());
        assert!(now_ms() >= until_ms, "not before its time");
        wait_for("it ends by itself", idle);

        presser.press(Pressure { memory_mb: 0, disk_mb_s: 0, until_ms: Some(now_ms() + 600_000), ..all }).unwrap();
        drop(presser);
        wait_for("nothing outlives its service", idle);
    }
}
