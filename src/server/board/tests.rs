use ha_dashboard::domain::{
    event::EventKind,
    frame::{Metric, SeriesKey},
    run::{RunState, Totals, Verdict},
    threshold::Observed,
};

use super::*;
use crate::server::prometheus::lab;

fn frame(at_ms: u64) -> Frame {
    let values =
        [(SeriesKey::whole(Metric::Vus), 5.0), (SeriesKey::part(Metric::Cpu, Dimension::Process, "host"), 1.0)];
    Frame { at_ms, values: values.into(), ..Frame::default() }
}

fn feed(run: &Run) -> RunFeed {
    RunFeed { run: Some(run.clone()), ..RunFeed::default() }
}

#[test]
fn who_changes_something_finds_it_shown_with_what_was_observed() {
    let (board, _) = Board::blank();
    let run = lab::run("r-1", 10, &["http_req_failed:rate<0.5"]);
    board.control(feed(&run));
    board.tick(Some(&run.id), frame(1), true, MetricsStatus::default());
    let threshold = Observed { value: Some(0.25), ok: Some(true), ..run.thresholds[0].clone() };
    let totals = Totals { requests: Some(9.0), ..Totals::default() };
    board.observe(Seen {
        run: run.id.clone(),
        thresholds: vec![threshold],
        criteria: vec![],
        so_far: Vec::new(),
        totals: Some(totals),
    });

    let stopping = Run { state: RunState::Stopping, ..run.clone() };
    board.control(RunFeed { storage_problem: "full".into(), ..feed(&stopping) });
    let shown = board.snapshot();
    assert_eq!(shown.status.storage_problem, "full");
    let shown_run = shown.status.run.as_ref().unwrap();
    assert_eq!((&shown_run.state, shown_run.thresholds[0].value), (&RunState::Stopping, Some(0.25)));
    assert_eq!((shown.history.at_ms.len(), shown_run.totals.as_ref()), (1, None), "the same run's history");

    let finished = Run { state: RunState::Finished(Verdict::Stopped), totals: Some(Totals::default()), ..stopping };
    board.control(feed(&finished));
    assert_eq!(board.brief().status.run.as_ref(), Some(&finished), "k6 has the last word");
    assert_eq!(*board.shown(&finished), finished);
    let other = Run { id: "r-2".parse().unwrap(), ..run.clone() };
    assert_eq!(*board.shown(&other), other);

    // A run that is no longer at work, whose last numbers are late.
    board.control(feed(&other));
    board.tick(Some(&run.id), frame(2), true, MetricsStatus::default());
    board.refill(&run.id, &[frame(1)]);
    let shown = board.snapshot();
    assert_eq!((shown.status.run.as_ref(), shown.history.at_ms.len()), (Some(&other), 0), "another run's history");
    let value = |metric| shown.frame.get(metric);
    assert_eq!((value(Metric::Vus), shown.frame.get_part(Metric::Cpu, Dimension::Process, "host")), (None, Some(1.0)));
}

#[test]
fn what_nobody_sees_is_not_told_and_events_come_with_the_change_that_they_are_about() {
    let (board, journal) = Board::blank();
    let run = lab::run("r-1", 10, &["http_req_failed:rate<0.5"]);
    board.control(feed(&run));
    let seq = board.brief().cursor.seq;
    board.control(RunFeed { k6_pids: vec![7], ..feed(&run) });
    board.control(RunFeed { k6_pids: vec![7], ..feed(&run) });
    assert_eq!(board.brief().cursor.seq, seq);
    assert_eq!(board.runs().borrow().k6_pids, [7], "who measures them is told");

    let threshold = Observed { value: Some(0.75), ok: Some(false), ..run.thresholds[0].clone() };
    board.observe(Seen {
        run: run.id.clone(),
        thresholds: vec![threshold],
        criteria: vec![],
        so_far: Vec::new(),
        totals: None,
    });
    assert!(board.snapshot().events.is_empty());
    journal.append(Event { at_ms: 3, kind: EventKind::MetricsBack });
    board.tick(Some(&run.id), frame(1), true, MetricsStatus::default());
    let kinds = |events: Vec<Event>| events.into_iter().map(|event| event.kind).collect::<Vec<_>>();
    let crossed = EventKind::Threshold { threshold: "http_req_failed:rate<0.5".into(), ok: false };
    assert_eq!(kinds(board.snapshot().events.clone()), [EventKind::MetricsBack, crossed]);
    assert_eq!(kinds(board.events()), kinds(board.snapshot().events.clone()));
    board.tick(Some(&run.id), frame(2), true, MetricsStatus::default());
    assert_eq!(board.snapshot().events.len(), 2, "once");
}
