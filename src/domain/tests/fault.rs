use std::collections::BTreeSet;

use proptest::prelude::*;

use super::any;
use crate::domain::{
    fault::{
        Effect, Fault, FaultDraft, FaultEnd, FaultField, FaultId, FaultKind, FaultLimits, FaultPlace, FaultRequest,
        FaultRules, FaultState, FaultTarget, Guard, Hypothesis, Impact, KEYS, Layer, Refusal, admit, affected, preset,
    },
    service::{Health, ProcessState, ProcessStatus, Replica, ReplicaStatus, Service, ServiceStatus},
};

/// A shop of two replicas with all there is, and a service beside it that only has a door.
pub(super) fn rules() -> FaultRules {
    let place = |name: &str, kinds: &[FaultKind]| FaultPlace { name: name.into(), kinds: kinds.to_vec() };
    let door = [FaultKind::Cut, FaultKind::Latency, FaultKind::Errors];
    FaultRules {
        limits: FaultLimits { longest_s: 600, until_restored_s: 300 },
        targets: vec![
            FaultTarget {
                service: "shop".into(),
                replicas: vec![place("shop-1", &FaultKind::ALL), place("shop-2", &FaultKind::ALL)],
            },
            FaultTarget { service: "alone".into(), replicas: vec![place("alone", &door)] },
        ],
    }
}

fn draft(kind: &str, service: &str) -> FaultDraft {
    FaultDraft { kind: kind.into(), service: service.into(), ..FaultDraft::default() }
}

fn request(kind: FaultKind, replica: Option<&str>) -> FaultRequest {
    let draft = FaultDraft { replica: replica.unwrap_or_default().into(), ..draft(kind.name(), "shop") };
    draft.validate(&rules()).unwrap()
}

fn fault(kind: FaultKind, replica: &str, state: FaultState) -> Fault {
    Fault {
        id: "f-7".parse().unwrap(),
        request: request(kind, (!kind.is_of_service()).then_some(replica)),
        replicas: vec![replica.into()],
        of_replicas: 2,
        state,
        asked_ms: 1_000,
        set_at_ms: Some(1_200),
        until_ms: 21_200,
        restored_at_ms: None,
        healthy_again_ms: None,
        by: "a test".into(),
    }
}

#[test]
fn refusals_name_field_value_and_what_is_allowed() {
    let set = |change: &dyn Fn(&mut FaultDraft)| {
        let mut draft = draft("latency", "shop");
        change(&mut draft);
        draft
    };
    let all = "kill, stop, freeze, restart, rolling-restart, cut, latency, errors, cpu, memory, disk";
    let intensity = |value: &str| format!("intensity: {value:?} is not allowed: give a whole number from 1 to 10");
    let duration = |value: &str| {
        format!(
            "duration: {value:?} is not allowed: give a duration from 1 s to 10 min, such as 90, 90 s, 5 min, 1:30 or 1 h 30 min"
        )
    };
    let hypothesis =
        |value: &str| format!("hypothesis: {value:?} is not allowed: write failed < 1 % or recovered < 5 s");
    let guard = |value: &str| format!("guard: {value:?} is not allowed: write failed > 50 % for 10 s");
    let table: Vec<(FaultDraft, String)> = vec![
        (set(&|d| d.service = " ".into()), "service: a value is needed".into()),
        (
            set(&|d| d.service = "shop\n\"'".into()),
            "service: \"shop\\n\\\"'\" is not allowed: use one of shop, alone".into(),
        ),
        (set(&|d| d.replica = "shop-3".into()), "replica: \"shop-3\" is not allowed: use one of shop-1, shop-2".into()),
        (
            set(&|d| (d.service, d.replica) = (String::new(), "x".into())),
            "replica: \"x\" is not allowed: use one of shop-1, shop-2, alone".into(),
        ),
        (set(&|d| d.kind = String::new()), "kind: a value is needed".into()),
        (set(&|d| d.kind = "explode".into()), format!("kind: \"explode\" is not allowed: use one of {all}")),
        (
            set(&|d| (d.kind, d.service) = ("kill".into(), "alone".into())),
            "kind: \"kill\" is not allowed: use one of cut, latency, errors".into(),
        ),
        (
            set(&|d| (d.kind, d.replica) = ("rolling-restart".into(), "shop-1".into())),
            "replica: \"shop-1\" is not allowed: this fault is of the whole service, leave the replica out".into(),
        ),
        (set(&|d| d.intensity = "0".into()), intensity("0")),
        (set(&|d| d.intensity = "11".into()), intensity("11")),
        (set(&|d| d.intensity = "5.5".into()), intensity("5.5")),
        (set(&|d| d.duration = "0".into()), duration("0")),
        (set(&|d| d.duration = "720h".into()), duration("720h")),
        (set(&|d| d.duration = "30 d".into()), duration("30 d")),
        (set(&|d| d.hypothesis = "all is well".into()), hypothesis("all is well")),
        (set(&|d| d.hypothesis = "failed < 0 %".into()), hypothesis("failed < 0 %")),
        (set(&|d| d.hypothesis = "recovered < 0".into()), hypothesis("recovered < 0")),
        (set(&|d| d.guard = "failed > 100 % for 10 s".into()), guard("failed > 100 % for 10 s")),
        (set(&|d| d.guard = "failed > 50 %".into()), guard("failed > 50 %")),
        (set(&|d| d.guard = "failed > 50 % for 0 s".into()), guard("failed > 50 % for 0 s")),
    ];
    for (draft, expected) in table {
        let errors = draft.validate(&rules()).unwrap_err();
        assert_eq!(errors.iter().map(ToString::to_string).collect::<Vec<_>>(), [expected], "{draft:?}");
    }
    let wrong = FaultDraft { intensity: "x".into(), duration: "x".into(), guard: "x".into(), ..FaultDraft::default() };
    let fields = wrong.validate(&rules()).unwrap_err().iter().map(|error| error.field).collect::<Vec<_>>();
    let expected =
        [FaultField::Service, FaultField::Kind, FaultField::Intensity, FaultField::Duration, FaultField::Guard];
    assert_eq!(fields, expected, "everything wrong is told at once");
}

#[test]
fn one_name_is_enough_for_a_replica() {
    let whole = draft("kill", "shop").validate(&rules()).unwrap();
    assert_eq!((whole.service.as_str(), whole.replica), ("shop", None));
    let one = |service: &str, replica: &str| FaultDraft { replica: replica.into(), ..draft(" kill ", service) };
    for (service, replica) in [("shop-2", ""), ("", "shop-2"), (" shop ", " shop-2 ")] {
        let request = one(service, replica).validate(&rules()).unwrap();
        assert_eq!((request.service.as_str(), request.replica.as_deref()), ("shop", Some("shop-2")));
    }
    // A service that is one replica has a name for both.
    assert_eq!(draft("cut", "alone").validate(&rules()).unwrap().replica, None);
}

#[test]
fn what_has_no_meaning_for_a_kind_is_left_out() {
    let full = |kind: &str| {
        let draft = FaultDraft { intensity: "7".into(), duration: "1:30".into(), ..draft(kind, "shop") };
        let request = draft.validate(&rules()).unwrap();
        (request.intensity, request.duration_s, request.ends_after_s(&rules().limits))
    };
    assert_eq!(full("latency"), (Some(7), Some(90), Some(90)));
    assert_eq!(full("kill"), (None, Some(90), Some(90)));
    assert_eq!(full("rolling-restart"), (None, None, None));
    let plain = draft("latency", "shop").validate(&rules()).unwrap();
    assert_eq!((plain.intensity, plain.duration_s), (Some(5), None));
    assert_eq!(plain.ends_after_s(&rules().limits), Some(300), "until restored has an end, too");
}

#[test]
fn intensity_is_explained_in_real_units() {
    for (kind, intensity, effect) in [
        (FaultKind::Latency, 7, Effect::Latency { delay_ms: 700, jitter_ms: 140 }),
        (FaultKind::Latency, 1, Effect::Latency { delay_ms: 100, jitter_ms: 20 }),
        (FaultKind::Errors, 10, Effect::Errors { percent: 100 }),
        (FaultKind::Cpu, 5, Effect::Cpu { percent: 100 }),
        (FaultKind::Memory, 2, Effect::Memory { mib: 128 }),
        (FaultKind::Disk, 3, Effect::Disk { mib_per_s: 24 }),
        (FaultKind::Kill, 3, Effect::Killed),
        (FaultKind::Latency, 0, Effect::Latency { delay_ms: 100, jitter_ms: 20 }),
        (FaultKind::Latency, 200, Effect::Latency { delay_ms: 1000, jitter_ms: 200 }),
    ] {
        assert_eq!(Effect::of(kind, intensity), effect);
    }
    let impact = |kind: FaultKind, intensity: &str| {
        FaultDraft { intensity: intensity.into(), ..draft(kind.name(), "shop") }.validate(&rules()).unwrap().impact()
    };
    for (intensity, expected) in
        [("1", Impact::Low), ("3", Impact::Low), ("4", Impact::Medium), ("7", Impact::Medium), ("8", Impact::High)]
    {
        assert_eq!(impact(FaultKind::Disk, intensity), expected);
    }
    assert_eq!(impact(FaultKind::Kill, "1"), Impact::High, "a replica is gone, whatever else was typed");
    assert_eq!(impact(FaultKind::RollingRestart, ""), Impact::Low);
}

#[test]
fn pledges_are_read_as_people_write_them() {
    for (text, hypothesis) in [
        ("failed < 1 %", Some(Hypothesis::FailedBelow { share: 0.01 })),
        (" failed<0,5% ", Some(Hypothesis::FailedBelow { share: 0.005 })),
        ("failed<100", Some(Hypothesis::FailedBelow { share: 1.0 })),
        ("recovered < 5 s", Some(Hypothesis::RecoveredWithin { seconds: 5 })),
        ("recovered<1:30", Some(Hypothesis::RecoveredWithin { seconds: 90 })),
        ("failed < 101 %", None),
        ("failed < -1 %", None),
        ("failed < 1e1 %", None),
        ("failed < .5 %", None),
        ("failed < %", None),
        ("failed > 1 %", None),
        ("recovered", None),
        ("", None),
    ] {
        assert_eq!(text.parse().ok(), hypothesis, "{text:?}");
    }
    let guard = |failed_over, for_s| Some(Guard { failed_over, for_s });
    for (text, expected) in [
        ("failed > 50 % for 10 s", guard(0.5, 10)),
        ("failed>0.1%for1min", guard(0.001, 60)),
        ("failed > 0 % for 1", guard(0.0, 1)),
        ("failed < 50 % for 10 s", None),
        ("p95 > 50 % for 10 s", None),
        ("failed > 50 % for", None),
    ] {
        assert_eq!(text.parse().ok(), expected, "{text:?}");
    }
}

proptest! {
    #[test]
    fn pledges_survive_their_notation(ten_thousandths in 1_u32..1_000_000, seconds in 1_u32..100_000) {
        let share = f64::from(ten_thousandths) / 1e6;
        for hypothesis in [Hypothesis::FailedBelow { share }, Hypothesis::RecoveredWithin { seconds }] {
            let read = hypothesis.to_string().parse::<Hypothesis>().unwrap();
            prop_assert_eq!(read.to_string(), hypothesis.to_string());
        }
        let guard = Guard { failed_over: share, for_s: seconds };
        let read = guard.to_string().parse::<Guard>().unwrap();
        prop_assert!(read.for_s == seconds && (read.failed_over - share).abs() < 1e-9, "{guard} {read:?}");
    }

    #[test]
    fn any_text_is_a_fault_or_refused(texts in proptest::collection::vec(any::text(), 7), even_last: bool) {
        let [kind, service, replica, intensity, duration, hypothesis, guard] = texts.try_into().unwrap();
        let draft = FaultDraft { kind, service, replica, intensity, duration, hypothesis, guard, even_last };
        prop_assert!(draft.validate(&rules()).is_err());
    }
}

#[test]
fn faults_that_touch_each_other_are_refused_with_the_one_at_work() {
    use FaultKind::{Cpu, Cut, Errors, Freeze, Kill, Latency, Memory, Restart, RollingRestart, Stop};
    for (on, new, allowed) in [
        (Kill, Kill, false),
        (Kill, Freeze, false),
        (Freeze, Stop, false),
        (Kill, Restart, false),
        (Restart, Kill, false),
        (RollingRestart, Kill, false),
        // Who opens a door to nobody?
        (Kill, Latency, false),
        (Stop, Cut, false),
        (Restart, Errors, false),
        (Freeze, Latency, true),
        (Latency, Kill, true),
        (Latency, Freeze, true),
        (Latency, Errors, false),
        (Latency, Latency, false),
        (Latency, Cpu, true),
        (Cpu, Latency, true),
        (Cpu, Memory, true),
        (Cpu, Cpu, false),
        (Cpu, Kill, false),
        (Freeze, Cpu, false),
    ] {
        let at_work = fault(on, "shop-1", FaultState::Active);
        let same = admit(&request(new, Some("shop-1")), &rules(), std::slice::from_ref(&at_work), &|_| false);
        let refused = Refusal::AtWork { replica: "shop-1".into(), fault: at_work.id.clone(), kind: on };
        let expected = if allowed { Ok(vec!["shop-1".to_owned()]) } else { Err(refused) };
        assert_eq!(same, expected, "{new:?} on {on:?}");
        let over = Fault { state: FaultState::Restored { why: FaultEnd::Time }, ..at_work };
        assert!(admit(&request(new, Some("shop-1")), &rules(), &[over], &|_| false).is_ok());
    }
}

#[test]
fn a_replica_that_is_being_restored_is_left_alone() {
    let restoring = fault(FaultKind::Latency, "shop-1", FaultState::Restoring { why: FaultEnd::Asked });
    let on = std::slice::from_ref(&restoring);
    for kind in [FaultKind::Kill, FaultKind::Cpu, FaultKind::Latency] {
        let refused = admit(&request(kind, Some("shop-1")), &rules(), on, &|_| false).unwrap_err();
        let expected =
            Refusal::BeingRestored { replica: "shop-1".into(), fault: restoring.id.clone(), kind: FaultKind::Latency };
        assert_eq!(refused, expected);
        assert!(admit(&request(kind, Some("shop-2")), &rules(), on, &|_| false).is_ok(), "the other one");
    }
}

#[test]
fn the_last_replica_is_hit_only_when_asked_twice() {
    let set = |kind, replica, even_last, on: &[Fault], down: &str| {
        let request = FaultRequest { even_last, ..request(kind, replica) };
        admit(&request, &rules(), on, &|name| name == down)
    };
    let last = Err(Refusal::LastReplica { service: "shop".into() });
    let hit = |names: &[&str]| Ok(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    let kill = FaultKind::Kill;
    assert_eq!(set(kill, Some("shop-1"), false, &[], ""), hit(&["shop-1"]));
    assert_eq!(set(kill, Some("shop-1"), false, &[], "shop-2"), last, "the other one is down");
    assert_eq!(set(kill, Some("shop-1"), true, &[], "shop-2"), hit(&["shop-1"]));
    let cut = [fault(FaultKind::Cut, "shop-2", FaultState::Active)];
    assert_eq!(set(kill, Some("shop-1"), false, &cut, ""), last, "the other one is cut off");
    let slow = [fault(FaultKind::Latency, "shop-2", FaultState::Active)];
    assert_eq!(set(kill, Some("shop-1"), false, &slow, ""), hit(&["shop-1"]), "the other one is slow, and there");
    assert_eq!(set(kill, None, false, &[], ""), last);
    assert_eq!(set(kill, None, true, &[], ""), hit(&["shop-1", "shop-2"]));
    assert_eq!(set(kill, None, true, &[], "shop-2"), hit(&["shop-1"]), "what is down is not hit");
    assert_eq!(set(FaultKind::Latency, None, false, &[], ""), hit(&["shop-1", "shop-2"]), "slow is not gone");
    assert_eq!(set(FaultKind::RollingRestart, None, false, &[], ""), hit(&["shop-1", "shop-2"]), "in turn");
    // All errors are as good as gone.
    let all_errors = FaultRequest { intensity: Some(10), ..request(FaultKind::Errors, None) };
    assert_eq!(admit(&all_errors, &rules(), &[], &|_| false), last);
}

#[test]
fn nothing_is_done_to_what_is_down_but_a_restart() {
    let set = |kind| admit(&request(kind, Some("shop-1")), &rules(), &[], &|name| name == "shop-1");
    assert_eq!(set(FaultKind::Kill), Err(Refusal::Down { name: "shop-1".into() }));
    assert_eq!(set(FaultKind::Latency), Err(Refusal::Down { name: "shop-1".into() }));
    assert_eq!(set(FaultKind::Restart), Ok(vec!["shop-1".into()]));
    let gone = FaultRules { targets: vec![], ..rules() };
    let refused = admit(&request(FaultKind::Kill, None), &gone, &[], &|_| false);
    assert_eq!(refused, Err(Refusal::Unknown { name: "shop".into() }), "a configuration may have changed");
}

#[test]
fn callers_feel_what_they_call() {
    let calls = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let graph = [
        ("product", calls(&[])),
        ("user", calls(&["product"])),
        ("checkout", calls(&["product", "user"])),
        ("edge", calls(&["checkout", "edge"])),
    ];
    assert_eq!(affected("product", &graph), ["product", "user", "checkout", "edge"]);
    assert_eq!(affected("checkout", &graph), ["checkout", "edge"]);
    assert_eq!(affected("edge", &graph), ["edge"]);
    let circle = [("a", calls(&["b"])), ("b", calls(&["a"]))];
    assert_eq!(affected("a", &circle), ["a", "b"], "a circle has an end");
}

#[test]
fn the_time_left_is_that_of_what_ends_by_itself() {
    let kill = fault(FaultKind::Kill, "shop-1", FaultState::Active);
    assert_eq!(kill.left_s(20_000), Some(1.2));
    assert_eq!(kill.left_s(99_000), Some(0.0));
    assert_eq!(Fault { state: FaultState::Restored { why: FaultEnd::Time }, ..kill }.left_s(20_000), None);
    assert_eq!(fault(FaultKind::Restart, "shop-1", FaultState::Active).left_s(20_000), None);
}

#[test]
fn names_and_places_are_complete() {
    let names: BTreeSet<_> = FaultKind::ALL.iter().map(|kind| kind.name()).collect();
    assert_eq!(names.len(), FaultKind::ALL.len());
    for kind in FaultKind::ALL {
        assert_eq!(FaultKind::from_name(kind.name()), Some(kind));
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        assert!(kind.layer() == Layer::Process || kind.lasts());
        assert!(!kind.has_intensity() || kind.layer() != Layer::Process);
    }
    assert_eq!(FaultKind::from_name("Kill"), None);
    for bad in ["", "A", "a b", "../x", &"x".repeat(65)] {
        assert!(bad.parse::<FaultId>().is_err(), "{bad}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn faults_survive_the_wire(fault in any::fault()) {
        let json = serde_json::to_value(&fault).unwrap();
        prop_assert_eq!(&json["state"], fault.state.name());
        prop_assert_eq!(serde_json::from_value::<Fault>(json).unwrap(), fault);
    }
}

#[test]
fn a_key_sets_what_can_be_done_to_the_first_service_with_replicas() {
    let replica = |name: &str, runs: bool| ReplicaStatus {
        replica: Replica { name: name.into(), url: "http://r".into(), door: Some("http://d".into()), container: None },
        health: Health::Unknown,
        missed: false,
        process: runs.then_some(ProcessStatus {
            state: ProcessState::Running,
            since_ms: 0,
            until_ms: None,
            pid: None,
            code: None,
            restarts: 0,
        }),
        gateway: None,
    };
    let service = |name: &str, replicas: Vec<ReplicaStatus>| ServiceStatus {
        replicas,
        ..ServiceStatus::unknown(Service::new(name, "http://s"), &[])
    };
    let stage = |runs| {
        [
            service("alone", vec![replica("alone-1", runs)]),
            service("shop", vec![replica("shop-1", runs), replica("shop-2", runs)]),
            service("user", vec![replica("user-1", runs), replica("user-2", runs)]),
        ]
    };
    let set = |runs, key| preset(key, &stage(runs)).map(|draft| [draft.kind, draft.service, draft.intensity].join(" "));
    let all = (0..=KEYS + 1).map(|key| set(true, key).unwrap_or_default()).collect::<Vec<_>>();
    assert_eq!(
        all,
        [
            "",
            "kill shop-1 ",
            "freeze shop-1 ",
            "cut shop-1 ",
            "latency shop 4",
            "errors shop 3",
            "cpu shop-1 5",
            "rolling-restart shop ",
            "kill user-1 ",
            "freeze user-1 ",
            ""
        ]
    );
    // Where nobody runs the processes there are the doors.
    let doors = (1..=KEYS).filter(|key| set(false, *key).is_some()).collect::<Vec<_>>();
    assert_eq!(doors, [3, 4, 5]);
    assert_eq!((1..=KEYS).find_map(|key| preset(key, &stage(true)[..1])), None, "nobody would carry on");
}
