//! Plans that start by themselves: asked for, and when their time has come.

use std::time::Duration;

use ha_dashboard::domain::agenda::{Last, Outcome, When};
use tokio_util::sync::CancellationToken;

use super::{plans::PLAN, *};
use crate::server::clock::now_ms;

const SCHEDULES: &str = "/api/v1/schedules";
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// A server with the plan `plan-1`.
async fn with_plan() -> Server {
    let server = Server::new();
    assert_eq!(server.post("/api/v1/plans", JSON, PLAN).await.status, 201);
    server
}

#[tokio::test]
async fn a_schedule_shows_its_next_five_times_on_its_own_clock() {
    let server = with_plan().await;
    let body = json!({ "plan": "plan-1", "cron": "30 2 * * *", "zone": "Europe/Berlin" }).to_string();
    let added = server.post(SCHEDULES, JSON, body).await;
    assert_eq!(added.status, 201, "{}", added.json());
    let schedule = added.json()["schedule"].clone();
    assert_eq!((&schedule["plan_name"], &schedule["last"]), (&json!("Evening <b>peak</b>"), &Value::Null));
    assert_eq!(schedule["when"], json!({ "kind": "cron", "line": "30 2 * * *" }));
    let next = schedule["next"].as_array().unwrap();
    assert_eq!(next.len(), 5);
    assert!(next[0]["clock"].as_str().unwrap().contains("02:30 CE"), "{next:?}");
    assert_eq!(server.get(SCHEDULES).await.json()["schedules"], json!([schedule]));
    let path = format!("{SCHEDULES}/{}", schedule["id"].as_str().unwrap());
    let delete = || server.send(Request::delete(&path).body(Body::empty()).unwrap());
    assert_eq!((delete().await.status, delete().await.status), (200, 404));
}

#[tokio::test]
async fn what_is_no_time_to_come_is_refused_with_what_is_allowed() {
    let server = with_plan().await;
    for (body, status, code) in [
        (json!({ "plan": "plan-1", "cron": "* * * * * *" }), 422, "too_often"),
        (json!({ "plan": "plan-1", "cron": "0 0 31 2 *" }), 422, "never"),
        (json!({ "plan": "plan-1", "cron": "soon" }), 422, "not_cron"),
        (json!({ "plan": "plan-1", "at": "2020-01-01 00:00" }), 422, "past"),
        (json!({ "plan": "plan-1", "at": "2027-03-28 02:30", "zone": "Europe/Berlin" }), 422, "skipped_by_clocks"),
        (json!({ "plan": "plan-1", "at": "2027-03-28 02:30", "zone": "Mars" }), 422, "no_zone"),
        (json!({ "plan": "plan-1" }), 422, "one_of_two"),
        (json!({ "plan": "none", "cron": "@daily" }), 404, "not_found"),
        (json!({ "plan": "plan-1", "when": "@daily" }), 400, "bad_request"),
    ] {
        let refused = server.post(SCHEDULES, JSON, body.to_string()).await;
        assert_eq!((refused.status, refused.json()["code"].as_str()), (status, Some(code)), "{body}");
    }
    assert_eq!(server.get(SCHEDULES).await.json()["schedules"], json!([]));
}

#[tokio::test]
async fn the_page_schedules_by_plain_forms() {
    let server = with_plan().await;
    let page = |path: String| {
        let server = &server;
        async move { String::from_utf8(server.get(&path).await.body.to_vec()).unwrap() }
    };
    let refused = server.post("/plans/schedule", FORM, "plan=plan-1&at=&cron=*+*+*+*+*+*&zone=").await;
    assert_eq!(refused.header("location"), "/plans?plan=plan-1&at=&cron=*+*+*+*+*+*&zone=&error=too_often");
    let html = page(refused.header("location").into()).await;
    assert!(html.contains(r#"value="* * * * * *""#) && html.contains("once a minute at most"), "{html}");
    let added = server.post("/plans/schedule", FORM, "plan=plan-1&at=&cron=@daily&zone=Europe/Berlin").await;
    let html = page(added.header("location").into()).await;
    assert!(html.contains("starts by itself at these times") && html.contains("00:00 CE"), "{html}");
    assert!(!html.contains("<b>peak"), "{html}");
    let german = Request::get("/plans").header("accept-language", "de").body(Body::empty()).unwrap();
    let german = String::from_utf8(server.send(german).await.body.to_vec()).unwrap();
    let days = ["Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"];
    let told = days.iter().filter(|day| german.contains(&format!(">{day} 20"))).count();
    assert_eq!(told, 5, "{german}");
    let id = added.header("location").rsplit('=').next().unwrap().to_owned();
    let deleted = server.post("/plans/unschedule", FORM, format!("id={id}")).await;
    assert_eq!(deleted.header("location"), "/plans");
    let lost = server.post("/plans/unschedule", FORM, format!("id={id}")).await;
    assert_eq!(lost.header("location"), "/plans?error=not_found");
}

/// Keeps the agenda until something has come of every appointment in it.
async fn kept(server: &Server, due: &[(&str, u64)]) -> Vec<Appointment> {
    let (_, database, agenda, _) = server.control.kept();
    for (id, due_ms) in due {
        let appointment = Appointment {
            id: (*id).to_owned().try_into().unwrap(),
            plan: "plan-1".to_owned().try_into().unwrap(),
            when: When::Cron { line: "0 * * * *".into() },
            zone: "UTC".into(),
            due_ms: Some(*due_ms),
            last: None,
        };
        database.add_schedule(&appointment).unwrap().unwrap();
    }
    let (end, control) = (CancellationToken::new(), Arc::<Scripted>::clone(&server.control));
    let keeping = tokio::spawn(agenda.clone().keep(control, end.clone()));
    let told = async {
        loop {
            let all = agenda.all().await.unwrap();
            let is_told =
                |it: &Appointment| !matches!(&it.last, None | Some(Last { outcome: Outcome::Failed { .. }, .. }));
            if all.iter().all(is_told) {
                return all;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let all = tokio::time::timeout(Duration::from_secs(60), told).await.unwrap();
    end.cancel();
    keeping.await.unwrap();
    all
}

#[tokio::test]
async fn of_two_that_are_due_one_starts_and_the_other_is_told_to_be_skipped() {
    let server = with_plan().await;
    let all = kept(&server, &[("first", now_ms() - 2), ("second", now_ms() - 1)]).await;
    let outcome = |id: &str| all.iter().find(|it| it.id.as_str() == id).unwrap().last.clone().unwrap().outcome;
    let run = server.control.run.lock().unwrap().clone().unwrap();
    assert_eq!(outcome("first"), Outcome::Started { run: run.id.clone() });
    assert_eq!(outcome("second"), Outcome::Skipped { running: run.id });
    assert!(all.iter().all(|it| it.due_ms > Some(now_ms())), "{all:?}");
    let (caller, drafts) =
        (server.control.callers.lock().unwrap()[0].clone(), server.control.drafts.lock().unwrap().len());
    assert_eq!((caller.door, drafts), (Door::Schedule, 2), "the second was asked for, and refused");
    assert!(caller.correlation_id.starts_with("schedule-first-"), "{}", caller.correlation_id);
    let events = server.control.kept().3.events();
    assert!(matches!(&events[0].kind, EventKind::PlanDue { plan, .. } if plan == "Evening <b>peak</b>"), "{events:?}");
    assert_eq!(events.len(), 2);
}

#[tokio::test]
async fn what_was_missed_is_told_with_how_often_and_not_made_up_for() {
    let server = with_plan().await;
    let five_hours = 5 * 3_600_000;
    let due_ms = now_ms() - five_hours - 120_000;
    let all = kept(&server, &[("late", due_ms)]).await;
    let Some(Last { due_ms: told_ms, outcome: Outcome::Missed { times } }) = all[0].last else { panic!("{all:?}") };
    assert_eq!(told_ms, due_ms);
    assert!((5..=7).contains(&times), "{times}");
    assert!(all[0].due_ms > Some(now_ms()) && server.control.drafts.lock().unwrap().is_empty());
    let html = String::from_utf8(server.get("/plans").await.body.to_vec()).unwrap();
    assert!(html.contains(&format!("missed {times} times")), "{html}");
}
