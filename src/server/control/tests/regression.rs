//! Runs that are held against the baseline of their target, with real k6.

use ha_dashboard::domain::{event::EventKind, regression::Ruling};

use super::*;

impl Life {
    fn start_against(&self, script: &str, limits: &[&str]) -> Run {
        let regression = limits.iter().map(|text| text.parse().unwrap()).collect();
        let plan = Plan { regression, ..plan(script, &[]) };
        self.wait(self.supervisor.start(plan, None, OfScript::default(), caller("abc"))).unwrap()
    }
}

#[test]
fn a_run_that_is_worse_than_the_baseline_has_failed() {
    let quick = script("2s", "{}", "");
    let idle = quick.replace("sleep(0.05)", "sleep(1)");
    assert_ne!(idle, quick);
    let bench = Bench::new(&[("quick.js", &quick), ("idle.js", &idle)]);
    let life = bench.dashboard();
    let limits = ["rate 50 %", "failed 0.5 points"];

    // Without a baseline nobody can judge.
    let first = life.start_against("quick.js", &limits);
    let (first, verdict) = life.finished(&first.id);
    assert_eq!(verdict, Verdict::Passed);
    let rulings = |run: &Run| run.regressions.iter().map(|judged| judged.outcome).collect::<Vec<_>>();
    assert_eq!(rulings(&first), [Ruling::NoBaseline; 2]);

    life.wait(life.supervisor.set_baseline(&first.id, true)).unwrap();
    let slower = life.start_against("idle.js", &limits);
    let (slower, verdict) = life.finished(&slower.id);
    assert_eq!(verdict, Verdict::Failed, "{slower:?}");
    assert_eq!(rulings(&slower), [Ruling::Broken, Ruling::Held]);
    assert_eq!(slower.regressions[0].baseline, first.totals.as_ref().and_then(|totals| totals.request_rate));
    let record = life.supervisor_record(&slower.id);
    assert_eq!(
        (&record["state"]["verdict"], &record["regressions"][0]["outcome"]),
        (&"failed".into(), &"broken".into())
    );
    let told = life.board.events().into_iter().rev().find_map(|event| match event.kind {
        EventKind::RunEnded { run, verdict } if run == slower.id => Some(verdict),
        _ => None,
    });
    assert_eq!(told, Some(Verdict::Failed));

    // Who asks for nothing is held against nothing.
    let free = life.start_against("idle.js", &[]);
    let (free, verdict) = life.finished(&free.id);
    assert_eq!((verdict, free.regressions), (Verdict::Passed, vec![]));
}
