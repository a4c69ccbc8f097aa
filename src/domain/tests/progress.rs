use super::any;
use crate::domain::run::{Run, RunState, Verdict};

#[test]
fn a_run_that_ended_early_came_as_far_as_it_came() {
    let crashed = || Verdict::Crashed { exit_code: None, message: String::new() };
    let finished = RunState::Finished;
    for (state, started_ms, ended_ms, progress) in [
        (RunState::Starting, None, None, 0.0),
        (RunState::Running, Some(10_000), None, 0.5),
        (RunState::Stopping, Some(10_000), None, 0.5),
        (finished(Verdict::Passed), Some(10_000), Some(69_900), 1.0),
        (finished(Verdict::Passed), Some(10_000), Some(20_000), 1.0),
        (finished(Verdict::Failed), Some(10_000), Some(69_500), 1.0),
        (finished(Verdict::Failed), Some(10_000), Some(25_000), 0.25),
        (finished(Verdict::Stopped), Some(10_000), Some(25_000), 0.25),
        (finished(crashed()), Some(10_000), Some(55_000), 0.75),
        (finished(crashed()), None, Some(55_000), 0.0),
        (finished(Verdict::Cancelled), None, Some(11_000), 0.0),
        (finished(Verdict::TimedOut), Some(10_000), Some(200_000), 1.0),
        (finished(Verdict::TimedOut), None, Some(200_000), 0.0),
    ] {
        let run = Run { started_ms, ended_ms, state, ..any::run_of_a_minute() };
        assert_eq!(run.progress(40_000, None), progress, "{:?}", run.state);
        if !run.state.is_active() {
            assert_eq!(run.progress(900_000, None), progress, "time does not go on for {:?}", run.state);
        }
    }
    let own = Run { schedule: None, started_ms: Some(10_000), ended_ms: Some(25_000), ..any::run_of_a_minute() };
    let own = Run { state: finished(Verdict::Failed), ..own };
    assert_eq!(own.progress(0, None), 1.0, "its own options may end a script before their longest time");
}
