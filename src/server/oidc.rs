//! The OpenID provider with which a team logs in: the authorization code flow of OpenID Connect Core 1.0 with PKCE (RFC 7636).
//!
//! What the provider says of itself and its keys are asked for anew each time: logins are rare, and keys are changed.

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub mod tests;

use std::{collections::HashMap, error::Error, net::IpAddr, num::NonZeroU32, time::Duration};

use axum::http::{Request, Response};
use bytes::Bytes;
use futures::future::BoxFuture;
use ha_dashboard::{
    api::error::ApiError,
    domain::{access::Role, format::cut, team},
};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use openidconnect::{
    AdditionalClaims, AsyncHttpClient, AuthenticationFlow, AuthorizationCode, Client, ClientId, ClientSecret,
    CsrfToken, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse,
    IdTokenFields, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope,
    StandardErrorResponse, StandardTokenResponse, TokenResponse, UserInfoClaims, UserInfoError,
    core::{
        CoreAuthDisplay, CoreAuthPrompt, CoreClientAuthMethod, CoreErrorResponseType, CoreGenderClaim, CoreJsonWebKey,
        CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreProviderMetadata, CoreResponseType,
        CoreRevocableToken, CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
    },
};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::{
    config::Oidc,
    https::{cause, connector},
    limiter::{Limiter, place},
    scripts::uploads::sha256,
};

/// How long an answer of the provider may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Most bytes of an answer.
const MOST_BYTES: usize = 1 << 20;

/// Signed by who alone has the key: with the others whoever knows the client's secret, or nothing, could sign.
const SIGNED: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// Why the provider lets nobody in.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// It can't be asked, or answers what is none.
    #[error("the OpenID provider can't be asked: {0}")]
    Unreachable(String),
    /// What it says of somebody does not hold.
    #[error("what the OpenID provider says does not hold: {0}")]
    Untrue(String),
    /// It refused, or somebody did not want to.
    #[error("the OpenID provider refused: {0}")]
    Denied(String),
    /// The answer is to nothing that this browser asked for, or that is long ago.
    #[error("nothing was asked of the OpenID provider that this answers")]
    Stale,
}

impl OidcError {
    /// Its name in addresses, and on record.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "team_unreachable",
            Self::Untrue(_) => "team_untrue",
            Self::Denied(_) => "team_denied",
            Self::Stale => "team_stale",
        }
    }
}

/// Somebody whom the provider knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// What they are called: their verified address, or the name that the provider has for them.
    pub name: String,
    /// What they may do.
    pub role: Role,
}

/// What a browser keeps while somebody is with the provider; it is for no one else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// What the provider has to bring back, so that nobody else's answer is taken for this one.
    pub state: String,
    nonce: String,
    verifier: String,
}

impl Pending {
    /// For a cookie.
    pub fn kept(&self) -> String {
        format!("{}.{}.{}", self.state, self.nonce, self.verifier)
    }

    /// From a cookie.
    pub fn of_kept(text: &str) -> Option<Self> {
        let word = |text: &str| {
            let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"-_~".contains(&byte);
            ((16..=128).contains(&text.len()) && text.bytes().all(is_word)).then(|| text.to_owned())
        };
        let mut parts = text.split('.').map(word);
        let pending = Self { state: parts.next()??, nonce: parts.next()??, verifier: parts.next()?? };
        parts.next().is_none().then_some(pending)
    }
}

/// The provider.
pub struct Provider {
    settings: Oidc,
    http: Http,
    asked: Limiter<IpAddr>,
}

/// Every claim that is not in the standard: groups are in one of them.
#[derive(Debug, Serialize, Deserialize)]
struct Extra {
    #[serde(flatten)]
    claims: HashMap<String, serde_json::Value>,
}

impl AdditionalClaims for Extra {}

type Answer = StandardTokenResponse<
    IdTokenFields<
        Extra,
        EmptyExtraTokenFields,
        CoreGenderClaim,
        CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm,
    >,
    CoreTokenType,
>;

type Relying = Client<
    Extra,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Answer,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

impl Provider {
    /// The one that is set.
    pub fn new(settings: Oidc) -> Self {
        // From one address 60 at once, and one more each second: a team sits behind one, and nobody can have us flood theirs.
        let asked = Limiter::new(NonZeroU32::MIN.saturating_add(59), Duration::from_secs(1));
        Self { settings, http: Http::new(), asked }
    }

    /// What people know it by.
    pub fn host(&self) -> String {
        let url = reqwest::Url::parse(&self.settings.issuer).ok();
        let host = url.as_ref().and_then(|url| {
            let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
            url.host_str().map(|host| format!("{host}{port}"))
        });
        host.unwrap_or_else(|| self.settings.issuer.clone())
    }

    /// Stands for how the team logs in and who of it may do what, without telling.
    pub fn way(settings: &Oidc) -> String {
        sha256(format!("{settings:?}").as_bytes())
    }

    /// The same of this one.
    pub fn own_way(&self) -> String {
        Self::way(&self.settings)
    }

    /// Counts one that asks it through us.
    ///
    /// # Errors
    /// [`ApiError::TooOften`].
    pub fn check(&self, from: Option<IpAddr>) -> Result<(), ApiError> {
        from.map_or(Ok(()), |from| self.asked.check(&place(from)))
    }

    async fn relying(&self, back: &str) -> Result<(Relying, Vec<Scope>), OidcError> {
        let issuer = IssuerUrl::new(self.settings.issuer.clone()).map_err(|error| unreachable(&error))?;
        let found = CoreProviderMetadata::discover_async(issuer, &self.http).await;
        let found = found.map_err(|error| unreachable(&error))?;
        let scopes = ["email", "profile"].map(str::to_owned).into_iter().chain([self.settings.groups.clone()]);
        let known = found.scopes_supported().cloned();
        let scopes = scopes.map(Scope::new).filter(|scope| match &known {
            Some(known) => known.contains(scope),
            None => **scope != self.settings.groups,
        });
        let scopes = scopes.collect();
        let ways = found.token_endpoint_auth_methods_supported().cloned().unwrap_or_default();
        let client = ClientId::new(self.settings.client.clone());
        let secret = self.settings.secret.clone().map(ClientSecret::new);
        let mut relying = Relying::from_provider_metadata(found, client, secret)
            .set_redirect_uri(RedirectUrl::new(back.to_owned()).map_err(|error| unreachable(&error))?);
        // Without a word it is the header.
        if ways.contains(&CoreClientAuthMethod::ClientSecretPost)
            && !ways.contains(&CoreClientAuthMethod::ClientSecretBasic)
        {
            relying = relying.set_auth_type(openidconnect::AuthType::RequestBody);
        }
        Ok((relying, scopes))
    }

    /// Where somebody goes to log in, from where they come back to `back`, an address of ours that the provider knows.
    ///
    /// # Errors
    /// [`OidcError::Unreachable`].
    pub async fn begin(&self, back: &str) -> Result<(String, Pending), OidcError> {
        let (relying, scopes) = self.relying(back).await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (url, state, nonce) = relying
            .authorize_url(
                AuthenticationFlow::<CoreResponseType>::AuthorizationCode,
                CsrfToken::new_random,
                Nonce::new_random,
            )
            .add_scopes(scopes)
            .set_pkce_challenge(challenge)
            .url();
        let pending =
            Pending { state: state.into_secret(), nonce: nonce.secret().clone(), verifier: verifier.into_secret() };
        Ok((url.into(), pending))
    }

    /// Who came back to `back` with `code`.
    ///
    /// # Errors
    /// [`OidcError`].
    pub async fn finish(&self, back: &str, pending: Pending, code: String) -> Result<Member, OidcError> {
        let (relying, _) = self.relying(back).await?;
        let exchange = relying.exchange_code(AuthorizationCode::new(code)).map_err(|error| unreachable(&error))?;
        let answer = exchange.set_pkce_verifier(PkceCodeVerifier::new(pending.verifier)).request_async(&self.http);
        let answer = answer.await.map_err(|error| match error {
            openidconnect::RequestTokenError::ServerResponse(said) => OidcError::Denied(cut(&said.to_string(), 200)),
            other => unreachable(&other),
        })?;
        let token = answer.id_token().ok_or_else(|| OidcError::Untrue("there is no ID token".into()))?;
        let verifier = relying.id_token_verifier().set_allowed_algs(SIGNED);
        let claims = token.claims(&verifier, &Nonce::new(pending.nonce)).map_err(|error| untrue(&error))?;
        // By the standard the ID token need not hold what scopes ask for.
        let told = match relying.user_info(answer.access_token().clone(), Some(claims.subject().clone())) {
            Ok(ask) => {
                let told: Result<UserInfoClaims<Extra, CoreGenderClaim>, _> = ask.request_async(&self.http).await;
                Some(told.map_err(|error| match error {
                    UserInfoError::ClaimsVerification(why) => untrue(&why),
                    other => unreachable(&other),
                })?)
            }
            Err(_) => None,
        };
        let verified =
            |email: Option<&str>, is_verified| email.filter(|_| is_verified == Some(true)).map(str::to_owned);
        let email = verified(claims.email().map(|email| email.as_str()), claims.email_verified()).or_else(|| {
            let told = told.as_ref()?;
            verified(told.email().map(|email| email.as_str()), told.email_verified())
        });
        let username = claims.preferred_username().map(|name| name.as_str()).or_else(|| {
            let told = told.as_ref()?;
            told.preferred_username().map(|name| name.as_str())
        });
        let mut groups = groups(claims.additional_claims(), &self.settings.groups);
        groups.extend(told.iter().flat_map(|told| self::groups(told.additional_claims(), &self.settings.groups)));
        let role = self.settings.team.role(email.as_deref(), &groups);
        let name = email.as_deref().or(username).unwrap_or(claims.subject().as_str());
        Ok(Member { name: team::called(name), role })
    }
}

fn unreachable(error: &dyn Error) -> OidcError {
    OidcError::Unreachable(cause(error))
}

fn untrue(error: &dyn Error) -> OidcError {
    OidcError::Untrue(cause(error))
}

/// A claim with a list of texts, or with one.
fn groups(extra: &Extra, claim: &str) -> Vec<String> {
    match extra.claims.get(claim) {
        Some(serde_json::Value::Array(names)) => {
            names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect()
        }
        Some(serde_json::Value::String(name)) => vec![name.clone()],
        _ => Vec::new(),
    }
}

/// Asks the provider. No redirect is followed.
struct Http(legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

/// Why it did not answer.
#[derive(Debug, thiserror::Error)]
enum HttpProblem {
    #[error(transparent)]
    Failed(#[from] legacy::Error),
    #[error("it gave no answer within {} s", PATIENCE.as_secs())]
    Slow,
    #[error("its answer broke off, or is larger than {} MiB: {why}", MOST_BYTES >> 20)]
    Body { why: String },
}

impl Http {
    fn new() -> Self {
        Self(legacy::Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector()))
    }

    async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, HttpProblem> {
        let (parts, body) = request.into_parts();
        let asked = async {
            let answer = self.0.request(Request::from_parts(parts, Full::from(body))).await?;
            let (parts, body) = answer.into_parts();
            let body = Limited::new(body, MOST_BYTES).collect().await;
            let body = body.map_err(|error| HttpProblem::Body { why: cause(&*error) })?;
            Ok(Response::from_parts(parts, body.to_bytes().to_vec()))
        };
        timeout(PATIENCE, asked).await.unwrap_or(Err(HttpProblem::Slow))
    }
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = HttpProblem;
    type Future = BoxFuture<'c, Result<HttpResponse, HttpProblem>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.ask(request))
    }
}
