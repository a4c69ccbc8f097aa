use proptest::{collection, prelude::*};

use super::any;
use crate::domain::{
    event::{Event, EventKind},
    frame::{Frame, History, Metric, SeriesKey},
    live::{Applied, Cursor, LiveState, Message, Snapshot, Status, Tick},
    run::Run,
    service::{Health, Service, ServiceStatus},
};

fn tick(seq: u64) -> Tick {
    let mut frame = Frame { at_ms: seq * 1000, ..Frame::default() };
    frame.set(SeriesKey::whole(Metric::Vus), seq as f64);
    Tick {
        cursor: Cursor { epoch: 7, seq },
        now_ms: seq * 1000 + 300,
        frame,
        record: true,
        status: None,
        events: Vec::new(),
    }
}

fn start() -> LiveState {
    LiveState { snapshot: Snapshot { cursor: Cursor { epoch: 7, seq: 0 }, ..Snapshot::default() } }
}

fn apply(state: &mut LiveState, tick: Tick) -> Applied {
    state.apply(Message::Tick(Box::new(tick)))
}

fn status(id: &str, run: &Run) -> Option<Status> {
    Some(Status { run: Some(Run { id: id.parse().unwrap(), ..run.clone() }), ..Status::default() })
}

#[test]
fn doubled_ticks_are_dropped_and_gaps_reported() {
    let mut state = start();
    assert_eq!(apply(&mut state, tick(1)), Applied::Yes);
    assert_eq!(apply(&mut state, tick(2)), Applied::Yes);
    let before = state.clone();
    for (seq, epoch, expected) in [
        (1, 7, Applied::Doubled),
        (2, 7, Applied::Doubled),
        (0, 7, Applied::Doubled),
        (4, 7, Applied::Gap),
        (u64::MAX, 7, Applied::Gap),
        (3, 8, Applied::Gap),
        (3, 6, Applied::Gap),
    ] {
        let doubtful = Tick { cursor: Cursor { epoch, seq }, ..tick(3) };
        assert_eq!(apply(&mut state, doubtful), expected);
        assert_eq!(state, before, "a tick that is not taken changes nothing");
    }
    assert_eq!(apply(&mut state, tick(3)), Applied::Yes);
    assert_eq!(state.snapshot.history.at_ms, [1000, 2000, 3000]);
    assert_eq!(state.snapshot.now_ms, 3300, "the server's clock, not the time of the samples");

    let snapshot = Snapshot { cursor: Cursor { epoch: 9, seq: 50 }, ..Snapshot::default() };
    assert_eq!(state.apply(Message::Snapshot(Box::new(snapshot.clone()))), Applied::Yes);
    assert_eq!(state.snapshot, snapshot, "a snapshot replaces everything");
}

#[test]
fn each_tick_is_a_look_at_the_services() {
    let mut state = start();
    let shop = ServiceStatus::unknown(Service::new("shop", "http://shop"), &[]);
    let up = |latency_ms| vec![ServiceStatus { health: Health::Up { latency_ms }, ..shop.clone() }];
    let told = |services| Some(Status { services, ..Status::default() });
    for (seq, status) in [(2, told(up(1.5))), (4, None), (6, told(up(0.7)))] {
        // A step each.
        state.snapshot.cursor.seq = seq - 1;
        apply(&mut state, Tick { status, ..tick(seq) });
    }
    let latency = state.snapshot.recent.track("shop", None).map(|track| track.latency().to_vec());
    assert_eq!(latency.unwrap(), [Some(15), Some(15), Some(7)], "where nothing changed it is as it was");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn another_run_empties_the_history(run in any::run()) {
        let mut state = start();
        let steps: [(Tick, &[u64]); 6] = [
            (Tick { status: status("a", &run), ..tick(1) }, &[1000]),
            (Tick { status: status("a", &run), ..tick(2) }, &[1000, 2000]),
            (Tick { status: Some(Status::default()), ..tick(3) }, &[1000, 2000, 3000]),
            (Tick { record: false, ..tick(4) }, &[1000, 2000, 3000]),
            (Tick { status: status("b", &run), ..tick(5) }, &[5000]),
            (Tick { status: status("c", &run), record: false, ..tick(6) }, &[]),
        ];
        for (tick, rows) in steps {
            prop_assert_eq!(apply(&mut state, tick), Applied::Yes);
            prop_assert_eq!(&state.snapshot.history.at_ms, rows);
        }
        prop_assert_eq!(state.snapshot.frame.get(Metric::Vus), Some(6.0));
    }

    /// Whoever joins with a snapshot, or gets ticks twice and in between others, ends up with the same picture.
    #[test]
    fn every_reader_sees_the_same(
        mut ticks in collection::vec(any::tick(), 1..12),
        join in any::<prop::sample::Index>(),
        doubled in collection::vec(any::<(prop::sample::Index, prop::sample::Index)>(), 0..12),
        long in any::<bool>(),
    ) {
        let mut state = start();
        if long {
            // So that thinning happens before and after somebody joins.
            for second in 0..History::CAPACITY as u64 - 3 {
                state.snapshot.history.push(&Frame { at_ms: second, ..tick(second).frame });
            }
        }
        let first = state.clone();
        for (index, tick) in ticks.iter_mut().enumerate() {
            tick.cursor = Cursor { epoch: 7, seq: index as u64 + 1 };
            tick.frame.at_ms = (index as u64 + 1) * 2000;
        }

        let join = join.index(ticks.len());
        let mut joined = LiveState::default();
        for (index, tick) in ticks.iter().enumerate() {
            prop_assert_eq!(apply(&mut state, tick.clone()), Applied::Yes);
            if index == join {
                joined.apply(Message::Snapshot(Box::new(state.snapshot.clone())));
            } else if index > join {
                prop_assert_eq!(apply(&mut joined, tick.clone()), Applied::Yes);
            }
        }
        prop_assert_eq!(&joined, &state);

        let mut messages = ticks.iter().collect::<Vec<_>>();
        for (which, place) in doubled {
            let which = which.index(ticks.len());
            // Anywhere after the first time it came.
            let earliest = messages.iter().position(|tick| tick.cursor.seq == which as u64 + 1).unwrap() + 1;
            messages.insert(earliest + place.index(messages.len() - earliest + 1), &ticks[which]);
        }
        let mut shaken = first;
        for tick in messages {
            prop_assert_ne!(apply(&mut shaken, tick.clone()), Applied::Gap);
        }
        prop_assert_eq!(&shaken, &state);
        prop_assert!(state.snapshot.history.at_ms.len() <= History::CAPACITY);
    }

    #[test]
    fn only_the_newest_events_are_kept(counts in collection::vec(0_u32..150, 1..8)) {
        let mut state = start();
        let mut all = Vec::new();
        for (index, count) in counts.iter().enumerate() {
            let events = (0..*count).map(|n| Event { at_ms: u64::from(n), kind: EventKind::MetricsBack });
            let events = events.collect::<Vec<_>>();
            all.extend(events.clone());
            apply(&mut state, Tick { events, ..tick(index as u64 + 1) });
        }
        let newest = &all[all.len().saturating_sub(LiveState::EVENTS)..];
        prop_assert_eq!(&state.snapshot.events, newest);
    }
}
