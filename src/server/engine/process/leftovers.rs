//! k6 of ours that nobody follows: what it left may be damaged or gone, so the system is asked, not files.

use std::{io, path::Path};

use rustix::process::Signal;

use crate::server::proc::{self, Found};

/// Ends the keepers and k6 that work below the state folder `dir`, but for the k6 of the numbers `known` and their keepers.
/// Keepers are told to end theirs, with its summary; a k6 without one is killed. Says how many k6 that is.
///
/// # Errors
/// When the system refuses one; the others are ended.
pub fn end(dir: &Path, k6: &Path, known: &[u32]) -> io::Result<u32> {
    let own = std::fs::read_link("/proc/self/exe").ok();
    let names = [k6.canonicalize().ok().as_deref(), Some(k6), own.as_deref()].map(|path| {
        let name = path?.file_name()?.to_string_lossy();
        Some(name.trim_end_matches(" (deleted)").to_owned())
    });
    // Whoever else works there, such as somebody who reads a log, is left alone.
    let found =
        proc::working_below(&dir.join("runs")).into_iter().filter(|found| names.contains(&Some(found.program.clone())));
    let found = found.collect::<Vec<_>>();
    let (mut count, mut refused) = (0, Ok(()));
    for one in unknown(&found, known) {
        let is_keeper = found.iter().any(|other| is_parent(one, other));
        tracing::warn!(
            pid = one.identity.pid,
            is_keeper,
            program = one.program,
            "ending a k6 that belongs to no run at work"
        );
        match one.identity.signal(if is_keeper { Signal::TERM } else { Signal::KILL }) {
            Ok(()) => count += 1,
            Err(error) => refused = Err(error),
        }
    }
    refused.map(|()| count)
}

/// Those to signal: keepers that are not those of known k6, and k6 whose keeper is gone.
fn unknown<'a>(found: &'a [Found], known: &[u32]) -> Vec<&'a Found> {
    let is_known = |one: &Found| known.contains(&one.identity.pid);
    let keeps_known = |one: &Found| found.iter().any(|other| is_parent(one, other) && is_known(other));
    let has_keeper = |one: &Found| found.iter().any(|other| is_parent(other, one));
    found.iter().filter(|one| !is_known(one) && !keeps_known(one) && !has_keeper(one)).collect()
}

fn is_parent(parent: &Found, child: &Found) -> bool {
    i32::try_from(parent.identity.pid) == Ok(child.parent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::proc::Identity;

    #[test]
    fn keepers_of_known_k6_are_left_alone_and_lone_k6_are_not() {
        let found =
            |pid: u32, parent: i32| Found { identity: Identity { pid, start_ticks: 1 }, parent, program: "k6".into() };
        // Known; unknown; without a keeper; a keeper that has no k6 yet.
        let all = [found(10, 1), found(11, 10), found(20, 1), found(21, 20), found(31, 1), found(40, 1)];
        let pids = unknown(&all, &[11]).iter().map(|one| one.identity.pid).collect::<Vec<_>>();
        assert_eq!(pids, [20, 31, 40]);
    }
}
