//! Every way in, for everybody: what each role may ask for, against the one table of calls and roles.

use ha_dashboard::domain::access::Call;

use super::*;

/// Who may come in by a way.
#[derive(Debug, Clone, Copy, PartialEq)]
enum For {
    /// Everybody, known or not.
    All,
    /// Who may make this call.
    May(Call),
}

use For::{All, May};

/// What a browser asks for, beside what the description of the REST API lists.
const OTHERS: &[(&str, &str, For)] = &[
    // Pages.
    ("get", "/", May(Call::Watch)),
    ("get", "/load", May(Call::Watch)),
    ("get", "/faults", May(Call::Watch)),
    ("get", "/services", May(Call::Watch)),
    ("get", "/present", May(Call::Watch)),
    ("get", "/plans", May(Call::ReadPlans)),
    ("get", "/runs", May(Call::ReadRuns)),
    ("get", "/runs/compare", May(Call::ReadRuns)),
    ("get", "/runs/{id}", May(Call::ReadRuns)),
    ("get", "/access", May(Call::ReadAccess)),
    // Server functions.
    ("get", "/fn/page_state", May(Call::Watch)),
    ("get", "/fn/rules", May(Call::Watch)),
    ("get", "/fn/fault_rules", May(Call::Watch)),
    ("get", "/fn/live", May(Call::Watch)),
    ("get", "/fn/plans", May(Call::ReadPlans)),
    ("get", "/fn/runs", May(Call::ReadRuns)),
    ("get", "/fn/run_choices", May(Call::ReadRuns)),
    ("get", "/fn/compare", May(Call::ReadRuns)),
    ("get", "/fn/trend", May(Call::ReadRuns)),
    ("get", "/fn/report", May(Call::ReadRuns)),
    ("get", "/fn/detail", May(Call::ReadRuns)),
    ("get", "/fn/log", May(Call::ReadRuns)),
    ("get", "/fn/access", May(Call::ReadAccess)),
    ("post", "/fn/start", May(Call::Start)),
    ("post", "/fn/stop", May(Call::Stop)),
    ("post", "/fn/emergency_stop", May(Call::EmergencyStop)),
    ("post", "/fn/add_load", May(Call::AddLoad)),
    ("post", "/fn/remove_load", May(Call::RemoveLoad)),
    ("post", "/fn/pull", May(Call::PullImage)),
    ("post", "/fn/set_fault", May(Call::SetFault)),
    ("post", "/fn/restore_fault", May(Call::RestoreFault)),
    ("post", "/fn/restore_all", May(Call::RestoreAll)),
    ("post", "/fn/label_run", May(Call::LabelRun)),
    ("post", "/fn/set_baseline", May(Call::SetBaseline)),
    ("post", "/fn/trash_run", May(Call::TrashRun)),
    // Plain forms and files.
    ("post", "/start", May(Call::Start)),
    ("post", "/stop", May(Call::Stop)),
    ("post", "/emergency-stop", May(Call::EmergencyStop)),
    ("post", "/load/add", May(Call::AddLoad)),
    ("post", "/load/remove", May(Call::RemoveLoad)),
    ("post", "/pull", May(Call::PullImage)),
    ("post", "/faults/set", May(Call::SetFault)),
    ("post", "/faults/restore", May(Call::RestoreFault)),
    ("post", "/faults/restore-all", May(Call::RestoreAll)),
    ("get", "/again", May(Call::ReadRuns)),
    ("post", "/runs/label", May(Call::LabelRun)),
    ("post", "/runs/star", May(Call::LabelRun)),
    ("post", "/runs/trash", May(Call::TrashRun)),
    ("post", "/runs/restore", May(Call::TrashRun)),
    ("post", "/runs/baseline", May(Call::SetBaseline)),
    ("post", "/runs/share", May(Call::Share)),
    ("post", "/runs/unshare", May(Call::RevokeShare)),
    // It only looks at what was typed.
    ("post", "/plans/draft", May(Call::Watch)),
    ("post", "/plans/save", May(Call::SavePlan)),
    ("post", "/plans/rename", May(Call::RenamePlan)),
    ("post", "/plans/delete", May(Call::DeletePlan)),
    ("post", "/plans/restore", May(Call::RestorePlan)),
    ("post", "/plans/schedule", May(Call::AddSchedule)),
    ("post", "/plans/unschedule", May(Call::DeleteSchedule)),
    ("post", "/plans/webhook-test", May(Call::TestHook)),
    ("get", "/present/qr.svg", May(Call::Watch)),
    ("get", "/badge/{file}", May(Call::ReadRuns)),
    ("post", "/access/accounts", May(Call::AddAccount)),
    ("post", "/access/accounts/change", May(Call::ChangeAccount)),
    ("post", "/access/accounts/delete", May(Call::DeleteAccount)),
    ("post", "/access/passes", May(Call::AddPass)),
    ("post", "/access/passes/revoke", May(Call::RevokePass)),
    ("post", "/access/scripts", May(Call::UploadScript)),
    ("post", "/access/scripts/delete", May(Call::DeleteScript)),
    ("get", "/access/audit.csv", May(Call::ReadAudit)),
    ("get", "/api/openapi.json", All),
    ("get", "/prefs", All),
    ("get", "/login", All),
    ("post", "/login", All),
    ("get", "/login/oidc", All),
    ("get", "/login/oidc/back", All),
    ("post", "/logout", All),
    ("post", "/enter", All),
    ("get", "/enter/{secret}", All),
    ("get", "/shared/{token}", All),
];

/// The same for the REST API: whoever adds a route says here who it is for.
fn rest(method: &str, path: &str) -> Option<For> {
    let run = path.starts_with("/api/v1/runs") || path.starts_with("/runs/");
    let of = match (method, path) {
        ("get", "/health" | "/ready" | "/live") => return Some(All),
        ("get", "/api/v1/access/me") => Call::Watch,
        ("get", "/api/v1/access/accounts" | "/api/v1/access/passes") => Call::ReadAccess,
        ("post", "/api/v1/access/accounts") => Call::AddAccount,
        ("patch", "/api/v1/access/accounts/{name}") => Call::ChangeAccount,
        ("delete", "/api/v1/access/accounts/{name}") => Call::DeleteAccount,
        ("post", "/api/v1/access/passes") => Call::AddPass,
        ("delete", "/api/v1/access/passes/{id}") => Call::RevokePass,
        ("put", "/api/v1/scripts/{name}") => Call::UploadScript,
        ("delete", "/api/v1/scripts/{name}") => Call::DeleteScript,
        ("get", "/api/v1/audit") => Call::ReadAudit,
        ("post", "/api/v1/analytics/load-test/start" | "/api/v1/plans/{id}/start") => Call::Start,
        ("post", "/api/v1/analytics/load-test/stop") => Call::Stop,
        ("post", "/api/v1/emergency-stop") => Call::EmergencyStop,
        ("post", "/api/v1/faults" | "/api/v1/chaos/start") => Call::SetFault,
        ("post", "/api/v1/faults/restore-all") => Call::RestoreAll,
        ("post", "/api/v1/faults/{id}/restore" | "/api/v1/chaos/{id}/stop") => Call::RestoreFault,
        ("post", "/api/v1/plans") => Call::SavePlan,
        ("patch", "/api/v1/plans/{id}") => Call::RenamePlan,
        ("delete", "/api/v1/plans/{id}") => Call::DeletePlan,
        ("post", "/api/v1/plans/{id}/restore") => Call::RestorePlan,
        ("post", "/api/v1/schedules") => Call::AddSchedule,
        ("delete", "/api/v1/schedules/{id}") => Call::DeleteSchedule,
        ("get", "/api/v1/webhooks") => Call::ReadHooks,
        ("post", "/api/v1/webhooks/{name}/test") => Call::TestHook,
        ("get", "/api/v1/runs/{id}/shares") => Call::ReadShares,
        ("post", "/api/v1/runs/{id}/shares") => Call::Share,
        ("delete", "/api/v1/runs/{id}/shares/{share}") => Call::RevokeShare,
        ("patch", "/api/v1/runs/{id}") => Call::LabelRun,
        ("delete", "/api/v1/runs/{id}") | ("post", "/api/v1/runs/{id}/restore") => Call::TrashRun,
        ("put" | "delete", "/api/v1/runs/{id}/baseline") => Call::SetBaseline,
        ("post", "/api/v1/runs/{id}/load") => Call::AddLoad,
        ("delete", "/api/v1/runs/{id}/load/{instance}") => Call::RemoveLoad,
        ("get", path) if path.starts_with("/api/v1/plans") || path == "/api/v1/schedules" => Call::ReadPlans,
        ("get", _) if run => Call::ReadRuns,
        ("get", _) => Call::Watch,
        _ => return None,
    };
    Some(May(of))
}

/// A body that is read whole, whatever it asks for.
fn body(path: &str) -> (&'static str, &'static str) {
    const FORM: &str = "application/x-www-form-urlencoded";
    match path {
        "/fn/add_load" => (FORM, "run=run-1&draft[vus]=1"),
        "/fn/remove_load" => (FORM, "run=run-1&instance=9"),
        "/fn/set_fault" => (FORM, "draft[kind]=kill"),
        "/fn/restore_fault" => (FORM, "id=fault-9"),
        "/fn/label_run" => (FORM, "id=run-1&draft[name]=x"),
        "/fn/set_baseline" => (FORM, "id=run-1&baseline=false"),
        "/fn/trash_run" => (FORM, "id=run-9&trashed=false"),
        "/fn/start" => (FORM, "draft[peak]=5"),
        "/plans/schedule" => (FORM, "plan=plan-9&cron=@daily"),
        "/api/v1/plans/{id}" => ("application/json", r#"{"name":"x"}"#),
        "/api/v1/runs/{id}" => ("application/json", r#"{"name":"x"}"#),
        "/api/v1/runs/{id}/shares" => ("application/json", r#"{"lasts":"1d"}"#),
        "/api/v1/schedules" => ("application/json", r#"{"plan":"plan-9","cron":"@daily"}"#),
        "/api/v1/scripts/{name}" => ("text/javascript", "export default () => {}"),
        path if path.starts_with("/api/v1/access/") => ("application/json", "{}"),
        path if path.starts_with("/api/") => ("application/json", r#"{"duration":0}"#),
        "/load/remove" => (FORM, "instance=9"),
        "/runs/trash" | "/runs/restore" | "/runs/star" | "/runs/label" => (FORM, "id=run-9&star=true"),
        _ => (FORM, "id=run-9&baseline=true&share=s-1&secret=x&name=nobody&role=viewer&file=x"),
    }
}

/// The paths of routes that nobody describes, as the router itself lists them.
fn undescribed() -> Vec<String> {
    let routers = [
        forms::router(),
        super::super::plans::router(),
        super::super::webhooks::router(),
        super::super::present::router(),
        super::super::badge::router(),
        super::super::sharing::router(),
        super::super::accounts::router(),
        super::super::uploads::router(),
        super::super::entry::router(),
    ];
    let mut paths = Vec::new();
    for router in routers {
        let told = format!("{router:?}");
        let quoted =
            told.split('"').skip(1).step_by(2).filter(|text| text.starts_with('/') && !text.contains("__private"));
        paths.extend(quoted.map(str::to_owned));
    }
    paths.sort();
    paths.dedup();
    paths
}

/// Somebody who asks.
struct Asker {
    role: Role,
    token: Option<String>,
}

#[tokio::test]
async fn everybody_may_what_the_table_says_and_nothing_else() {
    let policy = Policy { login: Login::Required, viewers: Viewers::Link, is_loopback: false };
    let server = Server::with_policy(&[], policy);
    let access = server.control.access();
    let mut askers = vec![Asker { role: Role::Nobody, token: None }];
    for role in Role::GIVEN {
        let draft = PassDraft {
            kind: "token".into(),
            name: role.name().into(),
            role: role.name().into(),
            lasts: "1h".into(),
            once: false,
        };
        let token = access.add_pass(draft).await.unwrap().1;
        askers.push(Asker { role, token: Some(token) });
    }

    let at_work = json!({ "duration": 60, "rps": 5 }).to_string();
    let started = Request::post(START).header("content-type", "application/json");
    let started = started.header("authorization", format!("Bearer {}", askers[3].token.as_deref().unwrap()));
    assert_eq!(server.send(started.body(Body::from(at_work)).unwrap()).await.status, 200);

    let mut ways: Vec<(String, String, For)> = Vec::new();
    let described = server.get("/api/openapi.json").await.json();
    for (path, item) in described["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let of = rest(method, path).unwrap_or_else(|| panic!("nobody says who {method} {path} is for"));
            ways.push((method.clone(), path.clone(), of));
        }
    }
    // What there is, and who it is for, are the same list.
    let listed = |method: &str, path: &str| OTHERS.iter().any(|(a, b, _)| *a == method && *b == path);
    for (path, method) in leptos::server_fn::axum::server_fn_paths() {
        assert!(listed(&method.as_str().to_lowercase(), path), "nobody says who {method} {path} is for");
    }
    for page in ha_dashboard::web::pages() {
        assert!(listed("get", &page), "nobody says who the page {page} is for");
    }
    let undescribed = undescribed();
    assert!(undescribed.len() > 25, "the router no longer lists its routes: {undescribed:?}");
    for path in &undescribed {
        assert!(OTHERS.iter().any(|(_, known, _)| known == path), "nobody says who {path} is for");
    }
    ways.extend(OTHERS.iter().map(|(method, path, of)| ((*method).to_owned(), (*path).to_owned(), *of)));

    let (mut asked, mut wrong) = (0, Vec::new());
    for (method, path, of) in &ways {
        for asker in &askers {
            let url = [("{id}", "run-1"), ("{instance}", "9"), ("{share}", "s-1"), ("{name}", "n")]
                .into_iter()
                .chain([("{file}", "shop.svg"), ("{secret}", "x"), ("{token}", "x")])
                .fold(path.clone(), |url, (name, value)| url.replace(name, value));
            let url = match path.as_str() {
                "/fn/plans" | "/fn/access" => format!("{url}?query="),
                "/fn/runs" => format!("{url}?search[page]=1"),
                "/fn/compare" => format!("{url}?ids=run-1"),
                "/fn/trend" => format!("{url}?target=shop"),
                "/fn/report" => format!("{url}?id=run-1&from=&to="),
                "/fn/detail" => format!("{url}?id=run-1&order="),
                "/fn/log" => format!("{url}?id=run-1&filter="),
                "/again" => format!("{url}?run=run-1"),
                _ => url,
            };
            let mut request = Request::builder().method(method.to_uppercase().as_str()).uri(&url);
            if let Some(token) = &asker.token {
                request = request.header("authorization", format!("Bearer {token}"));
            }
            let sent = match method.as_str() {
                "put" if path != "/api/v1/scripts/{name}" => Body::empty(),
                "get" | "delete" => Body::empty(),
                _ => {
                    let (kind, text) = body(path);
                    request = request.header("content-type", kind);
                    Body::from(text)
                }
            };
            let answer = server.send(request.body(sent).unwrap()).await;
            asked += 1;
            let may = match of {
                All => true,
                May(call) => asker.role.may(*call),
            };
            let told = answer.header("location");
            let is_refused =
                matches!(answer.status, 401 | 403) || told.contains("login_needed") || told.contains("forbidden");
            // A form to log in says that it did not work in the same way.
            let is_login = path == "/login" && method == "post";
            let is_turned_away_first = !may && asker.role == Role::Nobody && answer.status != 401;
            if (!is_refused || is_login) != may || is_turned_away_first {
                let body = String::from_utf8_lossy(&answer.body[..answer.body.len().min(200)]).into_owned();
                let (role, status) = (asker.role, answer.status);
                wrong.push(format!("{method} {url} as {role}, who may: {may}: {status} {told} {body}"));
            }
        }
    }
    // Who has no login, such as what looks after the dashboard, is told how it really is.
    for path in ["/ready", "/health"] {
        let answer = server.get(path).await;
        assert_eq!((answer.status, answer.json()["dependencies"]["k6"].as_str()), (200, Some("healthy")), "{path}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("{asked} calls: {} ways in, {} roles", ways.len(), askers.len());
    // Every call of the table can be made in some way.
    for call in Call::ALL {
        assert!(ways.iter().any(|(_, _, of)| *of == May(*call)), "there is no way to {call:?}");
    }
}

#[tokio::test]
async fn a_cookie_of_8_kb_is_no_session_and_no_error() {
    let policy = Policy { login: Login::Required, viewers: Viewers::Open, is_loopback: false };
    let server = Server::with_policy(&[], policy);
    for cookie in [
        format!("had_session={}", "x".repeat(8_192)),
        format!("{}had_session=had_1", "a=b; ".repeat(1_600)),
        "had_session=".into(),
        "had_session=\"><script>".into(),
        "__Host-had_session=had_1".into(),
    ] {
        let request = Request::get("/api/v1/access/me").header("cookie", &cookie).body(Body::empty()).unwrap();
        let answer = server.send(request).await;
        assert_eq!((answer.status, answer.json()["role"].as_str()), (200, Some("viewer")));
    }
}

#[tokio::test]
async fn a_thousand_logins_are_a_few_and_the_others_are_told_to_wait() {
    let policy = Policy { login: Login::Required, viewers: Viewers::Open, is_loopback: false };
    let server = Server::with_policy(&[], policy);
    let draft = AccountDraft { name: "anna".into(), role: "admin".into(), password: "correct horse battery".into() };
    server.control.access().add_account(draft).await.unwrap();
    let log_in = async |address: &str, password: &str| {
        let request = Request::post("/login").header("content-type", "application/x-www-form-urlencoded");
        let request = from(address, request);
        let form = format!("name=anna&password={password}&back=%2F%2Fevil.example");
        server.send(request.map(|_| Body::from(form))).await
    };
    let mut told = BTreeMap::new();
    for _ in 0..1_000 {
        let answer = log_in("203.0.113.7", "guess").await;
        *told.entry(answer.status).or_insert(0) += 1;
        assert!(!answer.body.windows(5).any(|word| word == b"guess"), "no password is shown again");
    }
    assert!(told[&401] >= 10 && told[&401] < 30 && told[&429] + told[&401] == 1_000, "{told:?}");
    // Somebody else is not kept out, nor led to another site.
    let answer = log_in("203.0.113.8", "correct+horse+battery").await;
    let cookie = answer.header("set-cookie");
    assert_eq!((answer.status, answer.header("location")), (303, "/"));
    assert!(cookie.starts_with("had_session=had_") && cookie.contains("HttpOnly; SameSite=Lax"), "{cookie}");
    assert_eq!(answer.header("referrer-policy"), "no-referrer");
}

#[tokio::test]
async fn over_https_a_session_is_in_a_cookie_for_this_host_alone() {
    let policy = Policy { login: Login::Required, viewers: Viewers::Open, is_loopback: false };
    let server =
        Server::with_policy(&[("HAD_TRUSTED_PROXIES", "127.0.0.1"), ("HAD_ALLOWED_HOSTS", "dash.example")], policy);
    let secret = server.control.access().first_link().await.unwrap().unwrap();
    let asks =
        |path: &str| Request::builder().uri(path).header("host", "dash.example").header("x-forwarded-proto", "https");
    let request = asks("/enter").method("POST").header("content-type", "application/x-www-form-urlencoded");
    let request = from("127.0.0.1", request).map(|_| Body::from(format!("secret={secret}")));
    let answer = server.send(request).await;
    let cookie = answer.header("set-cookie").to_owned();
    assert!(cookie.starts_with("__Host-had_session=had_") && cookie.ends_with("; Secure"), "{cookie}");
    let pair = cookie.split(';').next().unwrap().to_owned();
    let me = async |pair: &str, proto: &str| {
        let request = Request::get("/api/v1/access/me").header("host", "dash.example").header("cookie", pair);
        let request = from("127.0.0.1", request.header("x-forwarded-proto", proto));
        server.send(request).await.json()["role"].as_str().unwrap().to_owned()
    };
    assert_eq!(me(&pair, "https").await, "presenter");
    // The other name is for where there is no HTTPS: a neighbour site could set it here.
    assert_eq!(me(&pair.replace("__Host-", ""), "https").await, "viewer");
}

#[tokio::test]
async fn a_link_to_a_report_opens_it_also_where_strangers_see_nothing_else() {
    let policy = Policy { login: Login::Required, viewers: Viewers::Link, is_loopback: false };
    let server = Server::with_policy(&[], policy);
    let draft = Draft { peak: "5".into(), ..Draft::suggested(&server.control.rules(&Caller::default()).await) };
    server.control.start(&Caller::default(), draft).await.unwrap();
    server.control.turn(RunState::Finished(Verdict::Passed));
    let run = "run-1".parse().unwrap();
    let (_, token) = server.control.share(&Caller::default(), &run, "1d").await.unwrap();
    let answer = server.get(&format!("/shared/{token}")).await;
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    assert_eq!(server.get("/api/v1/runs/run-1").await.status, 401);
}
