//! Processes that are known only by number: a number may be another process's by now, a number with a start time not.

use std::{io, path::Path};

use procfs::process::{ProcState, Process};
use rustix::{
    io::Errno,
    process::{Pid, PidfdFlags, Signal, kill_process, kill_process_group, pidfd_open, pidfd_send_signal},
};
use serde::{Deserialize, Serialize};

/// A process that can be told from a later one with the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Its number.
    pub pid: u32,
    /// Its start in clock ticks after boot, as `/proc/<pid>/stat` has it.
    pub start_ticks: u64,
}

impl Identity {
    /// The process that has this number now; `None`: there is none.
    pub fn of(pid: u32) -> Option<Self> {
        let stat = Process::new(i32::try_from(pid).ok()?).ok()?.stat().ok()?;
        Some(Self { pid, start_ticks: stat.starttime })
    }

    /// Whether it still runs. One that ended but was not waited for does not.
    pub fn is_alive(&self) -> bool {
        let Ok(pid) = i32::try_from(self.pid) else { return false };
        let Ok(stat) = Process::new(pid).and_then(|process| process.stat()) else { return false };
        stat.starttime == self.start_ticks && !matches!(stat.state(), Ok(ProcState::Zombie | ProcState::Dead))
    }

    /// Signals it where it still runs.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        self.send(|pid| match pidfd_open(pid, PidfdFlags::empty()) {
            // What the descriptor is of can't change any more, so it is looked at once more.
            Ok(process) if self.is_alive() => pidfd_send_signal(process, signal),
            Ok(_) => Ok(()),
            // Not in every sandbox.
            Err(Errno::NOSYS | Errno::PERM) => kill_process(pid, signal),
            Err(errno) => Err(errno),
        })
    }

    /// Signals its whole process group where it still runs; it must lead one.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn signal_group(&self, signal: Signal) -> io::Result<()> {
        self.send(|pid| kill_process_group(pid, signal))
    }

    fn send(&self, send: impl FnOnce(Pid) -> Result<(), Errno>) -> io::Result<()> {
        if !self.is_alive() {
            return Ok(());
        }
        match i32::try_from(self.pid).ok().and_then(Pid::from_raw).map(send) {
            None | Some(Ok(()) | Err(Errno::SRCH)) => Ok(()),
            Some(Err(errno)) => Err(errno.into()),
        }
    }
}

/// A process that was found.
#[derive(Debug, Clone)]
pub struct Found {
    /// Which it is.
    pub identity: Identity,
    /// Its parent's number.
    pub parent: i32,
    /// The name of its program's file.
    pub program: String,
}

/// The processes that work in the folder `dir`, each with its parent's number.
pub fn working_in(dir: &Path) -> Vec<(Identity, i32)> {
    working(dir, |cwd, dir| cwd == dir).into_iter().map(|found| (found.identity, found.parent)).collect()
}

/// The processes that work in a folder below `dir`.
pub fn working_below(dir: &Path) -> Vec<Found> {
    working(dir, |cwd, dir| cwd != dir && cwd.starts_with(dir))
}

fn working(dir: &Path, counts: impl Fn(&Path, &Path) -> bool) -> Vec<Found> {
    let (Ok(dir), Ok(all)) = (dir.canonicalize(), procfs::process::all_processes()) else { return Vec::new() };
    let found = all.flatten().filter(|process| process.cwd().is_ok_and(|cwd| counts(&cwd, &dir)));
    let found = found.filter_map(|process| {
        let stat = process.stat().ok()?;
        let identity = Identity { pid: u32::try_from(stat.pid).ok()?, start_ticks: stat.starttime };
        // The system says so of a file that was replaced.
        let program = process.exe().ok()?.file_name()?.to_string_lossy().trim_end_matches(" (deleted)").to_owned();
        Some(Found { identity, parent: stat.ppid, program })
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_process_with_the_same_number_is_not_it() {
        let me = Identity::of(std::process::id()).expect("this process exists");
        assert!(me.is_alive());
        let earlier = Identity { start_ticks: me.start_ticks - 1, ..me };
        assert!(!earlier.is_alive());
        // Would end the tests if it were sent.
        earlier.signal(Signal::KILL).expect("a foreign process is left alone");
    }

    #[test]
    fn a_process_that_ended_is_not_alive_even_before_it_is_waited_for() {
        let mut child = std::process::Command::new("true").spawn().expect("true starts");
        let identity = Identity::of(child.id()).expect("not waited for yet");
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while identity.is_alive() {
            assert!(std::time::Instant::now() < deadline, "true did not end");
            std::thread::yield_now();
        }
        child.wait().expect("waited");
        assert!(Identity::of(child.id()).is_none_or(|now| now != identity));
    }
}
