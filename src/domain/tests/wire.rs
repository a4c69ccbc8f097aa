use proptest::prelude::*;
use serde::{Serialize, de::DeserializeOwned};

use super::any;
use crate::domain::{
    frame::{Dimension, Metric, SeriesKey},
    live::{Cursor, Message},
    plan::{Pattern, Peak, Plan, Shape},
    run::RunId,
    validate::{Draft, Field, Rules},
};

#[track_caller]
fn same_after_the_wire<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T) {
    let json = serde_json::to_string(value).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&json).unwrap(), value, "{json}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn everything_survives_the_wire(
        snapshot in any::snapshot(),
        tick in any::tick(),
        input in any::script_input(),
        script in any::script(),
        error in any::field_error(),
        draft in any::draft(),
        peak in any::peak(),
        ramp_s in any::<Option<u32>>(),
    ) {
        same_after_the_wire(&Message::Snapshot(Box::new(snapshot)));
        same_after_the_wire(&Message::Tick(Box::new(tick)));
        same_after_the_wire(&input);
        same_after_the_wire(&Rules { limits: any::LIMITS, services: input.targets, scripts: vec![script], scenarios: Vec::new() });
        same_after_the_wire(&error);
        same_after_the_wire(&draft);
        same_after_the_wire(&Shape::Pattern { pattern: Pattern::Spike, peak, duration_s: u32::MAX, ramp_s });
    }

    #[test]
    fn thresholds_survive_k6s_notation(threshold in any::threshold()) {
        prop_assert_eq!(threshold.to_string().parse(), Ok(threshold));
    }

    #[test]
    fn no_text_makes_a_parser_panic(text in any::text()) {
        let _ = text.parse::<RunId>();
        let _ = text.parse::<Cursor>();
        let _ = SeriesKey::try_from(text.clone());
        let _ = SeriesKey::try_from(format!("p95{{service={text}}}"));
        let _ = text.parse::<crate::domain::threshold::Threshold>();
        let _ = format!("http_req_duration:p({text}").parse::<crate::domain::threshold::Threshold>();
        let _ = crate::domain::duration::parse(&text);
    }
}

#[test]
fn the_wire_looks_as_documented() {
    let json = |plan: &Plan| serde_json::to_value(plan).unwrap();
    let plan = Plan {
        script: "a.js".into(),
        target: "all-services".into(),
        shape: Shape::Pattern { pattern: Pattern::Spike, peak: Peak::Vus { vus: 5 }, duration_s: 60, ramp_s: None },
        thresholds: vec!["http_req_duration:p(95)<500".parse().unwrap()],
        request_timeout_s: 3,
        stop_when: vec![],
        regression: vec![],
    };
    let expected = serde_json::json!({
        "script": "a.js",
        "target": "all-services",
        "shape": {
            "shape": "pattern", "pattern": "spike", "model": "vus", "vus": 5, "duration_s": 60, "ramp_s": null,
        },
        "thresholds": [
            { "metric": "http_req_duration", "aggregation": { "percentile": 95.0 }, "comparison": "<", "limit": 500.0 },
        ],
        "request_timeout_s": 3,
    });
    assert_eq!(json(&plan), expected);
    let mut old = json(&plan);
    old.as_object_mut().unwrap().remove("request_timeout_s");
    let old: Plan = serde_json::from_value(old).unwrap();
    assert_eq!(old, Plan { request_timeout_s: 60, ..plan }, "k6's own, when a plan had none");
}

#[test]
fn series_have_names() {
    for (key, name) in [
        (SeriesKey::whole(Metric::P95), "p95"),
        (SeriesKey::part(Metric::RequestRate, Dimension::Service, "product-service"), "rps{service=product-service}"),
        (SeriesKey::part(Metric::Cpu, Dimension::Process, "a}=b"), "cpu{process=a}=b}"),
        (SeriesKey::part(Metric::RequestRate, Dimension::Status, ""), "rps{status=}"),
    ] {
        assert_eq!(key.to_string(), name);
        assert_eq!(SeriesKey::try_from(name.to_owned()), Ok(key));
    }
    for text in ["", "p96", "p95{", "p95}", "p95{}", "p95{service}", "p95{colour=red}", "{service=x}", "P95"] {
        assert!(SeriesKey::try_from(text.to_owned()).is_err(), "{text}");
    }
}

#[test]
fn run_ids_and_cursors_refuse_other_text() {
    for good in ["a", "0", "-", "2026-load-a1", &"x".repeat(64)] {
        let id = good.parse::<RunId>().unwrap();
        assert_eq!((id.as_str(), id.to_string().as_str()), (good, good));
    }
    for bad in ["", "A", "a b", "ä", "a/b", "../x", "a\n", "a\"}", "a_b", &"x".repeat(65)] {
        assert!(bad.parse::<RunId>().is_err(), "{bad}");
        assert!(serde_json::from_value::<RunId>(bad.into()).is_err(), "{bad}");
    }
    for (text, cursor) in [
        ("1-2", Some(Cursor { epoch: 1, seq: 2 })),
        ("0-18446744073709551615", Some(Cursor { epoch: 0, seq: u64::MAX })),
        ("0-18446744073709551616", None),
        ("", None),
        ("-", None),
        ("1-", None),
        ("1", None),
        ("1-2-3", None),
        ("+1-2", None),
        ("1- 2", None),
        ("-1-2", None),
    ] {
        assert_eq!(text.parse::<Cursor>().ok(), cursor, "{text}");
        assert_eq!(serde_json::from_value::<Cursor>(text.into()).ok(), cursor, "{text}");
    }
}

#[test]
fn a_drafts_fields_have_the_names_they_have_on_the_wire() {
    for field in Field::ALL {
        assert_eq!(serde_json::to_value(field).unwrap(), field.name());
        assert_eq!(Field::of_control(&field.control()), Some(field));
        let mut draft = Draft::default();
        *draft.slot(field) = "here".into();
        assert_eq!(serde_json::to_value(&draft).unwrap()[field.name()], "here");
    }
    for none in ["", "peak", "draft[]", "draft[peak", "draft[Peak]", "plan[peak]"] {
        assert_eq!(Field::of_control(none), None, "{none}");
    }
}

proptest! {
    #[test]
    fn a_verdicts_name_is_the_one_on_the_wire(verdict in any::verdict()) {
        assert_eq!(serde_json::to_value(&verdict).unwrap()["verdict"], verdict.name());
    }
}
