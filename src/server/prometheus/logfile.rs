//! The child's log: a file it appends to by itself, so that it does not depend on the dashboard's life.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    process::Stdio,
};

/// At this size the log is moved to `prometheus.log.1`.
const MAX_BYTES: u64 = 4_000_000;

/// How much of the end [`tail`] reads.
const TAIL_BYTES: u64 = 64_000;

/// Most lines of a tail.
const TAIL_LINES: usize = 200;

/// Where the log is.
pub fn path(state_dir: &Path) -> PathBuf {
    state_dir.join("prometheus.log")
}

/// Standard output and error for a child.
pub fn open(state_dir: &Path) -> io::Result<(Stdio, Stdio)> {
    let file = OpenOptions::new().create(true).append(true).open(path(state_dir))?;
    Ok((file.try_clone()?.into(), file.into()))
}

/// Copies a log that has grown too large away and empties it: the child keeps its handle, and appends.
pub fn rotate(state_dir: &Path) -> io::Result<()> {
    let path = path(state_dir);
    match fs::metadata(&path) {
        Ok(metadata) if metadata.len() > MAX_BYTES => {
            fs::copy(&path, path.with_extension("log.1"))?;
            OpenOptions::new().write(true).open(&path)?.set_len(0)
        }
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// The last lines, oldest first.
pub fn tail(state_dir: &Path) -> io::Result<Vec<String>> {
    let mut file = File::open(path(state_dir))?;
    let length = file.metadata()?.len();
    let from = length.saturating_sub(TAIL_BYTES);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    // The first line is cut where reading began in the middle.
    let lines: Vec<_> = text.lines().skip(usize::from(from > 0)).map(str::to_owned).collect();
    Ok(lines[lines.len().saturating_sub(TAIL_LINES)..].to_vec())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_large_log_is_moved_away_and_its_end_can_be_read() {
        let dir = tempfile::tempdir().unwrap();
        assert!(tail(dir.path()).is_err());
        rotate(dir.path()).unwrap();
        let line = "x".repeat(999) + "\n";
        fs::write(path(dir.path()), line.repeat(4_000) + "one\nlast\n").unwrap();
        let lines = tail(dir.path()).unwrap();
        assert_eq!(lines.last().unwrap(), "last");
        assert_eq!(lines[0].len(), 999);
        rotate(dir.path()).unwrap();
        assert_eq!(fs::metadata(path(dir.path())).unwrap().len(), 0);
        assert!(dir.path().join("prometheus.log.1").exists());
    }
}
