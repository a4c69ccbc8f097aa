//! The one picture everybody sees, encoded once, and its readers.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use ha_dashboard::domain::{
    Millis,
    event::Event,
    frame::{Frame, History},
    live::{Applied, Cursor, LiveState, Message, Snapshot, Status, Tick},
};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio_util::sync::CancellationToken;

/// Ticks kept for readers that resume: two minutes and more.
const RING: usize = 180;

/// Ticks a reader may lag behind before it gets a snapshot instead.
const LAG: usize = 32;

/// How long a snapshot serves further readers: short, because it carries the server's clock.
const SNAPSHOT_AGE: Duration = Duration::from_millis(100);

/// The picture and its readers.
pub struct Stage {
    inner: Mutex<Inner>,
    sender: broadcast::Sender<Item>,
}

struct Inner {
    live: LiveState,
    ring: VecDeque<(u64, Bytes)>,
    cached: Option<Cached>,
}

struct Cached {
    made: Instant,
    snapshot: Arc<Snapshot>,
    bytes: Bytes,
}

#[derive(Debug, Clone)]
enum Item {
    Tick(Bytes),
    /// The picture changed in a way no tick tells.
    Reset,
}

impl Stage {
    /// An empty picture of the hub that started at `epoch`.
    pub fn new(epoch: Millis, status: Status) -> Self {
        let snapshot = Snapshot { cursor: Cursor { epoch, seq: 0 }, now_ms: epoch, status, ..Snapshot::default() };
        let inner = Inner { live: LiveState { snapshot }, ring: VecDeque::with_capacity(RING), cached: None };
        Self { inner: Mutex::new(inner), sender: broadcast::channel(LAG).0 }
    }

    /// Adds a tick and sends it to every reader; the status goes along where it changed.
    pub fn publish(&self, now_ms: Millis, frame: Frame, record: bool, status: Status, events: Vec<Event>) {
        let mut inner = self.lock();
        let before = &inner.live.snapshot;
        let cursor = Cursor { seq: before.cursor.seq + 1, ..before.cursor };
        let status = (before.status != status).then_some(status);
        let message = Message::Tick(Box::new(Tick { cursor, now_ms, frame, record, status, events }));
        let bytes = encode(cursor, "tick", &message);
        if inner.live.apply(message) != Applied::Yes {
            tracing::error!(%cursor, "a tick did not fit the picture");
        }
        // It shows what was.
        inner.cached = None;
        if inner.ring.len() == RING {
            inner.ring.pop_front();
        }
        inner.ring.push_back((cursor.seq, bytes.clone()));
        // Fails when nobody reads.
        let _ = self.sender.send(Item::Tick(bytes));
    }

    /// Puts rows read again from the store before the rows there are, for every reader.
    pub fn refill(&self, frames: &[Frame]) {
        let mut inner = self.lock();
        let snapshot = &mut inner.live.snapshot;
        let known = std::mem::take(&mut snapshot.history);
        let mut history = History::default();
        let first_known = known.at_ms.first().copied().unwrap_or(Millis::MAX);
        frames.iter().filter(|frame| frame.at_ms < first_known).for_each(|frame| history.push(frame));
        for (row, at_ms) in known.at_ms.iter().enumerate() {
            let values = known.series.iter().filter_map(|(key, values)| Some((key.clone(), values[row]?))).collect();
            let counted_ms = Some(known.counted_ms[row]);
            let rates_ms = known.rates_ms.get(row).copied().filter(|length| *length > 0);
            history.push(&Frame { at_ms: *at_ms, counted_ms, rates_ms, values, ..Frame::default() });
        }
        snapshot.history = history;
        snapshot.cursor.seq += 1;
        // What the ring holds leads to another history.
        inner.ring.clear();
        inner.cached = None;
        let _ = self.sender.send(Item::Reset);
    }

    /// The picture now.
    pub fn snapshot(&self, now_ms: Millis) -> Arc<Snapshot> {
        self.lock().snapshot(now_ms).0
    }

    /// The picture now, without the run's history and events.
    pub fn brief(&self, now_ms: Millis) -> Arc<Snapshot> {
        let inner = self.lock();
        let Snapshot { cursor, status, frame, recent, .. } = &inner.live.snapshot;
        let (status, frame, recent) = (status.clone(), frame.clone(), recent.clone());
        Arc::new(Snapshot { cursor: *cursor, now_ms, status, frame, recent, ..Snapshot::default() })
    }

    /// The stream from a cursor, or from a snapshot, until `token` is cancelled.
    pub fn subscribe(
        self: &Arc<Self>,
        resume: Option<Cursor>,
        token: CancellationToken,
        clock: fn() -> Millis,
    ) -> BoxStream<'static, Bytes> {
        let (queue, receiver) = self.join(resume, clock());
        let state = (self.clone(), queue, receiver, token);
        let stream = futures::stream::unfold(state, move |(stage, mut queue, mut receiver, token)| async move {
            loop {
                if token.is_cancelled() {
                    return None;
                }
                if let Some(bytes) = queue.pop_front() {
                    if queue.is_empty() {
                        // Room for minutes of ticks after an absence, never needed again.
                        queue = VecDeque::new();
                    }
                    return Some((bytes, (stage, queue, receiver, token)));
                }
                let item = tokio::select! {
                    () = token.cancelled() => return None,
                    item = receiver.recv() => item,
                };
                match item {
                    Ok(Item::Tick(bytes)) => return Some((bytes, (stage, queue, receiver, token))),
                    Ok(Item::Reset) | Err(RecvError::Lagged(_)) => (queue, receiver) = stage.join(None, clock()),
                    Err(RecvError::Closed) => return None,
                }
            }
        });
        stream.boxed()
    }

    /// What a reader gets first, and where the rest comes from: taken together, so that nothing is missed or doubled.
    fn join(&self, resume: Option<Cursor>, now_ms: Millis) -> (VecDeque<Bytes>, broadcast::Receiver<Item>) {
        let mut inner = self.lock();
        let receiver = self.sender.subscribe();
        let missed = resume.and_then(|cursor| inner.missed(cursor));
        let queue = missed.unwrap_or_else(|| VecDeque::from([inner.snapshot(now_ms).1]));
        (queue, receiver)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // The picture is replaced piece by piece without panics in between, so it is sound after a panic elsewhere.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// The ticks after a cursor; `None`: they are not all there.
    fn missed(&self, cursor: Cursor) -> Option<VecDeque<Bytes>> {
        let now = self.live.snapshot.cursor;
        if cursor.epoch != now.epoch || cursor.seq > now.seq {
            return None;
        }
        let next = cursor.seq + 1;
        let all_there = cursor.seq == now.seq || self.ring.front().is_some_and(|(seq, _)| *seq <= next);
        all_there.then(|| self.ring.iter().filter(|(seq, _)| *seq >= next).map(|(_, bytes)| bytes.clone()).collect())
    }

    fn snapshot(&mut self, now_ms: Millis) -> (Arc<Snapshot>, Bytes) {
        if let Some(cached) = &self.cached
            && cached.made.elapsed() < SNAPSHOT_AGE
        {
            return (cached.snapshot.clone(), cached.bytes.clone());
        }
        let snapshot = Snapshot { now_ms, ..self.live.snapshot.clone() };
        let message = Message::Snapshot(Box::new(snapshot));
        let bytes = encode(self.live.snapshot.cursor, "snapshot", &message);
        let snapshot: Arc<Snapshot> = match message {
            Message::Snapshot(snapshot) => Arc::from(snapshot),
            Message::Tick(_) => Arc::default(),
        };
        self.cached = Some(Cached { made: Instant::now(), snapshot: Arc::clone(&snapshot), bytes: bytes.clone() });
        (snapshot, bytes)
    }
}

/// A server-sent event.
fn encode(cursor: Cursor, event: &str, message: &Message) -> Bytes {
    let mut bytes = format!("id: {cursor}\nevent: {event}\ndata: ").into_bytes();
    if let Err(error) = serde_json::to_writer(&mut bytes, message) {
        tracing::error!(%error, "a message could not be encoded");
    }
    bytes.extend_from_slice(b"\n\n");
    // Without the room to grow, which may be as large again.
    bytes.into_boxed_slice().into()
}

#[cfg(test)]
mod tests;
