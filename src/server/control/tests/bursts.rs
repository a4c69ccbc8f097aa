//! Load that is added to a run at work, with real k6.

use ha_dashboard::domain::{
    burst::{Burst, BurstDraft, BurstEnd, LoadRefusal},
    validate::Problem,
};

use super::*;

/// A journey that follows the schedule it is told. One that is to have seven VUs throws.
pub fn scheduled() -> String {
    "import http from 'k6/http'; import { sleep } from 'k6';
    const input = JSON.parse(__ENV.HAD_INPUT_FILE ? open(__ENV.HAD_INPUT_FILE) : __ENV.HAD_INPUT);
    const { executor, phases, pre_allocated_vus, max_vus } = input.schedule;
    if (max_vus === 7) throw new Error('no seven');
    const stages = phases.map(({ duration_s, target }) => ({ duration: `${duration_s}s`, target }));
    const common = { executor, stages, gracefulStop: '1s' };
    const atRate = { startRate: 0, timeUnit: '1s', preAllocatedVUs: pre_allocated_vus, maxVUs: max_vus };
    const atVus = { startVUs: 0, gracefulRampDown: '1s' };
    export const options = { thresholds: input.thresholds,
        scenarios: { schedule: { ...common, ...(executor === 'ramping-vus' ? atVus : atRate) } } };
    export default function () { http.get(input.services[0].url + '/', { tags: { name: 'x' } }); sleep(0.05); }
    export function handleSummary(data) { return { [__ENV.HAD_SUMMARY]: JSON.stringify(data) }; }"
        .into()
}

pub fn vus(vus: &str, duration: &str) -> BurstDraft {
    BurstDraft { vus: vus.into(), duration: duration.into(), ..BurstDraft::default() }
}

impl Life {
    /// Starts a test of two VUs for so many seconds.
    pub fn start_scheduled(&self, duration_s: u32, thresholds: &[&str]) -> Run {
        let shape = Shape::Pattern { pattern: Pattern::Smoke, peak: Peak::Vus { vus: 2 }, duration_s, ramp_s: None };
        let plan = Plan { shape, ..plan("a.js", thresholds) };
        self.wait(self.supervisor.start(plan, None, OfScript::default(), caller("abc"))).unwrap()
    }

    pub fn try_to_add(&self, run: &RunId, draft: BurstDraft) -> Result<Burst, ApiError> {
        let limits = Limits { max_vus: 10, max_rate: 10, max_duration_s: 60 };
        let rules = Rules { limits, services: vec!["target".into()], scripts: vec![], scenarios: vec![] };
        self.wait(self.supervisor.add_load(run.clone(), draft, rules, vec![], caller("more")))
    }

    /// Adds load and waits until it is sent.
    pub fn add(&self, run: &RunId, draft: BurstDraft) -> Burst {
        let added = self.try_to_add(run, draft).unwrap();
        self.burst(added.instance, |burst| burst.started_ms.is_some())
    }

    pub fn remove(&self, run: &RunId, instance: u32) -> Result<Burst, ApiError> {
        self.wait(self.supervisor.remove_load(run.clone(), instance, caller("less")))
    }

    /// Waits for a state of a burst of the current run.
    pub fn burst(&self, instance: u32, what: impl Fn(&Burst) -> bool) -> Burst {
        let of = |run: &Run| run.bursts.iter().find(|burst| burst.instance == instance && what(burst)).cloned();
        let run = self.until(|run| of(run).is_some());
        of(&run).unwrap()
    }
}

/// Requests that the k6 in a folder counted.
fn counted(dir: &Path) -> f64 {
    let export: serde_json::Value =
        serde_json::from_slice(&fs::read(dir.join("summary-export.json")).unwrap()).unwrap();
    export["metrics"]["http_reqs"]["count"].as_f64().unwrap()
}

/// Load comes and goes, and the run tells of all of it as one.
pub fn comes_and_goes(life: &Life) {
    let rules = ["http_req_duration:p(95)<10000", "http_reqs:count>0"];
    let run = life.start_scheduled(20, &rules);
    life.running();
    let id = &run.id;
    let first = life.add(id, vus("3", ""));
    assert_eq!((first.instance, first.peak, first.target.as_str()), (2, Peak::Vus { vus: 3 }, ALL_SERVICES));
    assert!(first.duration_s <= 20 && first.asked_ms <= first.started_ms.unwrap(), "{first:?}");
    let open = BurstDraft { rate: "10".into(), duration: "60".into(), ..BurstDraft::default() };
    let second = life.add(id, open);
    assert_eq!((second.instance, second.peak), (3, Peak::ArrivalRate { rate: 10, pre_allocated_vus: 2, max_vus: 5 }));
    let Err(ApiError::InvalidLoad { errors }) = life.try_to_add(id, vus("1", "5")) else { panic!() };
    assert_eq!(
        errors[0].problem,
        Problem::PastSum { of: ha_dashboard::domain::plan::Model::Vus, planned: 10, max: 10 }
    );

    assert!(life.remove(id, 3).unwrap().removing);
    let removed = life.burst(3, |burst| burst.end.is_some());
    assert_eq!(removed.end, Some(BurstEnd::Removed));
    let over = Err(ApiError::LoadRefused { refusal: LoadRefusal::BurstOver });
    assert_eq!(life.remove(id, 3), over);
    assert!(matches!(life.remove(id, 9), Err(ApiError::NotFound { .. })));
    // There is room again, and one that ends by itself is no news for the verdict.
    let short = life.add(id, vus("1", "1"));
    let short = life.burst(short.instance, |burst| burst.end.is_some());
    assert_eq!((short.instance, short.end), (4, Some(BurstEnd::Done)));

    let (run, verdict) = life.finished(id);
    assert_eq!(verdict, Verdict::Passed, "{run:?}");
    let first = &run.bursts[0];
    assert!(matches!(first.end, Some(BurstEnd::Done | BurstEnd::WithRun)), "{first:?}");
    let dir = life.supervisor.archive_dir(id);
    let each = ["", "burst-2", "burst-3", "burst-4"].map(|folder| counted(&dir.join(folder)));
    let totals = run.totals.clone().unwrap();
    assert_eq!((totals.source, totals.requests), (Source::Summary, Some(each.iter().sum())), "{each:?}");
    assert!(each[0] > 0.0 && each[1] > 0.0, "{each:?}");
    let rate = totals.requests.unwrap() / totals.request_rate.unwrap();
    assert!((19.0..30.0).contains(&rate), "the rate is over the whole run: {rate} s");
    assert_eq!((totals.p95_s, totals.peak_vus), (None, None), "nobody of them can know");
    assert_eq!(run.thresholds.iter().map(|seen| seen.k6_ok).collect::<Vec<_>>(), [Some(true); 2]);
    let told = life.told().into_iter().filter(|kind| kind != "threshold").collect::<Vec<_>>();
    let added = told.iter().filter(|kind| *kind == "load-added").count();
    assert_eq!((added, told.first().unwrap().as_str(), told.last().unwrap().as_str()), (3, "run-started", "run-ended"));
}

/// A stop ends all of it, and nothing can be added any more.
pub fn ends_with_the_run(life: &Life) {
    let run = life.start_scheduled(60, &[]);
    life.running();
    let id = &run.id;
    life.add(id, vus("1", ""));
    life.add(id, vus("1", "50"));
    life.stop();
    let refused = life.try_to_add(id, vus("1", ""));
    assert!(
        matches!(&refused, Err(ApiError::LoadRefused { refusal: LoadRefusal::Stopping | LoadRefusal::Over })),
        "{refused:?}"
    );
    let (run, verdict) = life.finished(id);
    assert_eq!(verdict, Verdict::Stopped);
    assert_eq!(run.bursts.iter().map(|burst| burst.end).collect::<Vec<_>>(), [Some(BurstEnd::WithRun); 2]);
    let over = Err(ApiError::LoadRefused { refusal: LoadRefusal::Over });
    assert_eq!(life.try_to_add(id, vus("1", "")), over);
    let unknown = life.try_to_add(&"nobody".parse().unwrap(), vus("1", ""));
    assert!(matches!(unknown, Err(ApiError::NotFound { .. })), "{unknown:?}");
    assert!(life.runs.borrow().k6_pids.is_empty());
}

#[test]
fn load_is_added_to_a_run_and_taken_away() {
    let bench = Bench::new(&[("a.js", &scheduled())]);
    comes_and_goes(&bench.dashboard());
}

#[test]
fn added_load_ends_with_the_run() {
    let bench = Bench::new(&[("a.js", &scheduled())]);
    let life = bench.dashboard();
    ends_with_the_run(&life);
    // A script that decides on its load itself takes none.
    fs::write(bench.folder.path().join("scripts/a.js"), script("60s", "{}", "")).unwrap();
    let run = life.start("a.js", &[]);
    life.running();
    let own = Err(ApiError::LoadRefused { refusal: LoadRefusal::OwnOptions });
    assert_eq!(life.try_to_add(&run.id, vus("1", "")), own);
    life.stop();
    life.finished(&run.id);
}

#[test]
fn added_load_that_breaks_off_is_told_and_the_run_goes_on() {
    let bench = Bench::new(&[("a.js", &scheduled())]);
    let life = bench.dashboard();
    let run = life.start_scheduled(60, &[]);
    life.running();
    life.try_to_add(&run.id, vus("7", "")).unwrap();
    let burst = life.burst(2, |burst| burst.end.is_some());
    assert!(burst.end == Some(BurstEnd::Crashed) && burst.message.contains("no seven"), "{burst:?}");
    // One that is killed in the middle, too.
    life.add(&run.id, vus("1", ""));
    let dir = life.supervisor.archive_dir(&run.id);
    kill(instance(&dir.join("burst-3"))["k6"]["pid"].as_i64().unwrap());
    let burst = life.burst(3, |burst| burst.end.is_some());
    assert_eq!(burst.end, Some(BurstEnd::Crashed));
    assert_eq!(life.runs.borrow().k6_pids.len(), 1);
    assert_eq!(life.running().id, run.id);
    life.stop();
    assert_eq!(life.finished(&run.id).1, Verdict::Stopped);
    assert_eq!(life.told().iter().filter(|kind| *kind == "load-removed").count(), 2);
}

#[test]
fn a_dashboard_takes_over_every_k6_of_a_run() {
    let bench = Bench::new(&[("a.js", &scheduled())]);
    let life = bench.dashboard();
    let run = life.start_scheduled(60, &[]);
    life.running_on_record();
    life.add(&run.id, vus("2", ""));
    life.add(&run.id, vus("1", ""));
    life.remove(&run.id, 2).unwrap();
    life.burst(2, |burst| burst.end.is_some());
    poll("the record", || {
        let record = life.supervisor_record(&run.id);
        (record["bursts"][0]["end"] == "removed" && record["bursts"][1]["started_ms"].is_u64()).then_some(())
    });
    life.crash();

    let life = bench.dashboard();
    let feed = life.runs.borrow().clone();
    assert!(feed.adopted && feed.k6_pids.len() == 2, "{feed:?}");
    let known = ["run-started", "load-added", "load-removed", "load-added", "run-adopted"];
    assert_eq!(life.told(), known, "all of what was is told");
    assert_eq!(life.add(&run.id, vus("1", "")).instance, 4);
    life.remove(&run.id, 3).unwrap();
    assert_eq!(life.burst(3, |burst| burst.end.is_some()).end, Some(BurstEnd::Removed));
    life.crash();

    // The k6 of the plan goes while nobody is there: the next one ends what was added, and then the run.
    let dir = bench.folder.path().join("state/runs").join(run.id.as_str());
    kill(instance(&dir)["k6"]["pid"].as_i64().unwrap());
    poll("its end", || dir.join("exit.json").exists().then_some(()));
    let life = bench.dashboard();
    let (run, verdict) = life.finished(&run.id);
    assert!(matches!(verdict, Verdict::Crashed { .. }), "{verdict:?}");
    assert_eq!(run.bursts[2].end, Some(BurstEnd::WithRun));
    gone_with_keeper(&dir.join("burst-4"));
}
