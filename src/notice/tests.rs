#![allow(clippy::unwrap_used)]

use super::*;
use crate::domain::{
    cost::{Cost, Detection, Tally},
    fault::{FaultEnd, FaultKind, FaultRequest, FaultState},
    labels::Labels,
    plan::{Pattern, Peak, Plan, Shape},
    run::{Totals, Verdict},
    schedule::Schedule,
    threshold::Observed,
};

/// A run under a hostile name.
fn run(state: RunState) -> Box<Run> {
    let peak = Peak::Vus { vus: 50 };
    let shape = Shape::Pattern { pattern: Pattern::Spike, peak, duration_s: 20, ramp_s: None };
    Box::new(Run {
        id: "r-1".parse().unwrap(),
        plan: Plan {
            script: "a.js".into(),
            target: "shop".into(),
            shape,
            thresholds: vec![],
            request_timeout_s: 3,
            stop_when: vec![],
            regression: vec![],
        },
        schedule: Some(Schedule::new(Pattern::Spike, peak, 20, None)),
        state,
        created_ms: 1_000,
        started_ms: Some(2_000),
        ended_ms: None,
        deadline_ms: 90_000,
        thresholds: vec![Observed::new("http_req_duration:p(95)<500".parse().unwrap())],
        totals: Some(Totals { requests: Some(1_234.0), failed_share: Some(0.0), ..Totals::default() }),
        scenario: None,
        so_far: Vec::new(),
        stop_problem: None,
        labels: Labels { name: "Release <b>&2</b> *now*".into(), ..Labels::default() },
        bursts: Vec::new(),
        criteria: vec![],
        regressions: vec![],
        origin: Default::default(),
        correlation_id: String::new(),
    })
}

fn sent(notice: &Notice, form: HookForm, lang: Lang) -> Value {
    serde_json::from_str(&notice.body(form, lang, Some("https://ha.example"))).unwrap()
}

#[test]
fn slack_gets_plain_words_that_are_no_markup_and_a_link() {
    let notice = Notice { at_ms: 0, what: What::Finished(run(RunState::Finished(Verdict::Stopped))) };
    let body = sent(&notice, HookForm::Slack, Lang::En);
    let text = body["text"].as_str().unwrap();
    assert!(text.starts_with("*Load test over: Stopped. Release &lt;b&gt;&amp;2&lt;/b&gt; ∗now∗ ("), "{text}");
    assert!(text.contains("Requests: 1,234, failed: 0%, p95: –"), "{text}");
    assert!(text.ends_with("|Show in the dashboard>") && text.contains("\n<https://ha.example/runs/"), "{text}");
    let german = sent(&notice, HookForm::Slack, Lang::De)["text"].to_string();
    assert!(german.contains("Lasttest beendet: ") && german.contains("Anfragen: 1.234"), "{german}");
    let nowhere = notice.body(HookForm::Slack, Lang::En, None);
    assert!(!nowhere.contains("Show in the dashboard"), "{nowhere}");
}

#[test]
fn programs_get_type_timestamp_and_data_and_null_for_what_was_not_measured() {
    let notice = Notice { at_ms: 1_700_000_000_007, what: What::Started(run(RunState::Running)) };
    let body = sent(&notice, HookForm::Json, Lang::En);
    assert_eq!((&body["type"], &body["timestamp"]), (&json!("run.started"), &json!("2023-11-14T22:13:20.007Z")));
    let told = &body["data"]["run"];
    assert_eq!((&told["name"], &told["verdict"]), (&json!("Release <b>&2</b> *now*"), &Value::Null));
    assert_eq!((&told["requests"], &told["p95_s"]), (&json!(1234.0), &Value::Null));
}

#[test]
fn a_crossing_names_the_threshold_and_each_one_is_another_message() {
    let run = run(RunState::Running);
    let threshold = run.thresholds[0].threshold.to_string();
    let crossing = |ok, before| Notice {
        at_ms: 0,
        what: What::Threshold { run: run.clone(), threshold: threshold.clone(), ok, before },
    };
    let body = sent(&crossing(false, 0), HookForm::Json, Lang::En);
    assert_eq!((&body["type"], &body["data"]["threshold"]["ok"]), (&json!("threshold.crossed"), &json!(false)));
    assert_eq!(body["data"]["threshold"]["threshold"], json!(threshold));
    assert_eq!(crossing(true, 0).event().name(), "threshold.recovered");
    let keys = [crossing(false, 0), crossing(true, 0), crossing(false, 1)].map(|notice| notice.key());
    assert!(keys[0] != keys[1] && keys[0] != keys[2], "{keys:?}");
    assert_eq!(keys[0], crossing(false, 0).key());
}

#[test]
fn a_fault_is_told_with_what_it_cost() {
    let request = FaultRequest {
        kind: FaultKind::Kill,
        service: "shop".into(),
        replica: Some("shop-1".into()),
        intensity: None,
        duration_s: Some(15),
        even_last: false,
        hypothesis: None,
        guard: None,
    };
    let fault = Fault {
        id: "fault-1".to_owned().try_into().unwrap(),
        request,
        replicas: vec!["shop-1".into()],
        of_replicas: 2,
        state: FaultState::Restored { why: FaultEnd::Asked },
        asked_ms: 1,
        set_at_ms: Some(2),
        until_ms: 3,
        restored_at_ms: Some(4),
        healthy_again_ms: None,
        by: String::new(),
    };
    let cost = Cost {
        settled: true,
        span: Tally { seconds: 60.0, valid: 2140.0, bad: 3.0, dropped: 0.0 },
        detection: Detection { gateway_ms: Some(920), ..Detection::default() },
        recovered_ms: Some(1400),
        ..Cost::default()
    };
    let told = FaultCost { fault: fault.id.clone(), run: Some("r-9".parse().unwrap()), cost };
    let over = |cost: Option<FaultCost>| Notice {
        at_ms: 4,
        what: What::FaultOver { fault: Box::new(fault.clone()), cost: cost.map(Box::new) },
    };
    let text = sent(&over(Some(told.clone())), HookForm::Slack, Lang::En)["text"].as_str().unwrap().to_owned();
    assert!(
        text.contains("shop-1*\nDetected after 0.9 s, 3 of 2,140 requests failed, recovered after 1.4 s."),
        "{text}"
    );
    assert!(text.contains("https://ha.example/runs/r-9|"), "{text}");
    let body = sent(&over(Some(told)), HookForm::Json, Lang::En);
    assert_eq!(
        (&body["data"]["fault"]["run"], &body["data"]["fault"]["cost"]["recovered_ms"]),
        (&json!("r-9"), &json!(1400))
    );
    let lines = over(None).lines(Lang::De);
    assert_eq!(lines[1], "Was sie gekostet hat, ist nicht bekannt.");
}
