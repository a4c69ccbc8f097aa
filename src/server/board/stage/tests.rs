#![allow(clippy::unwrap_used)]

use ha_dashboard::domain::frame::{Metric, SeriesKey};

use super::*;

const EPOCH: Millis = 1000;

fn stage() -> Arc<Stage> {
    Arc::new(Stage::new(EPOCH, Status::default()))
}

fn publish(stage: &Stage, count: u64) {
    for _ in 0..count {
        let at_ms = stage.snapshot(0).cursor.seq + 1;
        let values = [(SeriesKey::whole(Metric::Vus), at_ms as f64)].into();
        stage.publish(at_ms, Frame { at_ms, values, ..Frame::default() }, true, Status::default(), Vec::new());
    }
}

fn subscribe(stage: &Arc<Stage>, resume: Option<Cursor>) -> BoxStream<'static, Bytes> {
    stage.subscribe(resume, CancellationToken::new(), || 42)
}

/// The message in an event, and its `id`, checked against the message.
fn decode(bytes: &Bytes) -> Message {
    let text = std::str::from_utf8(bytes).unwrap();
    let (head, data) = text.strip_suffix("\n\n").unwrap().split_once("\ndata: ").unwrap();
    assert!(!data.contains('\n'));
    let message: Message = serde_json::from_str(data).unwrap();
    let (cursor, event) = match &message {
        Message::Snapshot(snapshot) => (snapshot.cursor, "snapshot"),
        Message::Tick(tick) => (tick.cursor, "tick"),
    };
    assert_eq!(head, format!("id: {cursor}\nevent: {event}"));
    message
}

/// Reads until the reader's picture is where the stage's is.
async fn catch_up(stage: &Stage, stream: &mut BoxStream<'static, Bytes>, state: &mut LiveState) -> (usize, usize) {
    let (mut snapshots, mut ticks) = (0, 0);
    while state.snapshot.cursor != stage.snapshot(0).cursor {
        let message = decode(&stream.next().await.unwrap());
        match &message {
            Message::Snapshot(_) => snapshots += 1,
            Message::Tick(_) => ticks += 1,
        }
        assert_eq!(state.apply(message), Applied::Yes);
    }
    assert_eq!(state.snapshot.history, stage.snapshot(0).history);
    assert_eq!(state.snapshot.frame, stage.snapshot(0).frame);
    (snapshots, ticks)
}

#[tokio::test]
async fn a_reader_resumes_without_gaps_or_doubles() {
    let stage = stage();
    publish(&stage, 5);
    let (mut first, mut state) = (subscribe(&stage, None), LiveState::default());
    assert_eq!(catch_up(&stage, &mut first, &mut state).await, (1, 0));
    assert_eq!(state.snapshot.now_ms, 42);
    publish(&stage, 3);
    assert_eq!(catch_up(&stage, &mut first, &mut state).await, (0, 3));
    drop(first);
    publish(&stage, 7);
    let mut second = subscribe(&stage, Some(state.snapshot.cursor));
    publish(&stage, 2);
    assert_eq!(catch_up(&stage, &mut second, &mut state).await, (0, 9));
    let mut third = subscribe(&stage, Some(state.snapshot.cursor));
    publish(&stage, 1);
    assert_eq!(catch_up(&stage, &mut third, &mut state).await, (0, 1));
    assert_eq!(state.snapshot.history.at_ms, (1..=18).collect::<Vec<_>>());
}

#[tokio::test]
async fn cursors_that_are_not_held_get_a_snapshot() {
    let stage = stage();
    publish(&stage, RING as u64 + 10);
    let seq = RING as u64 + 10;
    for (epoch, seq) in [(EPOCH, 3), (EPOCH, seq + 1), (EPOCH + 1, seq), (EPOCH, u64::MAX)] {
        let mut stream = subscribe(&stage, Some(Cursor { epoch, seq }));
        assert!(matches!(decode(&stream.next().await.unwrap()), Message::Snapshot(_)), "{epoch}-{seq}");
    }
    let mut stream = subscribe(&stage, Some(Cursor { epoch: EPOCH, seq: 10 }));
    assert!(matches!(decode(&stream.next().await.unwrap()), Message::Tick(tick) if tick.cursor.seq == 11));
}

#[tokio::test]
async fn a_reader_that_lags_gets_a_snapshot_and_stalls_nobody() {
    let stage = stage();
    let (mut slow, mut slow_state) = (subscribe(&stage, None), LiveState::default());
    let (mut fast, mut fast_state) = (subscribe(&stage, None), LiveState::default());
    catch_up(&stage, &mut slow, &mut slow_state).await;
    catch_up(&stage, &mut fast, &mut fast_state).await;
    for _ in 0..4 * LAG {
        publish(&stage, 1);
        assert_eq!(catch_up(&stage, &mut fast, &mut fast_state).await, (0, 1));
    }
    assert_eq!(catch_up(&stage, &mut slow, &mut slow_state).await, (1, 0));
    publish(&stage, 1);
    assert_eq!(catch_up(&stage, &mut slow, &mut slow_state).await, (0, 1));
}

#[tokio::test]
async fn everybody_gets_the_same_bytes_and_a_history_read_again() {
    let stage = stage();
    let (mut one, mut other) = (subscribe(&stage, None), subscribe(&stage, None));
    let (a, b) = (one.next().await.unwrap(), other.next().await.unwrap());
    assert_eq!(a.as_ptr(), b.as_ptr());
    stage.publish(500, Frame { at_ms: 500, ..Frame::default() }, true, Status::default(), Vec::new());
    let (a, b) = (one.next().await.unwrap(), other.next().await.unwrap());
    assert_eq!(a.as_ptr(), b.as_ptr());
    let frames = [100, 200, 600].map(|at_ms| Frame { at_ms, ..Frame::default() });
    stage.refill(&frames);
    let Message::Snapshot(snapshot) = decode(&one.next().await.unwrap()) else { panic!("no snapshot") };
    assert_eq!(snapshot.history.at_ms, [100, 200, 500]);
    let old = Cursor { epoch: EPOCH, seq: 1 };
    assert!(matches!(decode(&subscribe(&stage, Some(old)).next().await.unwrap()), Message::Snapshot(_)));
}

#[tokio::test]
async fn a_stream_ends_at_shutdown() {
    let (stage, token) = (stage(), CancellationToken::new());
    let mut stream = stage.subscribe(None, token.clone(), || 0);
    stream.next().await.unwrap();
    token.cancel();
    assert_eq!(stream.next().await, None);
}
