//! Which part of a run an instance is.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

/// One instance of a run: it takes an equal share of the load that was planned, or sends load that was added later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// From 1.
    number: u32,
    of: u32,
    burst: bool,
}

/// What the names of the folders of all but the first instance begin with that share the planned load.
const SHARE: &str = "instance-";
/// Those of instances that send load that was added.
const BURST: &str = "burst-";

impl Part {
    /// The only instance of a run.
    #[cfg(test)]
    pub const WHOLE: Self = Self { number: 1, of: 1, burst: false };

    /// Every instance of a run that has `of`.
    pub fn all(of: u32) -> Vec<Self> {
        (1..=of).map(|number| Self { number, of, burst: false }).collect()
    }

    /// The instance that sends load that was added; its number is no other instance's of the run.
    pub fn burst(number: u32) -> Self {
        Self { number, of: 1, burst: true }
    }

    /// Those that have a folder in the folder of a run; the first one always has.
    pub fn found(run: &Path) -> Vec<Self> {
        let exists = |number: &u32| Self { number: *number, of: *number, burst: false }.folder(run).is_dir();
        let more = (2..).take_while(exists).count();
        Self::all(1 + u32::try_from(more).unwrap_or_default())
    }

    /// Whether a folder in that of a run may be one of its instances'.
    pub fn is_folder(name: &str) -> bool {
        [SHARE, BURST].iter().any(|begin| name.starts_with(begin))
    }

    /// Those that send load that was added to the run in the folder `run`, as far as they have a folder.
    pub fn bursts(run: &Path) -> Vec<Self> {
        let names =
            fs::read_dir(run).into_iter().flatten().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut numbers = names.filter_map(|name| name.strip_prefix(BURST)?.parse().ok()).collect::<Vec<_>>();
        numbers.sort_unstable();
        numbers.into_iter().map(Self::burst).collect()
    }

    /// Its number, from 1.
    pub fn number(self) -> u32 {
        self.number
    }

    /// Its folder in that of the run.
    pub fn folder(self, run: &Path) -> PathBuf {
        match self.number {
            number if self.burst => run.join(format!("{BURST}{number}")),
            // One instance alone has the run's folder for itself.
            1 => run.to_owned(),
            number => run.join(format!("{SHARE}{number}")),
        }
    }

    /// Makes its folder, where it is another than the run's.
    ///
    /// # Errors
    /// When the run's folder takes none.
    pub fn make_folder(self, run: &Path) -> io::Result<PathBuf> {
        let folder = self.folder(run);
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        Ok(folder)
    }

    /// What tells k6 that it is one of several, see k6's documentation of execution segments; nothing for the only one.
    pub fn arguments(self) -> Vec<String> {
        let Self { number, of, .. } = self;
        if of == 1 {
            return Vec::new();
        }
        let mark = |number: u32| match number {
            0 => "0".to_owned(),
            number if number == of => "1".to_owned(),
            number => format!("{number}/{of}"),
        };
        let sequence = (0..=of).map(mark).collect::<Vec<_>>().join(",");
        let segment = format!("{}:{}", mark(number - 1), mark(number));
        vec![format!("--execution-segment={segment}"), format!("--execution-segment-sequence={sequence}")]
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_segments_of_all_parts_are_the_whole() {
        assert_eq!(Part::all(1), [Part::WHOLE]);
        assert!(Part::WHOLE.arguments().is_empty());
        let segments = Part::all(3).into_iter().map(|part| part.arguments().concat()).collect::<Vec<_>>();
        let sequence = "--execution-segment-sequence=0,1/3,2/3,1";
        let expected = ["0:1/3", "1/3:2/3", "2/3:1"].map(|segment| format!("--execution-segment={segment}{sequence}"));
        assert_eq!(segments, expected);
    }

    #[test]
    fn parts_are_found_by_their_folders() {
        let run = tempfile::tempdir().unwrap();
        assert_eq!(Part::found(run.path()), [Part::WHOLE]);
        for part in Part::all(3) {
            assert_eq!(part.make_folder(run.path()).unwrap(), part.folder(run.path()));
        }
        assert_eq!(Part::found(run.path()), Part::all(3));
        assert_eq!(Part::bursts(run.path()), []);
        for number in [10, 4] {
            let folder = Part::burst(number).make_folder(run.path()).unwrap();
            assert_eq!(folder, run.path().join(format!("burst-{number}")));
        }
        fs::create_dir(run.path().join("burst-x")).unwrap();
        assert_eq!(Part::bursts(run.path()), [Part::burst(4), Part::burst(10)]);
        assert_eq!((Part::found(run.path()), Part::burst(4).arguments()), (Part::all(3), vec![]));
    }
}
