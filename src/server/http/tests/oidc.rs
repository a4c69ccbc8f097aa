//! Logging in with the team's provider.

use super::*;
use crate::server::oidc::tests::Fake;

async fn server(fake: &Fake, viewers: Viewers) -> Server {
    let variables = [
        ("HAD_OIDC_ISSUER", fake.issuer.as_str()),
        ("HAD_OIDC_CLIENT", "dashboard"),
        ("HAD_OIDC_SECRET", "what only the two of us know"),
        ("HAD_OIDC_PRESENTERS", "speakers"),
        ("HAD_OIDC_VIEWERS", "audience"),
    ];
    Server::with_policy(&variables, Policy { login: Login::Required, viewers, is_loopback: true })
}

impl Server {
    async fn get_with(&self, path: &str, cookie: &str) -> Answer {
        self.send(Request::get(path).header("cookie", cookie).body(Body::empty()).unwrap()).await
    }
}

/// The cookie that an answer sets.
fn set(answer: &Answer, name: &str) -> String {
    let set = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap().to_owned());
    let cookie = set.into_iter().find(|cookie| cookie.starts_with(&format!("{name}="))).unwrap();
    assert!(cookie.contains("; HttpOnly; SameSite=Lax"), "{cookie}");
    cookie.split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_team_comes_in_by_its_provider_and_goes_on_where_it_was() {
    let fake = Fake::start().await;
    let server = server(&fake, Viewers::Link).await;
    let page = server.get("/login?back=/runs%3Fpage%3D2").await;
    let host = fake.issuer.strip_prefix("http://").unwrap();
    let text = String::from_utf8_lossy(&page.body).into_owned();
    assert!(text.contains(&format!("Log in with {host}")), "{text}");
    assert!(text.contains("/login/oidc?back=%2Fruns%3Fpage%3D2"), "{text}");

    let sent = server.get("/login/oidc?back=/runs%3Fpage%3D2").await;
    assert_eq!((sent.status, sent.header("referrer-policy")), (303, "no-referrer"));
    let pending = set(&sent, "had_oidc");
    let answer = fake.log_in(sent.header("location"), json!({ "groups": ["speakers"], "preferred_username": "bob" }));
    let path = format!("/login/oidc/back?{answer}");
    // In another browser it is worth nothing.
    let stale = server.get(&path).await;
    assert_eq!((stale.status, stale.headers.contains_key("set-cookie")), (400, true), "only the spent cookie is unset");
    assert!(String::from_utf8_lossy(&stale.body).contains("another browser"));
    let came = server.get_with(&path, &pending).await;
    assert_eq!((came.status, came.header("location")), (303, "/runs?page=2"));
    assert!(
        came.headers
            .get_all("set-cookie")
            .iter()
            .any(|it| it.to_str().unwrap().contains("had_oidc=; Path=/; Max-Age=0"))
    );
    let session = set(&came, "had_session");
    let me = server.get_with("/api/v1/access/me", &session).await.json();
    assert_eq!((me["role"].as_str(), me["who"].as_str()), (Some("presenter"), Some("bob")), "{me}");

    // It ends where the team is set otherwise, but not by a start with the same.
    let access = server.control.access();
    let way = crate::server::oidc::Provider::way(&server.settings.oidc.clone().unwrap());
    assert_eq!(access.keep_team(Some(way)).await.unwrap(), 0);
    assert_eq!(server.get_with("/api/v1/access/me", &session).await.status, 200);
    assert_eq!(access.keep_team(None).await.unwrap(), 1);
    assert_eq!(server.get_with("/api/v1/access/me", &session).await.status, 401);
}

#[tokio::test]
async fn who_is_in_no_list_or_turned_back_is_told_so_and_is_not_let_in() {
    let fake = Fake::start().await;
    for (viewers, groups, query, status, said) in [
        (Viewers::Link, "strangers", None, 403, "nobody said that you may do something here"),
        (Viewers::Off, "audience", None, 403, "nobody said that you may do something here"),
        (Viewers::Link, "speakers", Some("&error=access_denied"), 401, "did not let you in"),
    ] {
        let server = server(&fake, viewers).await;
        let sent = server.get("/login/oidc?back=//evil.example").await;
        let answer = fake.log_in(sent.header("location"), json!({ "groups": [groups] }));
        let path = format!("/login/oidc/back?{answer}{}", query.unwrap_or_default());
        let refused = server.get_with(&path, &set(&sent, "had_oidc")).await;
        let text = String::from_utf8_lossy(&refused.body).into_owned();
        assert!(refused.status == status && text.contains(said), "{groups}: {} {text}", refused.status);
        assert!(!text.contains("evil.example"), "{text}");
        assert!(!refused.headers.get_all("set-cookie").iter().any(|it| it.to_str().unwrap().contains("had_session")));
    }
}

#[tokio::test]
async fn nobody_has_us_flood_the_provider() {
    let fake = Fake::start().await;
    let server = server(&fake, Viewers::Open).await;
    let ask = async |address| {
        let request = from(address, Request::get("/login/oidc/back"));
        server.send(request.map(|_| Body::empty())).await
    };
    let (mut last, mut asked) = (ask("203.0.113.7").await, 1);
    while last.status == 400 && asked < 200 {
        (last, asked) = (ask("203.0.113.7").await, asked + 1);
    }
    assert!(last.status == 429 && (60..=120).contains(&asked), "{} {asked}", last.status);
    assert!(String::from_utf8_lossy(&last.body).contains("Too many attempts"));
    assert_eq!(ask("203.0.113.8").await.status, 400, "others can go on");
}

#[tokio::test]
async fn where_none_is_set_nothing_leads_to_one() {
    let server = Server::new();
    for path in ["/login/oidc", "/login/oidc/back?state=x&code=y"] {
        let answer = server.get(path).await;
        assert!(answer.status == 404 && answer.json()["error"].as_str().unwrap().contains("HAD_OIDC_ISSUER"));
    }
    assert!(!String::from_utf8_lossy(&server.get("/login").await.body).contains("oidc"));
}
