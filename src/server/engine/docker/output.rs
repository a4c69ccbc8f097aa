//! A container's output, followed over breaks.

use std::{collections::BTreeMap, time::Duration};

use futures::StreamExt;
use ha_dashboard::domain::Millis;
use tokio::{sync::mpsc, time::sleep};

use super::client::{Client, DockerError, Life};
use crate::server::engine::log::{Kind, Writer, sort};

/// The pauses between two tries to read on.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(1)];

/// Reads k6's output from its beginning to its end into the log, and tells when k6 began its scenario. After a break it
/// reads on where it was.
pub async fn follow(client: &Client, name: &str, log: &Writer, started: mpsc::UnboundedSender<Millis>) {
    let mut lines = Lines::default();
    let mut tries = 0;
    loop {
        let seen = lines.seen.clone();
        lines.again();
        if let Err(DockerError::Gone { .. }) = read(client, name, &mut lines, log, &started).await {
            return;
        }
        // Docker ends the stream with the container, and when it ends itself.
        match client.state(name).await {
            Ok(state) if state.life != Life::Ended => {}
            Ok(_) if lines.seen == seen => return,
            Err(error) if !error.is_passing() => return,
            Ok(_) | Err(_) => {}
        }
        tries = if lines.seen == seen { tries + 1 } else { 0 };
        sleep(PAUSES[usize::from(tries > 3)]).await;
    }
}

async fn read(
    client: &Client,
    name: &str,
    lines: &mut Lines,
    log: &Writer,
    started: &mpsc::UnboundedSender<Millis>,
) -> Result<(), DockerError> {
    let mut pieces = client.logs(name, true, lines.since()).await?;
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        let mut kept = None;
        lines.push(piece.stderr, piece.time, &piece.text, |time, line| match sort(line) {
            Kind::Start => {
                if let Some(at) = millis(time) {
                    // Nobody listens any more once one was taken.
                    let _ = started.send(at);
                }
            }
            Kind::Noise => {}
            Kind::Keep => kept = Some(line.to_vec()),
        });
        // A piece ends one line at most.
        if let Some(line) = kept {
            log.write(line).await;
        }
    }
    Ok(())
}

/// Docker's time of a piece.
fn millis(time: &str) -> Option<Millis> {
    Millis::try_from(time.parse::<jiff::Timestamp>().ok()?.as_millisecond()).ok()
}

/// Puts pieces together to lines, each line once.
#[derive(Debug, Default)]
struct Lines {
    /// Whether a stream is standard error, and how far it was seen.
    seen: BTreeMap<bool, String>,
    /// How far it was seen before the break. Times have the same length, so they sort as text.
    before: BTreeMap<bool, String>,
    /// Begun lines by stream.
    rest: BTreeMap<bool, Vec<u8>>,
}

impl Lines {
    /// From which second on there may be something new.
    fn since(&self) -> i32 {
        let oldest = self.seen.values().min().and_then(|time| millis(time));
        oldest.and_then(|ms| i32::try_from(ms / 1000).ok()).unwrap_or_default()
    }

    /// Everything since [`Lines::since`] will come again.
    fn again(&mut self) {
        self.before = self.seen.clone();
        self.rest.clear();
    }

    fn push(&mut self, stderr: bool, time: String, text: &[u8], mut each: impl FnMut(&str, &[u8])) {
        if self.before.get(&stderr).is_some_and(|before| time <= *before) {
            return;
        }
        let rest = self.rest.entry(stderr).or_default();
        // Docker cuts long lines at 16 KiB; what is kept of a line is no longer than that.
        if rest.len() <= text.len().max(16 << 10) {
            rest.extend_from_slice(text);
        }
        if text.ends_with(b"\n") {
            let line = std::mem::take(rest);
            each(&time, line.strip_suffix(b"\n").unwrap_or(&line));
            self.seen.insert(stderr, time);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_put_together_and_what_comes_again_is_dropped() {
        let mut lines = Lines::default();
        let mut got = Vec::new();
        let time = |n: u32| format!("2026-11-23T20:00:0{n}.000000001Z");
        assert_eq!(lines.since(), 0);
        let first = [(true, 1, "a\n"), (true, 2, "long "), (false, 3, "other\n")];
        let again = [(true, 1, "a\n"), (true, 2, "long "), (true, 2, "line\n"), (false, 3, "other\n"), (true, 5, "\n")];
        for (stderr, n, text) in first.into_iter().chain(again) {
            if (stderr, n, text) == again[0] && !got.is_empty() {
                lines.again();
            }
            lines.push(stderr, time(n), text.as_bytes(), |at, line| {
                got.push(format!("{} {}", &at[18..19], String::from_utf8_lossy(line)));
            });
        }
        assert_eq!(got, ["1 a", "3 other", "2 long line", "5 "]);
        assert_eq!(lines.since(), i32::try_from(millis(&time(3)).unwrap() / 1000).unwrap());
    }
}
