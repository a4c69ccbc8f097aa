//! A run that is over as files.

use ha_dashboard::domain::{
    cost::{Cost, Outcome},
    detail::{Endpoint, Figures},
    run::Totals,
};

use super::*;

const FILES: [&str; 4] = ["run.json", "junit.xml", "endpoints.csv", "series.csv"];

fn at(file: &str) -> String {
    format!("/runs/run-1/{file}")
}

#[tokio::test]
async fn a_run_is_a_file_once_it_is_over() {
    let server = Server::new();
    for file in FILES {
        assert_eq!(server.get(&at(file)).await.status, 404, "{file}");
        assert_eq!(server.get(&format!("/runs/..%2f/{file}")).await.status, 404, "{file}");
    }
    server.start(json!({ "duration": 60, "target_vus": 10 })).await;
    for file in FILES {
        let refused = server.get(&at(file)).await;
        assert_eq!((refused.status, refused.json()["code"].as_str()), (409, Some("not_over")), "{file}");
    }
    let fault = json!({ "kind": "kill", "replica": "product-service-1", "hypothesis": "failed < 1 %" });
    assert_eq!(server.post(FAULTS, "application/json", fault.to_string()).await.status, 200);
    let fault = server.control.faults.lock().unwrap()[0].id.clone();
    let cost = Cost { outcome: Some(Outcome::Held), ..Cost::default() };
    *server.control.costs.lock().unwrap() = vec![FaultCost { fault, run: Some("run-1".parse().unwrap()), cost }];
    server.control.turn(RunState::Finished(Verdict::Passed));
    // Nobody counted its endpoints.
    assert_eq!(server.get(&at("endpoints.csv")).await.status, 404);
    let whole = Figures { requests: 3.0, p95_s: Some(0.25), ..Figures::default() };
    let endpoint = Endpoint { method: "GET".into(), name: "=1+2".into(), status: "200".into(), whole, recent: None };
    let detail = Detail { endpoints: vec![endpoint], ..Detail::default() };
    *server.control.detail.lock().unwrap() = Some(Arc::new(detail));
    server.control.run.lock().unwrap().as_mut().unwrap().totals =
        Some(Totals { requests: Some(3.0), ..Totals::default() });
    let description = server.get("/api/openapi.json").await.json();
    for (file, kind, name, part) in [
        ("run.json", "application/json", "load-test-run-1.json", "\"format\": 1,"),
        ("junit.xml", "application/xml", "load-test-run-1-junit.xml", "<testcase name=\"the test runs to its end\""),
        (
            "endpoints.csv",
            "text/csv; charset=utf-8; header=present",
            "load-test-run-1-endpoints.csv",
            "GET,'=1+2,200,3,0,",
        ),
        (
            "series.csv",
            "text/csv; charset=utf-8; header=present",
            "load-test-run-1-series.csv",
            "time (UTC),second (s)",
        ),
    ] {
        let answer = server.get(&at(file)).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, kind), "{file}");
        assert_eq!(answer.header("content-disposition"), format!("attachment; filename=\"{name}\""));
        description::check(&description, "get", &format!("/runs/{{id}}/{file}"), &answer);
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        assert!(text.contains(part), "{file}: {text}");
    }
    let told = server.get(&at("run.json")).await.json();
    assert_eq!(told["run"], server.get("/api/v1/runs/run-1").await.json()["run"]);
    assert_eq!(told["faults"][0]["fault"]["request"]["kind"], "kill");
    assert_eq!((&told["detail"]["endpoints"][0]["name"], &told["log"]), (&json!("=1+2"), &json!(["a line"])));
    let trend = server.get("/api/v1/runs/trend?target=product-service").await;
    description::check(&description, "get", "/api/v1/runs/trend", &trend);
    let point = trend.json()["points"][0].clone();
    assert_eq!((&point["run"], &point["verdict"]["verdict"]), (&json!("run-1"), &json!("passed")));
    assert_eq!(server.get("/api/v1/runs/trend").await.status, 400);
    let page = server.get("/runs/run-1").await;
    let page = String::from_utf8_lossy(&page.body);
    for file in FILES {
        assert!(page.contains(&format!("href=\"{}\"", at(file))), "{file}");
    }
}
