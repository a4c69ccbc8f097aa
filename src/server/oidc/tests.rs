use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{
    Form, Json, Router,
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
    routing::{get, post},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ha_dashboard::domain::team::Team;
use hmac::{Hmac, Mac};
use openidconnect::{JsonWebKeyId, PrivateSigningKey, core::CoreEdDsaPrivateSigningKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::*;

const CLIENT: &str = "dashboard";
const SECRET: &str = "what only the two of us know";
const CODE: &str = "a-code";
const HOME: &str = "http://127.0.0.1:3000/login/oidc/back";

/// A provider on this machine that says of who comes what it is told to.
pub struct Fake {
    pub issuer: String,
    said: Arc<Mutex<Said>>,
}

/// What it says.
struct Said {
    key: CoreEdDsaPrivateSigningKey,
    /// What it tells of that key, where that is another one.
    told: Option<CoreJsonWebKey>,
    /// Of the ID token.
    header: Value,
    claims: Value,
    signed: Signed,
    userinfo: Option<Value>,
    /// SHA-256 of the verifier, as the browser brought it.
    challenge: String,
    /// What the token endpoint was asked.
    asked: Vec<BTreeMap<String, String>>,
}

#[derive(Clone, Copy)]
enum Signed {
    Key,
    Secret,
    Nobody,
}

fn key() -> CoreEdDsaPrivateSigningKey {
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    CoreEdDsaPrivateSigningKey::from_ed25519_pem(&pair.serialize_pem(), Some(JsonWebKeyId::new("one".into()))).unwrap()
}

fn token(said: &Said) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(&said.header), part(&said.claims));
    let signature = match said.signed {
        Signed::Key => said.key.sign(&CoreJwsSigningAlgorithm::EdDsa, message.as_bytes()).unwrap(),
        Signed::Secret => {
            let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
            mac.update(message.as_bytes());
            mac.finalize().into_bytes().to_vec()
        }
        Signed::Nobody => Vec::new(),
    };
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

impl Fake {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let said = Arc::new(Mutex::new(Said {
            key: key(),
            told: None,
            header: json!({ "alg": "EdDSA", "kid": "one" }),
            claims: Value::Null,
            signed: Signed::Key,
            userinfo: None,
            challenge: String::new(),
            asked: Vec::new(),
        }));
        let metadata = {
            let (said, issuer) = (Arc::clone(&said), issuer.clone());
            move || {
                let mut told = json!({
                    "issuer": issuer,
                    "authorization_endpoint": format!("{issuer}/authorize"),
                    "token_endpoint": format!("{issuer}/token"),
                    "jwks_uri": format!("{issuer}/keys"),
                    "response_types_supported": ["code"],
                    "subject_types_supported": ["public"],
                    "id_token_signing_alg_values_supported": ["EdDSA", "HS256", "none"],
                    "scopes_supported": ["openid", "email", "groups"],
                });
                if said.lock().unwrap().userinfo.is_some() {
                    told["userinfo_endpoint"] = format!("{issuer}/userinfo").into();
                }
                std::future::ready(Json(told))
            }
        };
        let keys = {
            let said = Arc::clone(&said);
            move || {
                let said = said.lock().unwrap();
                let told = said.told.clone().unwrap_or_else(|| said.key.as_verification_key());
                std::future::ready(Json(json!({ "keys": [told] })))
            }
        };
        let exchange = {
            let said = Arc::clone(&said);
            move |headers: HeaderMap, Form(asked): Form<BTreeMap<String, String>>| {
                let mut said = said.lock().unwrap();
                let basic = format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{}", SECRET.replace(' ', "+"))));
                let is_right = headers.get("authorization").is_some_and(|shown| shown == basic.as_str())
                    && asked["code"] == CODE
                    && asked["redirect_uri"] == HOME
                    && URL_SAFE_NO_PAD.encode(Sha256::digest(&asked["code_verifier"])) == said.challenge;
                said.asked.push(asked);
                std::future::ready(match is_right {
                    true => {
                        let told = json!({ "access_token": "x", "token_type": "Bearer", "id_token": token(&said) });
                        Json(told).into_response()
                    }
                    false => (StatusCode::BAD_REQUEST, Json(json!({ "error": "invalid_grant" }))).into_response(),
                })
            }
        };
        let userinfo = {
            let said = Arc::clone(&said);
            move || std::future::ready(Json(said.lock().unwrap().userinfo.clone()))
        };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/keys", get(keys))
            .route("/token", post(exchange))
            .route("/userinfo", get(userinfo));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { issuer, said }
    }

    fn settings(&self) -> Oidc {
        Oidc {
            issuer: self.issuer.clone(),
            client: CLIENT.into(),
            secret: Some(SECRET.into()),
            groups: "groups".into(),
            team: Team {
                viewers: vec!["audience".into()],
                presenters: vec!["speakers".into()],
                admins: vec!["anna@example.com".into()],
            },
        }
    }

    /// Logs somebody in who came to `url`, of whom it says `more`; what comes back is a query.
    pub fn log_in(&self, url: &str, more: Value) -> String {
        let url = reqwest::Url::parse(url).unwrap();
        let asked: BTreeMap<_, _> = url.query_pairs().into_owned().collect();
        assert_eq!((url.path(), asked["client_id"].as_str()), ("/authorize", CLIENT));
        assert_eq!((asked["redirect_uri"].as_str(), asked["code_challenge_method"].as_str()), (HOME, "S256"));
        assert_eq!((asked["scope"].as_str(), asked["response_type"].as_str()), ("openid email groups", "code"));
        let now_s = crate::server::clock::now_ms() / 1_000;
        let mut said = self.said.lock().unwrap();
        said.challenge = asked["code_challenge"].clone();
        said.claims = json!({
            "iss": self.issuer, "aud": CLIENT, "sub": "4711", "iat": now_s, "exp": now_s + 60, "nonce": asked["nonce"],
        });
        for (name, value) in more.as_object().unwrap() {
            said.claims[name] = value.clone();
        }
        format!("state={}&code={CODE}", asked["state"])
    }
}

/// Somebody of whom the provider says `more`, after `change`.
async fn member(fake: &Fake, more: Value, change: impl FnOnce(&mut Said)) -> Result<Member, OidcError> {
    let provider = Provider::new(fake.settings());
    let (url, pending) = provider.begin(HOME).await.unwrap();
    fake.log_in(&url, more);
    change(&mut fake.said.lock().unwrap());
    let kept = Pending::of_kept(&pending.kept()).unwrap();
    assert_eq!(kept, pending);
    provider.finish(HOME, kept, CODE.into()).await
}

#[tokio::test]
async fn who_somebody_is_comes_from_what_the_provider_verified() {
    for (more, userinfo, name, role) in [
        (json!({ "groups": ["x", "speakers"] }), None, "4711", Role::Presenter),
        (json!({ "groups": "speakers", "preferred_username": "bob" }), None, "bob", Role::Presenter),
        (json!({ "email": "anna@example.com", "email_verified": true }), None, "anna@example.com", Role::Admin),
        (json!({ "email": "anna@example.com", "email_verified": false }), None, "4711", Role::Nobody),
        (json!({ "email": "anna@example.com" }), None, "4711", Role::Nobody),
        (json!({ "groups": { "speakers": true } }), None, "4711", Role::Nobody),
        (json!({}), None, "4711", Role::Nobody),
        (json!({}), Some(json!({ "sub": "4711", "groups": ["audience"], "name": "C" })), "4711", Role::Viewer),
        (
            json!({ "groups": ["audience"] }),
            Some(json!({ "sub": "4711", "email": "anna@example.com", "email_verified": true })),
            "anna@example.com",
            Role::Admin,
        ),
    ] {
        let fake = Fake::start().await;
        fake.said.lock().unwrap().userinfo = userinfo.clone();
        let found = member(&fake, more.clone(), |_| {}).await.unwrap();
        assert_eq!(found, Member { name: name.into(), role }, "{more} {userinfo:?}");
        // The secret stands in no field of what is asked.
        let asked = &fake.said.lock().unwrap().asked;
        assert!(asked.len() == 1 && !format!("{asked:?}").contains(SECRET), "{asked:?}");
    }
}

#[tokio::test]
async fn what_somebody_else_says_lets_nobody_in() {
    type Change = fn(&mut Said);
    let untrue: [(&str, Change); 11] = [
        ("another nonce", |said| said.claims["nonce"] = "another".into()),
        ("no nonce", |said| drop(said.claims.as_object_mut().unwrap().remove("nonce"))),
        ("for another", |said| said.claims["aud"] = "another".into()),
        ("by another", |said| said.claims["iss"] = "https://sso.example.com".into()),
        ("long ago", |said| said.claims["exp"] = (crate::server::clock::now_ms() / 1_000 - 1).into()),
        ("signed by nobody", |said| {
            (said.header, said.signed) = (json!({ "alg": "none" }), Signed::Nobody);
        }),
        ("signed with the client's secret", |said| {
            (said.header, said.signed) = (json!({ "alg": "HS256" }), Signed::Secret);
        }),
        ("signed with another key", |said| said.told = Some(key().as_verification_key())),
        ("not signed at all", |said| said.signed = Signed::Nobody),
        ("not signed by what it names", |said| said.header = json!({ "alg": "RS256", "kid": "one" })),
        ("of somebody else", |said| said.userinfo = Some(json!({ "sub": "4712", "groups": ["speakers"] }))),
    ];
    for (what, change) in untrue {
        let fake = Fake::start().await;
        fake.said.lock().unwrap().userinfo = Some(json!({ "sub": "4711" }));
        let found = member(&fake, json!({ "groups": ["speakers"] }), change).await;
        assert!(matches!(found, Err(OidcError::Untrue(_))), "{what}: {found:?}");
    }
}

#[tokio::test]
async fn a_provider_that_refuses_or_is_none_lets_nobody_in() {
    let fake = Fake::start().await;
    let found = member(&fake, json!({ "groups": ["speakers"] }), |said| said.challenge = "another".into()).await;
    assert!(matches!(&found, Err(OidcError::Denied(why)) if why.contains("invalid_grant")), "{found:?}");
    for issuer in [format!("{}/", fake.issuer), "http://127.0.0.1:9".into(), format!("{}/realms/x", fake.issuer)] {
        let found = Provider::new(Oidc { issuer: issuer.clone(), ..fake.settings() }).begin(HOME).await;
        assert!(matches!(found, Err(OidcError::Unreachable(_))), "{issuer}: {found:?}");
    }
}

#[test]
fn what_a_browser_keeps_is_three_words() {
    let words = ["a".repeat(22), "b".repeat(22), "c".repeat(43)];
    assert!(Pending::of_kept(&words.join(".")).is_some());
    for text in ["", "a.b.c", &words[..2].join("."), &[&words[..], &words[..1]].concat().join("."), &"a".repeat(8_000)]
    {
        assert_eq!(Pending::of_kept(text), None, "{text:.60}");
    }
}

#[test]
fn another_way_to_log_in_is_told_from_this_one() {
    let one = Oidc {
        issuer: "https://a".into(),
        client: "b".into(),
        secret: None,
        groups: "groups".into(),
        team: Team::default(),
    };
    let more = Team { admins: vec!["anna@example.com".into()], ..Team::default() };
    assert_ne!(Provider::way(&one), Provider::way(&Oidc { team: more, ..one.clone() }));
    assert_eq!(Provider::way(&one), Provider::way(&Oidc { secret: Some("another".into()), ..one }));
}
