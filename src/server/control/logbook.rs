//! k6's log of a run for who reads it as it grows: read at most once a second, however many read.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use ha_dashboard::domain::run::RunId;
use tokio::sync::Mutex;

use super::{archive::Archive, log::LogLine};

/// Lines kept at hand, the last ones.
const LINES: usize = 10_000;

/// How old what is told may be.
const AGE: Duration = Duration::from_millis(900);

/// Logs that are kept at hand.
const BOOKS: usize = 4;

/// Logs as they were read last.
pub struct Logbook {
    archive: Arc<Archive>,
    books: Mutex<Books>,
}

#[derive(Default)]
struct Books {
    /// How many times something new was read.
    versions: u64,
    /// The one that was read first comes first.
    books: VecDeque<Book>,
}

struct Book {
    run: RunId,
    looked: Instant,
    /// How large its files are: the same as long as nothing is written.
    bytes: u64,
    told: Told,
}

/// The last lines of a log.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// Another one where there are other lines.
    pub version: u64,
    /// For people, oldest first.
    pub lines: Arc<Vec<String>>,
}

impl Logbook {
    /// Of the runs in an archive.
    pub fn new(archive: Arc<Archive>) -> Self {
        Self { archive, books: Mutex::default() }
    }

    /// The last lines of a run's log.
    pub async fn of(&self, run: &RunId) -> Told {
        // Held while the disk is asked: everybody else waits for the same answer.
        let mut books = self.books.lock().await;
        let known = books.books.iter().position(|book| book.run == *run).and_then(|place| books.books.remove(place));
        let known = match known {
            Some(book) if book.looked.elapsed() < AGE => Ok(book),
            known => Err(known),
        };
        let book = match known {
            Ok(book) => book,
            Err(known) => {
                let (archive, id, before) = (self.archive.clone(), run.clone(), known.as_ref().map(|book| book.bytes));
                let read = move || {
                    let bytes = archive.log_bytes(&id);
                    let is_new = before != Some(bytes);
                    let lines = || archive.log(&id, LINES).iter().map(|line| LogLine::parse(line).readable()).collect();
                    (bytes, is_new.then(lines))
                };
                let (bytes, lines) = tokio::task::spawn_blocking(read).await.unwrap_or_default();
                let told = match (lines, known) {
                    (None, Some(book)) => book.told,
                    (lines, _) => {
                        books.versions += 1;
                        Told { version: books.versions, lines: Arc::new(lines.unwrap_or_default()) }
                    }
                };
                Book { run: run.clone(), looked: Instant::now(), bytes, told }
            }
        };
        let told = book.told.clone();
        if books.books.len() == BOOKS {
            books.books.pop_front();
        }
        books.books.push_back(book);
        told
    }
}
