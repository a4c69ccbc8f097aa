//! Against the real k6.
#![allow(clippy::unwrap_used)]

mod uploads;

use std::path::PathBuf;

use ha_dashboard::domain::plan::{OwnEnd, Pattern, Peak};

use super::*;
use crate::server::engine::process::ProcessEngine;

/// The k6 to test with. Without one the tests fail: skipping would look like success.
fn k6() -> PathBuf {
    let on_path = || {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).map(|dir| dir.join("k6")).find(|file| file.is_file())
    };
    let in_cache = || {
        let file = PathBuf::from(std::env::var_os("HOME")?).join(".cache/ha-dashboard/bin/k6");
        file.is_file().then_some(file)
    };
    let named = std::env::var_os("HAD_K6").map(PathBuf::from);
    named.or_else(in_cache).or_else(on_path).expect("there is no k6: run `make setup`, or set HAD_K6 to its path")
}

fn scripts(dir: impl Into<PathBuf>, k6: impl Into<PathBuf>) -> Scripts {
    let dir = dir.into();
    let services = [("product-service", 8080), ("user-service", 8081), ("checkout-service", 8082)]
        .map(|(name, port)| Service::new(name, format!("http://127.0.0.1:{port}")));
    let engine = Arc::new(ProcessEngine::with_program(k6.into(), dir.clone()));
    Scripts::new(Folders::catalogue_alone(dir), engine, services.into(), &Shutdown::default())
}

/// The list once k6 has looked at every script.
async fn all(scripts: &Scripts) -> Vec<Script> {
    loop {
        let list = scripts.list().await;
        if list.iter().all(|script| script.kind != ScriptKind::Pending) {
            return list;
        }
    }
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    dir
}

fn copy_library(to: &Path) {
    std::fs::create_dir(to.join("lib")).unwrap();
    for file in std::fs::read_dir(ours().join("lib")).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), to.join("lib").join(file.file_name())).unwrap();
    }
}

fn ours() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("k6-scripts")
}

const IDLE: &str = "export default function () {}";

#[tokio::test]
async fn our_scripts_take_the_schedule() {
    let scripts = scripts(ours(), k6());
    let list = all(&scripts).await;
    assert_eq!(
        list.iter().map(|script| script.name.as_str()).collect::<Vec<_>>(),
        ["api-load-test.js", "shop-journey.js"]
    );
    assert!(list.iter().all(|script| script.kind == ScriptKind::Scheduled), "{list:?}");
    let path = |name| scripts.inspector.folders.find(name);
    assert_eq!(path("shop-journey.js"), Some(ours().canonicalize().unwrap().join("shop-journey.js")));
    assert_eq!(path("../Cargo.toml"), None);
    assert_eq!(path("lib/http.js"), None);
}

#[tokio::test]
async fn the_readmes_example_takes_the_schedule() {
    let readme = include_str!("../../../k6-scripts/README.md");
    let example = readme.split("```js\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let dir = folder(&[("mine.js", example)]);
    copy_library(dir.path());
    let list = all(&scripts(dir.path(), k6())).await;
    assert_eq!(list, [Script { name: "mine.js".into(), kind: ScriptKind::Scheduled }]);
}

#[tokio::test]
async fn a_script_is_inspected_with_what_it_will_be_handed() {
    let scripts = scripts(ours(), k6());
    let peak = Peak::ArrivalRate { rate: 40, pre_allocated_vus: 4, max_vus: 9 };
    let schedule = Schedule::new(Pattern::Spike, peak, 60, None);
    let mut input = probe(vec![Service::new("a", "http://127.0.0.1:1")]);
    input.schedule = Some(schedule.clone());
    input.thresholds = [("errors".to_owned(), vec!["rate<0.5".to_owned()])].into();
    let inspection = scripts.inspect_with("api-load-test.js", &input).await.unwrap();
    assert!(inspection.scenarios[0].follows(&schedule));
    assert_eq!(inspection.scenarios.len(), 1);
    assert_eq!((inspection.duration_s, inspection.max_vus), (Some(63), 9));
    assert_eq!(inspection.thresholds, ["errors:rate<0.5"]);

    input.targets.clear();
    let error = scripts.inspect_with("api-load-test.js", &input).await.unwrap_err();
    assert!(error.to_string().contains("HAD_INPUT has no usable \"targets\""), "{error}");
    let error = scripts.inspect_with("../../etc/passwd", &input).await.unwrap_err();
    assert!(matches!(error, InspectError::NoScript(_)));
}

#[tokio::test]
async fn own_options_are_reported_as_k6_reads_them() {
    let dir = folder(&[
        (
            "two.js",
            "export const options = {
               scenarios: {
                 a: { executor: 'constant-vus', vus: 5, duration: '10s', gracefulStop: '0s' },
                 b: { executor: 'per-vu-iterations', vus: 2, iterations: 3, startTime: '5s', maxDuration: '1m', gracefulStop: '500ms' },
               },
               thresholds: {
                 http_req_duration: ['p(95)<500', { threshold: 'avg<200', abortOnFail: true }],
                 'http_req_duration{service:x}': ['max<5'],
               },
             };
             export default function () {}",
        ),
        ("short.js", "export const options = { vus: 3, duration: '90s' }; export default function () {}"),
        ("none.js", IDLE),
        (
            "stages.js",
            "export const options = { stages: [{ duration: '5s', target: 3 }, { duration: '500ms', target: 0 }] };
             export default function () {}",
        ),
        (
            "iterations.js",
            "export const options = { scenarios: {
                 a: { executor: 'shared-iterations', vus: 2, iterations: 5, startTime: '5s', gracefulStop: '40s' },
                 b: { executor: 'per-vu-iterations', vus: 3, iterations: 4, maxDuration: '1m' },
             } };
             export default function () {}",
        ),
    ]);
    let list = all(&scripts(dir.path(), k6())).await;
    let own = |executors: &[&str], duration_s, end, max_vus, thresholds: &[&str]| ScriptKind::Own {
        executors: executors.iter().map(ToString::to_string).collect(),
        duration_s: Some(duration_s),
        end,
        max_vus,
        thresholds: thresholds.iter().map(ToString::to_string).collect(),
    };
    let expected = [
        (
            "iterations.js",
            own(&["shared-iterations", "per-vu-iterations"], 645, OwnEnd::Iterations { iterations: 5 + 12 }, 5, &[]),
        ),
        ("none.js", own(&["per-vu-iterations"], 630, OwnEnd::Iterations { iterations: 1 }, 1, &[])),
        ("short.js", own(&["constant-vus"], 120, OwnEnd::Time { after_s: 90 }, 3, &[])),
        ("stages.js", own(&["ramping-vus"], 36, OwnEnd::Time { after_s: 6 }, 3, &[])),
        (
            "two.js",
            own(
                &["constant-vus", "per-vu-iterations"],
                66,
                OwnEnd::Time { after_s: 10 },
                7,
                &["http_req_duration:p(95)<500", "http_req_duration:avg<200", "http_req_duration{service:x}:max<5"],
            ),
        ),
    ];
    assert_eq!(list, expected.map(|(name, kind)| Script { name: name.into(), kind }));
}

#[tokio::test]
async fn broken_scripts_show_k6s_message() {
    let extra = "import { scheduled } from './lib/options.js';
        const taken = scheduled();
        export const options = { ...taken, scenarios: { ...taken.scenarios, more: { executor: 'constant-vus', vus: 1, duration: '1s' } } };
        export default function () {}";
    let dir = folder(&[
        ("syntax.js", "export default function () {\n  let = ;\n}"),
        ("import.js", "import x from './nope.js';\nexport default function () {}"),
        ("throws.js", "throw new Error('<b>no</b>');\nexport default function () {}"),
        (
            "executor.js",
            "export const options = { scenarios: { a: { executor: 'foo' } } };\nexport default function () {}",
        ),
        (
            "threshold.js",
            "export const options = { thresholds: { nope: ['p(95)<1'] } };\nexport default function () {}",
        ),
        ("empty.js", ""),
        ("extra.js", extra),
        ("flood.js", "for (let i = 0; i < 1e6; i++) console.log('x'.repeat(1000));\nexport default function () {}"),
    ]);
    copy_library(dir.path());
    let list = all(&scripts(dir.path(), k6())).await;
    let message = |name: &str| match &list.iter().find(|script| script.name == name).unwrap().kind {
        ScriptKind::Broken { message } => message.clone(),
        other => panic!("{name} is {other:?}"),
    };
    assert_eq!(message("syntax.js"), "syntax.js: Line 2:9 Unexpected token ; (and 1 more errors)");
    assert!(message("import.js").contains("\"./nope.js\" couldn't be found"), "{}", message("import.js"));
    assert_eq!(message("throws.js"), "Error: <b>no</b>");
    assert_eq!(message("executor.js"), "unknown executor type 'foo'");
    assert!(message("threshold.js").contains("no metric name \"nope\" found"), "{}", message("threshold.js"));
    assert_eq!(message("empty.js"), "no exported functions in script");
    assert_eq!(message("flood.js"), "k6 said more than 1 MB about the script");
    assert!(message("extra.js").contains("adds scenarios of its own"));
}

#[tokio::test]
async fn only_changes_are_inspected_again() {
    let dir = folder(&[("a.js", IDLE), ("b.js", IDLE)]);
    // A stand-in that counts how often it is called: what is tested here is the cache, not k6.
    let calls = dir.path().join("calls");
    let k6 = dir.path().join("k6");
    let answer = r#"{"scenarios":{"default":{"executor":"shared-iterations"}},"totalDuration":"1s","maxVUs":1}"#;
    std::fs::write(&k6, format!("#!/bin/sh\necho x >> {}\necho '{answer}'\n", calls.display())).unwrap();
    std::fs::set_permissions(&k6, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let called = || std::fs::read_to_string(&calls).unwrap_or_default().lines().count();

    let scripts = scripts(dir.path(), k6);
    let (first, second) = tokio::join!(all(&scripts), all(&scripts));
    assert_eq!(first, second);
    assert_eq!((first.len(), called()), (2, 2));
    std::fs::write(dir.path().join("a.js"), format!("{IDLE} // changed")).unwrap();
    all(&scripts).await;
    assert_eq!(called(), 3);
    std::fs::remove_file(dir.path().join("b.js")).unwrap();
    assert_eq!(all(&scripts).await.len(), 1);
    assert_eq!(called(), 3);
    std::fs::create_dir(dir.path().join("lib")).unwrap();
    std::fs::write(dir.path().join("lib/http.js"), "").unwrap();
    all(&scripts).await;
    assert_eq!(called(), 4, "a change in the library may change every script");
}

#[tokio::test]
async fn odd_names_and_links_are_listed_with_the_reason() {
    let long = format!("{}.js", "x".repeat(98));
    let outside = folder(&[("secret.js", IDLE)]);
    let dir = folder(&[
        ("good_1-x.y.js", IDLE),
        ("with space.js", IDLE),
        ("größe.js", IDLE),
        (&long, IDLE),
        ("quo\"te.js", IDLE),
        (".hidden.js", IDLE),
        ("-flag.js", IDLE),
        (".js", IDLE),
        ("notes.txt", IDLE),
        ("folder.js/inner.js", IDLE),
    ]);
    std::os::unix::fs::symlink(outside.path().join("secret.js"), dir.path().join("out.js")).unwrap();
    std::os::unix::fs::symlink(dir.path().join("gone.js"), dir.path().join("dangling.js")).unwrap();
    std::os::unix::fs::symlink(dir.path().join("good_1-x.y.js"), dir.path().join("within.js")).unwrap();
    let scripts = scripts(dir.path(), k6());
    let list = all(&scripts).await;
    let said = list.iter().map(|script| match &script.kind {
        ScriptKind::Broken { message } => (script.name.as_str(), message.split(':').next().unwrap_or_default()),
        _ => (script.name.as_str(), ""),
    });
    let characters = "its name has other characters than A to Z, a to z, 0 to 9, '.', '_' and '-'";
    assert_eq!(
        said.collect::<Vec<_>>(),
        [
            ("-flag.js", "its name begins with '.' or '-'"),
            ("dangling.js", "it is a link to a file that is not there"),
            ("good_1-x.y.js", ""),
            ("größe.js", characters),
            ("out.js", "it is a link that leads out of the scripts folder"),
            ("quo\"te.js", characters),
            ("with space.js", characters),
            ("within.js", ""),
            (&long, "its name is longer than 100 bytes"),
        ]
    );
    for name in ["out.js", "with space.js", "-flag.js", &long] {
        assert_eq!(scripts.inspector.folders.find(name), None, "{name}");
    }
}

#[tokio::test]
async fn who_wants_other_scripts_does_not_wait_for_endless_ones() {
    let endless = "while (true) {}\nexport default function () {}";
    let good = std::fs::read_to_string(ours().join("shop-journey.js")).unwrap();
    let dir = folder(&[("a.js", endless), ("b.js", endless), ("good.js", &good)]);
    copy_library(dir.path());
    let scripts = scripts(dir.path(), k6());
    let asked = Instant::now();
    // As many as are looked at at once, and none of them ends soon.
    let first = scripts.list().await;
    let kinds = first.iter().map(|script| script.kind.clone()).collect::<Vec<_>>();
    assert_eq!(kinds, [ScriptKind::Pending, ScriptKind::Pending, ScriptKind::Scheduled]);
    assert_eq!(scripts.one("gone.js").await, None);
    assert!(asked.elapsed() < crate::server::engine::COMMAND_LIMIT, "an endless one was waited for");

    // Who asks for one of them learns what is wrong with it, and so does everybody afterwards.
    let broken = |script: &Script| matches!(&script.kind, ScriptKind::Broken { message } if message.contains("10 s"));
    let (a, b) = tokio::join!(scripts.one("a.js"), scripts.one("b.js"));
    assert!([a, b].iter().flatten().all(broken));
    assert_eq!(scripts.list().await.iter().filter(|script| broken(script)).count(), 2);
}

#[tokio::test]
async fn without_k6_every_script_says_so() {
    let dir = folder(&[("a.js", IDLE)]);
    let place = dir.path().join("k6-program");
    let scripts_without = scripts(dir.path(), place.clone());
    let list = all(&scripts_without).await;
    let ScriptKind::Broken { message } = &list[0].kind else { panic!("{list:?}") };
    assert!(message.contains("HAD_K6"), "{message}");
    std::os::unix::fs::symlink(k6(), place).unwrap();
    let list = all(&scripts_without).await;
    assert!(matches!(list[0].kind, ScriptKind::Own { .. }), "as soon as it is there: {list:?}");
    assert!(all(&scripts("/nonexistent", k6())).await.is_empty());
}

#[tokio::test]
async fn scripts_see_nothing_of_the_dashboards_environment() {
    let spy = "throw new Error(Object.keys(__ENV).sort().join());\nexport default function () {}";
    let dir = folder(&[("spy.js", spy)]);
    let list = all(&scripts(dir.path(), k6())).await;
    let ScriptKind::Broken { message } = &list[0].kind else { panic!("{list:?}") };
    assert_eq!(message, "Error: HAD_INPUT,K6_AUTO_EXTENSION_RESOLUTION,K6_NO_USAGE_REPORT");
}

#[tokio::test]
async fn no_process_looks_at_what_is_not_of_the_catalogue() {
    let (catalogue, elsewhere) = (folder(&[("a.js", IDLE)]), folder(&[("b.js", IDLE)]));
    let engine = ProcessEngine::with_program(k6(), catalogue.path().into());
    let look = async |dir: &tempfile::TempDir, name: &str| {
        engine.inspect(&dir.path().canonicalize().unwrap().join(name), "{}").await.map(|output| output.success)
    };
    assert!(look(&catalogue, "a.js").await.unwrap());
    let error = look(&elsewhere, "b.js").await.unwrap_err().to_string();
    assert!(error.contains("only containers hold an uploaded script"), "{error}");
}

#[tokio::test]
async fn a_look_that_ended_without_a_word_is_taken_again() {
    let stamp = Stamp { modified: None, size: 1, library: (0, None, 0) };
    let (sender, known) = watch::channel(None);
    let _task = AbortOnDropHandle::new(tokio::spawn(async {}));
    let look = Look { stamp, urgent: Arc::default(), known, _task };
    assert!(look.is_fresh(stamp), "it is under way");
    drop(sender);
    assert!(!look.is_fresh(stamp));
}
