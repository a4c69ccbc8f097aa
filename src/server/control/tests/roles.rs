//! What each role is given by the whole port, as it is started. There is no metrics store here.

use ha_dashboard::domain::{
    access::{Call, Role},
    hook::{HookEvent, HookForm},
    upload::UploadRefusal,
};

use tokio_util::sync::CancellationToken;

use super::*;
use crate::server::{
    config::webhooks::{Hidden, Webhook},
    prometheus::lab,
    scripts::Folders,
};

const HOUR_MS: Millis = 3_600_000;

/// The port, with a test on record that was started an hour ago, and one that was two days ago.
fn port(bench: &Bench, runtime: &Runtime, config: Config) -> Started {
    let lock = poll("the state folder's lock", || StateLock::claim(&config.state_dir).ok());
    let database = Archive::open(lock).unwrap().database();
    for (id, hours) in [("hour", 1), ("days", 48)] {
        let state = RunState::Finished(Verdict::Passed);
        let run = Run { state, created_ms: now_ms() - hours * HOUR_MS, ..lab::run(id, 1, &[]) };
        database.put(&run, None).unwrap();
    }
    let lock = poll("the state folder's lock", || StateLock::claim(&config.state_dir).ok());
    let (config, shutdown, services) = (Arc::new(config), Shutdown::default(), Registry::new(&bench.config()));
    let (board, journal) = Board::blank();
    let _inside = runtime.enter();
    let engine: Arc<dyn Engine> =
        Arc::new(ProcessEngine::new(&config, EngineReason::Configured, &shutdown).with_keeper(keeper_command()));
    let faults = faults::Faults::start(faults::Parts {
        config: config.clone(),
        services: services.clone(),
        journal: journal.clone(),
        shutdown: shutdown.clone(),
    });
    let faults = faults.unwrap();
    let scripts = Scripts::new(Folders::of(&config), engine.clone(), services.services(), &shutdown);
    let store = StoreFeed { url: Some("http://127.0.0.1:9".into()), native_histograms: true, ..Default::default() };
    let parts = Parts {
        engine,
        scripts: Arc::new(scripts),
        scenarios: Scenarios::new(&config.scripts_dir, faults.clone()),
        services,
        faults,
        config,
        board,
        journal,
        store: watch::channel(store).1,
        details: Details::default(),
        shutdown,
    };
    runtime.block_on(start(lock, parts)).unwrap()
}

/// Somebody who has logged in.
fn of(role: Role) -> Caller {
    Caller { role, pass: Some(crate::server::ids::pass(0)), ..caller("abc") }
}

#[test]
fn one_test_too_many_for_a_day_is_refused_to_each_role_by_its_own_limit() {
    let bench = Bench::new(&[("a.js", &script("20s", "{}", ""))]);
    let presenter = Allowance { limits: LIMITS, runs_per_day: Some(2) };
    let config = Config { runs_per_day: Some(1), presenter, ..bench.config() };
    let runtime = Runtime::new().unwrap();
    let control = port(&bench, &runtime, config).control;
    let ask = |role| {
        let caller = of(role);
        runtime.block_on(async {
            let rules = control.settled_rules(&caller).await;
            control.start(&caller, Draft { thresholds: String::new(), ..Draft::suggested(&rules) }).await
        })
    };
    // The test of an hour ago is the only one that an admin may start in a day.
    assert_eq!(ask(Role::Admin).map(drop), Err(ApiError::EnoughForToday { most: 1 }));
    let run = ask(Role::Presenter).unwrap();
    // Told before it is told that one is at work already.
    assert_eq!(ask(Role::Presenter).map(drop), Err(ApiError::EnoughForToday { most: 2 }));
    let admin = of(Role::Admin);
    runtime.block_on(control.stop(&admin)).unwrap();
    poll("the end of the test", || {
        let run = runtime.block_on(control.run(&admin, &run.id)).unwrap();
        (!run.state.is_active()).then_some(())
    });
}

#[test]
fn a_script_is_deleted_by_admins_and_not_while_a_test_is_at_work_with_it() {
    let bench = Bench::new(&[("a.js", &script("20s", "{}", ""))]);
    let config = Config { script_uploads: true, ..bench.config() };
    let uploads = config.state_dir.join("scripts");
    let runtime = Runtime::new().unwrap();
    let control = port(&bench, &runtime, config).control;
    let (admin, presenter) = (of(Role::Admin), of(Role::Presenter));
    let run = runtime.block_on(async {
        let rules = control.settled_rules(&admin).await;
        control.start(&admin, Draft { thresholds: String::new(), ..Draft::suggested(&rules) }).await.unwrap()
    });
    // As if it had been uploaded: no process would run that.
    fs::create_dir_all(&uploads).unwrap();
    fs::rename(bench.folder.path().join("scripts/a.js"), uploads.join("a.js")).unwrap();
    let delete = |caller| runtime.block_on(control.delete_script(caller, "a.js")).map(|deleted| deleted.name);
    assert_eq!(delete(&presenter), Err(ApiError::Forbidden { needs: Role::Admin }));
    let refusal = UploadRefusal::InUse { run: run.id.clone() };
    assert_eq!(delete(&admin), Err(ApiError::UploadRefused { refusal }));
    runtime.block_on(control.stop(&admin)).unwrap();
    poll("the end of the test", || {
        let run = runtime.block_on(control.run(&admin, &run.id)).unwrap();
        (!run.state.is_active()).then_some(())
    });
    assert_eq!(delete(&admin), Ok("a.js".into()));
    assert!(!uploads.join("a.js").exists());
}

#[test]
fn who_is_told_what_happens_is_for_presenters_and_trying_it_out_for_admins() {
    let bench = Bench::new(&[]);
    let hits = Arc::clone(&bench.hits);
    let hook = Webhook {
        name: "team".into(),
        url: Hidden(format!("http://{}/secret", bench.target).parse().unwrap()),
        shown: "http://hooks.example/…".into(),
        form: HookForm::Slack,
        secret: None,
        events: vec![HookEvent::RunFinished],
        lang: Lang::En,
    };
    let runtime = Runtime::new().unwrap();
    let Started { control, hooks, .. } = port(&bench, &runtime, Config { webhooks: vec![hook], ..bench.config() });
    runtime.spawn(hooks.keep(Arc::clone(&control), Journal::default(), CancellationToken::new()));
    for role in Role::GIVEN {
        let caller = of(role);
        let page = runtime.block_on(control.plans_page(&caller, "", Lang::En));
        assert!(page.contains("id=\"webhooks\""), "{page}");
        assert_eq!(page.contains("http://hooks.example/…"), role.may(Call::ReadHooks), "{role}: {page}");
        let listed = runtime.block_on(control.hooks(&caller)).map(|shown| shown.hooks.len());
        let tested = runtime.block_on(control.test_hook(&caller, "team")).map(|delivery| delivery.hook);
        let refused = |call: Call| ApiError::Forbidden { needs: call.needs() };
        assert_eq!(listed, if role.may(Call::ReadHooks) { Ok(1) } else { Err(refused(Call::ReadHooks)) });
        assert_eq!(tested, if role.may(Call::TestHook) { Ok("team".into()) } else { Err(refused(Call::TestHook)) });
        // Nothing is sent for those who may not.
        assert_eq!(hits.load(Ordering::Relaxed), u64::from(role.may(Call::TestHook)), "{role}");
    }
}
