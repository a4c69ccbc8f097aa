//! Everything that comes from outside, fed with what nobody would send.
//!
//! A [`Target`] reads bytes the way the program does, and asserts what must hold whatever they are: more than that it does not
//! panic, where there is more. Every target has first inputs in `fuzz/NAME`, where what once broke it stays. The tests here
//! try them and variations of them for a moment, always the same; `make fuzz` goes on from them, led by what the program
//! reaches, with libFuzzer.

#![allow(clippy::unwrap_used)]

#[cfg(feature = "fuzz")]
mod libfuzzer;
mod targets;
mod vary;

use std::{
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rand::{SeedableRng, rngs::StdRng};

pub use self::targets::TARGETS;

/// A way in for what comes from outside.
pub struct Target {
    /// Its name, and that of the folder with its first inputs.
    pub name: &'static str,
    /// Takes an input; panics where something is wrong.
    pub take: fn(&[u8]),
}

/// How long a target is tried in a test, and how many variations at most.
const MOMENT: (Duration, usize) = (Duration::from_millis(300), 3_000);

/// Where the first inputs of a target are.
fn folder(target: &Target) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(target.name)
}

/// The first inputs of a target, by the names of their files.
fn seeds(target: &Target) -> Vec<Vec<u8>> {
    let folder = folder(target);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// Whether a target takes an input; if not, the input goes to the terminal as it can be written into a test.
fn survives(target: &Target, input: &[u8]) -> bool {
    let taken = panic::catch_unwind(AssertUnwindSafe(|| (target.take)(input))).is_ok();
    if !taken {
        eprintln!("{} does not take b\"{}\"", target.name, input.escape_ascii());
    }
    taken
}

#[test]
fn nothing_from_outside_breaks_what_reads_it() {
    let mut broken = Vec::new();
    for target in TARGETS {
        let seeds = seeds(target);
        assert!(!seeds.is_empty(), "{} has no first inputs", target.name);
        let mut good = seeds.iter().all(|seed| survives(target, seed));
        let (mut random, began, mut tried) = (StdRng::seed_from_u64(1), Instant::now(), 0);
        while good && tried < MOMENT.1 && began.elapsed() < MOMENT.0 {
            good = survives(target, &vary::vary(&seeds, &mut random));
            tried += 1;
        }
        println!("{:>6} variations of {} inputs for {}", tried, seeds.len(), target.name);
        if !good {
            broken.push(target.name);
        }
    }
    assert_eq!(broken, Vec::<&str>::new());
}

#[test]
fn every_folder_of_inputs_has_its_target() {
    let folders = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")).unwrap();
    let mut folders: Vec<_> = folders.map(|folder| folder.unwrap().file_name().into_string().unwrap()).collect();
    folders.sort();
    let mut names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
    names.sort_unstable();
    assert_eq!(folders, names);
}
