//! The journal on disk: a line of JSON an entry, in two files of bounded length.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use ha_dashboard::domain::event::Event;

/// The file in the state folder.
const FILE: &str = "journal.jsonl";
/// The older part, once it has grown large.
const OLD_FILE: &str = "journal.jsonl.1";

/// How long the newer part may grow, in bytes: some thousand entries, each a few hundred.
const PART: u64 = 1024 * 1024;

/// Where entries are written.
#[derive(Debug)]
pub struct Diary {
    path: PathBuf,
    old: PathBuf,
    file: Option<File>,
    bytes: u64,
    /// Whether the last line may not be whole.
    torn: bool,
    /// Whether the last entry could not be written, which is told once.
    failing: bool,
}

impl Diary {
    /// The one in a folder, and its last `most` entries, oldest first. Lines that can't be read are passed over: the last one
    /// of a process that was killed, or of a disk that was full.
    pub fn open(folder: &Path, most: usize) -> (Self, Vec<Event>) {
        let (path, old) = (folder.join(FILE), folder.join(OLD_FILE));
        let [before, text] = [&old, &path].map(|path| read(path));
        let torn = !text.is_empty() && !text.ends_with('\n');
        let lines = before.lines().chain(text.lines());
        let mut events = lines.filter_map(|line| serde_json::from_str(line).ok()).collect::<Vec<_>>();
        let kept = events.split_off(events.len().saturating_sub(most));
        (Self { path, old, file: None, bytes: text.len() as u64, torn, failing: false }, kept)
    }

    /// Adds an entry. Where that can't be done this process goes on without.
    pub fn write(&mut self, event: &Event) {
        match self.try_write(event) {
            Ok(()) => self.failing = false,
            Err(error) => {
                // The next entry begins anew, also where the folder was replaced.
                (self.file, self.torn) = (None, true);
                if !std::mem::replace(&mut self.failing, true) {
                    let path = self.path.display();
                    tracing::warn!(%path, %error, "what happens is not written down: a restart will not know it");
                }
            }
        }
    }

    fn try_write(&mut self, event: &Event) -> io::Result<()> {
        let mut line = serde_json::to_vec(event)?;
        line.push(b'\n');
        if self.torn {
            line.insert(0, b'\n');
        }
        if self.bytes >= PART {
            self.file = None;
            fs::rename(&self.path, &self.old)?;
            self.bytes = 0;
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(File::options().create(true).append(true).open(&self.path)?),
        };
        // In one piece: who is killed leaves all of it or nothing.
        file.write_all(&line)?;
        self.bytes += line.len() as u64;
        self.torn = false;
        Ok(())
    }
}

fn read(path: &Path) -> String {
    match fs::read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => {
            if error.kind() != io::ErrorKind::NotFound {
                tracing::warn!(path = %path.display(), %error, "what happened earlier can't be read");
            }
            String::new()
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ha_dashboard::domain::event::EventKind;

    use super::*;

    fn event(at_ms: u64) -> Event {
        Event { at_ms, kind: EventKind::MetricsDelayed { seconds: 9, reason: "x".repeat(1000) } }
    }

    fn times(events: &[Event]) -> Vec<u64> {
        events.iter().map(|event| event.at_ms).collect()
    }

    #[test]
    fn lines_that_are_not_whole_cost_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let write = |at_ms| Diary::open(folder.path(), 10).0.write(&event(at_ms));
        write(1);
        fs::write(&path, fs::read_to_string(&path).unwrap() + "{\"at_ms\":2,\"kind\":{\"eve").unwrap();
        write(3);
        File::options()
            .append(true)
            .open(&path)
            .unwrap()
            .write_all(b"{\"at_ms\":4,\"kind\":{\"event\":\"of tomorrow\"}}\n")
            .unwrap();
        write(5);
        assert_eq!(times(&Diary::open(folder.path(), 10).1), [1, 3, 5]);
    }

    #[test]
    fn it_is_bounded_and_goes_on_after_what_could_not_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let (mut diary, _) = Diary::open(folder.path(), 10);
        (0..3_000).for_each(|at_ms| diary.write(&event(at_ms)));
        let sizes = [FILE, OLD_FILE].map(|name| fs::metadata(folder.path().join(name)).unwrap().len());
        assert!(sizes.iter().all(|size| *size <= PART + 2_000), "{sizes:?}");
        let (mut diary, known) = Diary::open(folder.path(), 1_000);
        assert_eq!(times(&known), (2_000..3_000).collect::<Vec<_>>());

        let elsewhere = folder.path().join("elsewhere");
        fs::rename(folder.path().join(FILE), &elsewhere).unwrap();
        fs::create_dir(folder.path().join(FILE)).unwrap();
        diary.write(&event(3_000));
        fs::remove_dir(folder.path().join(FILE)).unwrap();
        diary.write(&event(3_001));
        assert_eq!(Diary::open(folder.path(), 1).1.iter().map(|event| event.at_ms).collect::<Vec<_>>(), [3_001]);
    }
}
