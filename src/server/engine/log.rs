//! k6's output, line by line: debug lines are dropped, the size is bounded, and the line that tells the start is found.

use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use ha_dashboard::domain::Millis;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    sync::mpsc,
    task::JoinHandle,
};

use super::{locked, now_ms};

/// Longest line kept, in bytes; the rest of a longer one is dropped.
const LINE: usize = 16 * 1024;
/// Size at which the log is set aside as its older part, in bytes. Two such parts are all that is kept.
const PART: u64 = 4 * 1024 * 1024;

/// What k6 logs with `--verbose` when its executors begin: init code, VUs and `setup()` are done, the schedule's time
/// starts. The second follows the first; it is there for a version that words the first differently.
const START_MARKS: [&str; 2] = [r#""msg":"Start all executors...""#, r#""msg":"Starting executor run...""#];

/// Writes lines to a file and sets it aside when it has grown large.
pub struct CappedLog {
    file: fs::File,
    size: u64,
    path: PathBuf,
    old: PathBuf,
}

impl CappedLog {
    /// Appends to `path`; `old` takes what is set aside.
    pub fn open(path: &Path, old: &Path) -> io::Result<Self> {
        let file = fs::File::options().create(true).append(true).open(path)?;
        let size = file.metadata()?.len();
        Ok(Self { file, size, path: path.to_owned(), old: old.to_owned() })
    }

    /// Opens it empty.
    fn create(path: &Path, old: &Path) -> io::Result<Self> {
        [path, old].into_iter().try_for_each(remove)?;
        Self::open(path, old)
    }

    /// Appends a line, shortened where it is very long.
    pub fn write(&mut self, line: &[u8]) -> io::Result<()> {
        if self.size > PART {
            fs::rename(&self.path, &self.old)?;
            *self = Self::open(&self.path, &self.old)?;
        }
        let line = &line[..line.len().min(LINE)];
        let mut whole = Vec::with_capacity(line.len() + 1);
        whole.extend_from_slice(line);
        whole.push(b'\n');
        self.size += whole.len() as u64;
        self.file.write_all(&whole)
    }
}

/// A log that is read again from its beginning. What is there stays until as much of it was read again: its source may go
/// away before.
struct Again {
    log: CappedLog,
    /// Where it belongs, and how many bytes it still lacks; `None`: it is there.
    lacks: Option<(PathBuf, PathBuf, u64)>,
}

impl Again {
    fn begin(path: &Path, old: &Path) -> io::Result<Self> {
        let size = |path: &Path| fs::metadata(path).map_or(0, |about| about.len());
        let lacks = size(path) + size(old);
        let beside = |path: &Path| path.with_added_extension("again");
        let log = CappedLog::create(&beside(path), &beside(old))?;
        let mut again = Self { log, lacks: Some((path.to_owned(), old.to_owned(), lacks)) };
        again.settle()?;
        Ok(again)
    }

    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        self.log.write(line)?;
        if let Some((.., lacks)) = &mut self.lacks {
            *lacks = lacks.saturating_sub(line.len().min(LINE) as u64 + 1);
        }
        self.settle()
    }

    /// Takes its place once it has all that is there.
    fn settle(&mut self) -> io::Result<()> {
        let Some((path, old, _)) = self.lacks.take_if(|(.., lacks)| *lacks == 0) else { return Ok(()) };
        if self.log.old.exists() {
            fs::rename(&self.log.old, &old)?;
        } else {
            remove(&old)?;
        }
        fs::rename(&self.log.path, &path)?;
        (self.log.path, self.log.old) = (path, old);
        Ok(())
    }
}

impl Drop for Again {
    fn drop(&mut self) {
        if self.lacks.is_some() {
            // The fuller one stays.
            let _ = remove(&self.log.path);
            let _ = remove(&self.log.old);
        }
    }
}

fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Takes the lines of a log that is read again, on a thread that may wait for the disk.
pub struct Writer {
    lines: mpsc::Sender<Vec<u8>>,
    thread: JoinHandle<()>,
}

impl Writer {
    /// Most lines that wait.
    const QUEUE: usize = 256;

    /// Reads the log at `path` again; `old` takes what is set aside.
    pub fn again(path: PathBuf, old: PathBuf) -> Self {
        let (lines, mut queue) = mpsc::channel::<Vec<u8>>(Self::QUEUE);
        let thread = tokio::task::spawn_blocking(move || {
            let mut log = Again::begin(&path, &old)
                .inspect_err(|error| tracing::error!(path = %path.display(), %error, "k6's log can't be written"))
                .ok();
            while let Some(line) = queue.blocking_recv() {
                // A full disk must not end the run.
                let _ = log.as_mut().map(|log| log.write(&line));
            }
        });
        Self { lines, thread }
    }

    /// Takes a line.
    pub async fn write(&self, line: Vec<u8>) {
        // The thread ends with this value only.
        let _ = self.lines.send(line).await;
    }

    /// Waits until everything is written.
    pub async fn end(self) {
        drop(self.lines);
        let _ = self.thread.await;
    }
}

/// Moves k6's output to the log until it ends, and tells when k6 began its scenario.
pub async fn pump(
    mut output: impl AsyncRead + Unpin + Send + 'static,
    log: Arc<Mutex<CappedLog>>,
    started: mpsc::UnboundedSender<Millis>,
) {
    let mut lines = Lines::default();
    let mut buffer = vec![0; 8 * 1024];
    loop {
        let read = match output.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(read) => read,
        };
        lines.push(&buffer[..read], |line| take(line, &log, &started));
    }
    lines.end(|line| take(line, &log, &started));
}

fn take(line: &[u8], log: &Mutex<CappedLog>, started: &mpsc::UnboundedSender<Millis>) {
    match sort(line) {
        Kind::Start => {
            // Nobody listens any more once one was taken.
            let _ = started.send(now_ms());
        }
        Kind::Noise => {}
        Kind::Keep => {
            // A full disk must not end the run.
            let _ = locked(log).write(line);
        }
    }
}

/// What a line is good for.
#[derive(Debug, PartialEq, Eq)]
pub enum Kind {
    /// It tells that the schedule begins.
    Start,
    /// Nobody needs it.
    Noise,
    /// It belongs in the log.
    Keep,
}

/// Tells k6's lines apart.
pub fn sort(line: &[u8]) -> Kind {
    let line = String::from_utf8_lossy(line);
    // Inside a JSON string the quotes would be escaped, so these can only be fields.
    if line.starts_with('{') && line.contains(r#""level":"debug""#) {
        let by_script = line.contains(r#""source":"console""#);
        return if START_MARKS.iter().any(|mark| line.contains(mark)) && !by_script {
            Kind::Start
        } else {
            Kind::Noise
        };
    }
    // k6's first line comes before it has read --log-format.
    let noise = line.trim().is_empty() || (line.starts_with("time=") && line.contains(" level=debug "));
    if noise { Kind::Noise } else { Kind::Keep }
}

/// Cuts a byte stream into lines.
#[derive(Default)]
pub struct Lines {
    rest: Vec<u8>,
}

impl Lines {
    /// Takes a piece, cut anywhere, and hands on each line that it ends, none longer than [`LINE`].
    pub fn push(&mut self, bytes: &[u8], mut each: impl FnMut(&[u8])) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ends) = match piece.split_last() {
                Some((b'\n', text)) => (text, true),
                _ => (piece, false),
            };
            let room = LINE.saturating_sub(self.rest.len());
            self.rest.extend_from_slice(&text[..text.len().min(room)]);
            if ends {
                each(&self.rest);
                self.rest.clear();
            }
        }
    }

    /// Hands on what came after the last line's end.
    pub fn end(self, mut each: impl FnMut(&[u8])) {
        if !self.rest.is_empty() {
            each(&self.rest);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_wherever_the_pieces_end_and_long_ones_are_shortened() {
        let text = format!("one\n\ntwo\n{}\nlast", "x".repeat(LINE * 2));
        for size in [1, 2, 3, 7, 4096, text.len()] {
            let (mut lines, mut got) = (Lines::default(), Vec::new());
            for piece in text.as_bytes().chunks(size) {
                lines.push(piece, |line| got.push(line.len()));
            }
            lines.end(|line| got.push(line.len()));
            assert_eq!(got, [3, 0, 3, LINE, 4], "pieces of {size}");
        }
    }

    #[test]
    fn debug_lines_are_dropped_and_only_k6_itself_tells_the_start() {
        for start in [
            r#"{"level":"debug","msg":"Start all executors...","phase":"execution-scheduler-run"}"#,
            r#"{"duration":3000000000,"executor":"a","level":"debug","msg":"Starting executor run...","startVUs":0}"#,
        ] {
            assert_eq!(sort(start.as_bytes()), Kind::Start, "{start}");
        }
        for noise in [
            r#"{"level":"debug","msg":"Initialized VU #1"}"#,
            r#"time="2026-11-23T17:43:26Z" level=debug msg="Binary Provisioning feature is disabled.""#,
            r#"{"level":"debug","msg":"Start all executors...","source":"console"}"#,
            "",
        ] {
            assert_eq!(sort(noise.as_bytes()), Kind::Noise, "{noise}");
        }
        for keep in [
            r#"{"level":"info","msg":"Start all executors...","source":"console"}"#,
            r#"{"level":"info","msg":"{\"level\":\"debug\"}","source":"console"}"#,
            "panic: everything",
        ] {
            assert_eq!(sort(keep.as_bytes()), Kind::Keep, "{keep}");
        }
    }

    #[test]
    fn a_log_that_is_read_again_keeps_what_is_there_until_as_much_was_read() {
        let dir = tempfile::tempdir().unwrap();
        let (path, old) = (dir.path().join("k6.log"), dir.path().join("k6.log.1"));
        let files = || fs::read_dir(dir.path()).unwrap().count();
        let read = || fs::read_to_string(&path).unwrap();
        let mut first = Again::begin(&path, &old).unwrap();
        for line in ["one", "two"] {
            first.write(line.as_bytes()).unwrap();
        }
        assert_eq!((read(), files()), ("one\ntwo\n".into(), 1));

        // The source went away half-way.
        let mut second = Again::begin(&path, &old).unwrap();
        second.write(b"one").unwrap();
        assert_eq!(read(), "one\ntwo\n");
        drop(second);
        assert_eq!((read(), files()), ("one\ntwo\n".into(), 1));

        fs::write(&old, "zero\n").unwrap();
        let mut third = Again::begin(&path, &old).unwrap();
        for line in ["zero", "one", "two", "three"] {
            third.write(line.as_bytes()).unwrap();
        }
        assert_eq!((read(), files()), ("zero\none\ntwo\nthree\n".into(), 1));
    }

    #[test]
    fn the_log_never_grows_past_its_two_parts() {
        let dir = tempfile::tempdir().unwrap();
        let (path, old) = (dir.path().join("k6.log"), dir.path().join("k6.log.1"));
        let mut log = CappedLog::open(&path, &old).unwrap();
        let line = vec![b'x'; LINE];
        for _ in 0..3 * PART / LINE as u64 {
            log.write(&line).unwrap();
        }
        let sizes = [&path, &old].map(|path| fs::metadata(path).unwrap().len());
        assert!(sizes.iter().all(|size| *size > 0 && *size <= PART + 2 * LINE as u64), "{sizes:?}");
    }
}
