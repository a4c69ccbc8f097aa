//! The chaos routes: the former contract over real faults.

use ha_dashboard::domain::{
    cost::{Cost, Detection, Outage, Tally},
    service::{ProcessState, ProcessStatus, Replica, ReplicaStatus},
};

use super::*;

const BEGIN: &str = "/api/v1/chaos/start";
const NOW: &str = "2023-11-14T22:13:20.000Z";

/// Which replicas somebody runs, and how often they were started again.
fn services(restarts: [Option<u32>; 2]) -> Vec<ServiceStatus> {
    let process = |restarts| ProcessStatus {
        state: ProcessState::Running,
        since_ms: NOW_MS,
        until_ms: None,
        pid: Some(1),
        code: None,
        restarts,
    };
    let service = |name: &str, calls: &[&str], health| {
        let mut service = Service::new(name, "http://127.0.0.1:1");
        service.depends_on = calls.iter().map(|name| (*name).to_owned()).collect();
        ServiceStatus { health, ..ServiceStatus::unknown(service, &[]) }
    };
    let mut product = service("product-service", &[], Health::Degraded { status: 500 });
    let replica = |(number, restarts): (usize, Option<u32>)| ReplicaStatus {
        replica: Replica { name: format!("product-service-{}", number + 1), ..Replica::only(&product.service) },
        health: Health::Unknown,
        missed: false,
        process: restarts.map(process),
        gateway: None,
    };
    product.replicas = restarts.into_iter().enumerate().map(replica).collect();
    let checkout = service("checkout-service", &["product-service"], Health::Up { latency_ms: 1.0 });
    vec![product, checkout, service("user-service", &[], Health::Unknown)]
}

impl Server {
    async fn begin(&self, body: Value) -> Answer {
        self.post(BEGIN, "application/json", body.to_string()).await
    }

    async fn end(&self, id: &str) -> Answer {
        self.post(&format!("/api/v1/chaos/{id}/stop"), "application/json", "").await
    }
}

#[tokio::test]
async fn an_experiment_goes_its_way_as_its_callers_expect() {
    let server = Server::new();
    *server.control.services.lock().unwrap() = services([None, None]);
    let body = json!({ "type": "latency", "service": "product-service", "duration": 90, "intensity": 7,
                       "experimentId": "Demo_1", "colour": "red" });
    let answer = server.begin(body.clone()).await;
    assert_eq!(answer.status, 200);
    let mut told = answer.json();
    assert_eq!(told["correlation_id"].take(), answer.header("x-correlation-id"));
    let expected = json!({
        "success": true,
        "status": "started",
        "message": "Experiment Demo_1 started: latency on product-service",
        "experiment_id": "Demo_1",
        "fault_id": "fault-1",
        "experiment_type": "latency",
        "target_service": "product-service",
        "replicas": ["product-service-1", "product-service-2"],
        "duration": 90,
        "intensity": 7,
        "impact_level": "medium",
        "effect": { "effect": "latency", "delay_ms": 700, "jitter_ms": 140 },
        "affected_services": ["product-service", "checkout-service"],
        "start_time": NOW,
        "ignored": ["colour"],
        "correlation_id": null,
    });
    assert_eq!(told, expected);

    // Its own id and that of the fault are as good as each other.
    for id in ["Demo_1", "fault-1"] {
        let told = server.get(&format!("/api/v1/chaos/{id}/status")).await.json();
        assert_eq!((&told["experiment_id"], &told["status"]), (&json!("Demo_1"), &json!("running")));
        assert!(told["elapsed_time"].as_f64().unwrap() > 0.0 && told["remaining_time"].as_f64().unwrap() > 0.0);
        assert_eq!((&told["end_time"], &told["final_metrics"]), (&Value::Null, &Value::Null));
    }
    let again = server.begin(body.clone()).await;
    assert_eq!((again.status, again.json()["code"].clone()), (409, json!("experiment_exists")));
    let own = server.begin(json!({ "type": "latency", "service": "product-service", "duration": 9 })).await;
    assert_eq!((own.status, own.json()["code"].clone()), (409, json!("fault_refused")));

    let cost = Cost {
        settled: true,
        span: Tally { seconds: 90.0, valid: 200.0, bad: 3.0, dropped: 0.0 },
        outage: Some(Outage { after_ms: 0, length_ms: 1500, goes_on: false }),
        detection: Detection { gateway_ms: Some(900), ..Detection::default() },
        recovered_ms: Some(1400),
        ..Cost::default()
    };
    server.control.costs.lock().unwrap().push(FaultCost { fault: "fault-1".parse().unwrap(), run: None, cost });
    let told = server.end("Demo_1").await.json();
    assert_eq!(
        (&told["status"], &told["active"], &told["remaining_time"]),
        (&json!("stopped"), &json!(false), &json!(0.0))
    );
    let expected = json!({
        "settled": true, "requests": 200.0, "failed_requests": 3.0, "requests_lost": null, "longest_outage": 1.5,
        "detected_by_gateway": 0.9, "detected_by_probe": null, "recovered": 1.4, "redundant_again": null,
    });
    assert_eq!(told["final_metrics"], expected);
    let over = server.end("Demo_1").await;
    assert_eq!((over.status, over.json()["code"].clone()), (409, json!("fault_over")));
    assert_eq!(server.begin(body).await.json()["fault_id"], "fault-2", "what is over leaves its id to another");
    let told = server.get("/api/v1/chaos/Demo_1/status").await.json();
    assert_eq!(told["fault_id"], "fault-2");
}

#[tokio::test]
async fn every_end_has_its_word() {
    let server = Server::new();
    server.begin(json!({ "type": "latency", "service": "product-service-1", "duration": 60 })).await;
    for (state, word) in [
        (FaultState::Setting, "starting"),
        (FaultState::Restoring { why: FaultEnd::Time }, "stopping"),
        (FaultState::Restored { why: FaultEnd::Time }, "completed"),
        (FaultState::Restored { why: FaultEnd::Done }, "completed"),
        (FaultState::Restored { why: FaultEnd::Guard }, "stopped"),
        (FaultState::Failed { reason: "the gateway is away".into() }, "failed"),
    ] {
        let over = matches!(state, FaultState::Restored { .. });
        {
            let fault = &mut server.control.faults.lock().unwrap()[0];
            fault.restored_at_ms = over.then_some(NOW_MS + 2500);
            fault.state = state;
        }
        let told = server.get("/api/v1/chaos/fault-1/status").await.json();
        assert_eq!(told["status"], word);
        if over {
            assert_eq!((&told["elapsed_time"], &told["end_time"]), (&json!(2.5), &json!("2023-11-14T22:13:22.500Z")));
        }
        if word == "failed" {
            assert_eq!(told["elapsed_time"], Value::Null);
            assert_eq!(told["message"], "Experiment fault-1 failed: the gateway is away");
        }
    }
}

#[tokio::test]
async fn the_status_tells_what_is_set_and_how_it_is_borne() {
    let server = Server::new();
    *server.control.services.lock().unwrap() = services([Some(2), Some(3)]);
    let told = server.get("/api/v1/chaos/status").await.json();
    let expected = json!({ "active": false, "scenario": null, "affected_services": [], "start_time": null,
                           "impact_level": null, "experiments": [] });
    assert_eq!(told["chaos_engineering"], expected);
    let expected = json!({
        "circuit_breakers_triggered": 1,
        "auto_recovery_attempts": 5,
        "service_health_scores": { "product-service": 0.5, "checkout-service": 1.0, "user-service": null },
    });
    assert_eq!(told["system_resilience"], expected);
    let text = String::from_utf8(server.get("/metrics").await.body.to_vec()).unwrap();
    assert!(text.contains("\nchaos_experiment_active 0\n") && text.contains("\nchaos_impact_level 0\n"), "{text}");

    server.begin(json!({ "type": "network-partition", "service": "product-service-1", "duration": 60 })).await;
    server.begin(json!({ "type": "cpu_stress", "service": "product-service", "duration": 60, "intensity": 2 })).await;
    for path in ["/api/v1/chaos/status", "/api/v1/analytics/chaos-status"] {
        let told = server.get(path).await.json()["chaos_engineering"].clone();
        assert_eq!((&told["active"], &told["scenario"]), (&json!(true), &json!("cpu_stress")));
        assert_eq!(told["affected_services"], json!(["product-service", "checkout-service"]));
        assert_eq!((&told["impact_level"], &told["start_time"]), (&json!("high"), &json!(NOW)));
        let types = told["experiments"].as_array().unwrap().iter().map(|one| one["experiment_type"].clone());
        assert_eq!(types.collect::<Vec<_>>(), ["cpu_stress", "network_partition"]);
    }
    let text = String::from_utf8(server.get("/metrics").await.body.to_vec()).unwrap();
    for line in [
        r#"chaos_experiments_total{experiment_type="network_partition",service="product-service"} 1"#,
        r#"chaos_experiments_total{experiment_type="cpu_stress",service="product-service"} 1"#,
        "chaos_experiment_active 1",
        "chaos_impact_level 3",
        r#"auto_recovery_attempts_total{service="product-service",replica="product-service-2"} 3"#,
        r#"service_health_score{service="product-service"} 0.5"#,
    ] {
        assert!(text.lines().any(|told| told == line), "{line} is not in\n{text}");
    }

    *server.control.services.lock().unwrap() = services([None, None]);
    let told = server.get("/api/v1/chaos/status").await.json();
    assert_eq!(told["system_resilience"]["auto_recovery_attempts"], Value::Null, "nobody counts");
}

#[tokio::test]
async fn the_catalogue_tells_what_can_be_done_to_whom() {
    let told = Server::new().get("/api/v1/chaos/experiments").await.json();
    assert_eq!((&told["services"], &told["max_duration"]), (&json!(["product-service"]), &json!(600)));
    let of = |name: &str| {
        let types = told["types"].as_array().unwrap();
        types.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("{name}")).clone()
    };
    for name in ["latency", "cpu_stress", "network_partition"] {
        assert_eq!(of(name)["services"], json!(["product-service"]), "{name}");
    }
    for name in ["memory_stress", "disk_io", "error_injection"] {
        assert_eq!(of(name)["services"], json!([]), "{name}");
    }
    assert_eq!(of("latency")["effects"][6], json!({ "effect": "latency", "delay_ms": 700, "jitter_ms": 140 }));
    assert_eq!(of("network_partition")["effects"], json!([{ "effect": "cut" }]));
    let levels = told["intensity_levels"].as_array().unwrap();
    let levels: Vec<_> = levels.iter().map(|level| level["impact_level"].as_str().unwrap()).collect();
    assert_eq!(levels, [["low"; 3].as_slice(), &["medium"; 4], &["high"; 3]].concat());
}

#[tokio::test]
async fn bad_experiments_are_refused_in_the_words_of_the_contract() {
    let server = Server::new();
    let good = json!({ "type": "latency", "service": "product-service", "duration": 60, "intensity": 5 });
    for (field, value, said) in [
        ("type", json!("meteor"), "use one of kill, restart, network_partition, latency, cpu_stress"),
        ("type", json!("error_injection"), "\"error_injection\" is not allowed"),
        ("type", json!(null), "type: "),
        ("service", json!("nobody"), "use one of product-service"),
        ("service", json!("\"quoted\"\nname"), "use one of product-service"),
        ("service", json!(""), "service: "),
        ("intensity", json!(0), "\"0\" is not allowed"),
        ("intensity", json!(11), "\"11\" is not allowed"),
        ("intensity", json!(5.5), "\"5.5\" is not allowed"),
        ("duration", json!(0), "\"0\" is not allowed"),
        ("duration", json!(-1), "\"-1\" is not allowed"),
        ("duration", json!(2_592_000), "\"2592000\" is not allowed"),
        ("duration", json!("30d"), "\"30d\" is not allowed"),
    ] {
        let mut body = good.clone();
        body[field] = value;
        let answer = server.begin(body.clone()).await;
        let told = answer.json();
        assert_eq!((answer.status, &told["errors"][0]["field"]), (422, &json!(field)), "{body}: {told}");
        assert!(told["error"].as_str().unwrap().contains(said), "{body}: {told}");
    }
    for (field, value) in [
        ("type", json!(["latency"])),
        ("service", json!({})),
        ("even_last", json!("yes")),
        ("experimentId", json!("")),
        ("experimentId", json!("a/b")),
        ("experimentId", json!("x".repeat(65))),
    ] {
        let mut body = good.clone();
        body[field] = value;
        assert_eq!(server.begin(body.clone()).await.status, 400, "{body}");
    }
    assert_eq!(server.post(BEGIN, "application/json", "{").await.status, 400);
    assert_eq!(server.post(BEGIN, "text/plain", "{}").await.status, 415);
    for id in ["nothing", "Not_Ours", "%22%0A", "fault-1"] {
        let answers = [server.get(&format!("/api/v1/chaos/{id}/status")).await, server.end(id).await];
        for answer in answers {
            assert_eq!((answer.status, answer.json()["code"].clone()), (404, json!("not_found")), "{id}");
        }
    }
    assert!(server.control.faults.lock().unwrap().is_empty(), "nothing of it was set");

    let mut whole = json!({ "type": "network_partition", "service": "product-service", "duration": 60 });
    let answer = server.begin(whole.clone()).await;
    assert_eq!(answer.status, 409, "nobody would be left");
    whole["even_last"] = json!(true);
    let told = server.begin(whole).await.json();
    assert_eq!((&told["impact_level"], &told["intensity"]), (&json!("high"), &Value::Null));
}
