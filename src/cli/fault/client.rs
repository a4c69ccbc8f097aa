//! Asks the REST API of a running dashboard.

use std::{net::SocketAddr, time::Duration};

use reqwest::{Method, StatusCode, Url};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    cli::exit::{self, Code},
    server::config::connectable,
};

/// Longer than a dashboard waits for a fault to be set or taken back.
const PATIENCE: Duration = Duration::from_secs(30);

/// A dashboard.
pub struct Client {
    addr: SocketAddr,
    http: reqwest::Client,
}

/// Why there is no good answer.
pub struct Refused {
    /// What is wrong, for people.
    pub why: String,
    /// What the dashboard said, where it did.
    pub body: Option<Value>,
    /// How the program ends.
    pub code: Code,
}

impl Client {
    /// The dashboard that listens on `addr`.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(addr: SocketAddr) -> Result<Self, Refused> {
        let addr = connectable(addr);
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build();
        Ok(Self { addr, http: http.map_err(|error| silent(addr, &error))? })
    }

    /// Reads something; `path` is what comes below `/api/v1`, piece by piece.
    ///
    /// # Errors
    /// When the dashboard refuses or does not answer.
    pub async fn get(&self, path: &[&str]) -> Result<Value, Refused> {
        self.ask(Method::GET, path, None).await
    }

    /// Asks for something to be done.
    ///
    /// # Errors
    /// When the dashboard refuses or does not answer.
    pub async fn post(&self, path: &[&str], body: &Value) -> Result<Value, Refused> {
        self.ask(Method::POST, path, Some(body)).await
    }

    /// What an answer says.
    ///
    /// # Errors
    /// When it says something else.
    pub fn read<T: DeserializeOwned>(&self, body: &Value) -> Result<T, Refused> {
        serde_json::from_value(body.clone()).map_err(|_| self.is_another(Some(body.clone())))
    }

    async fn ask(&self, method: Method, path: &[&str], body: Option<&Value>) -> Result<Value, Refused> {
        let silent = |error: reqwest::Error| silent(self.addr, &error);
        let mut url = Url::parse(&format!("http://{}/api/v1", self.addr)).map_err(|_| self.is_another(None))?;
        if let Ok(mut pieces) = url.path_segments_mut() {
            pieces.extend(path);
        }
        let mut request = self.http.request(method, url);
        request = request.header("x-correlation-id", format!("cli-{:032x}", rand::random::<u128>()));
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.map_err(silent)?;
        let status = answer.status();
        let text = answer.text().await.map_err(silent)?;
        let body: Value = serde_json::from_str(&text).map_err(|_| self.is_another(None))?;
        if status.is_success() {
            return Ok(body);
        }
        match body["error"].as_str() {
            Some(why) => Err(Refused { why: why.to_owned(), code: code(status), body: Some(body) }),
            None => Err(self.is_another(Some(body))),
        }
    }

    fn is_another(&self, body: Option<Value>) -> Refused {
        let why = format!("what answers at {} is no dashboard of this version; name it with --addr", self.addr);
        Refused { why, body, code: exit::ENVIRONMENT }
    }
}

fn silent(addr: SocketAddr, error: &reqwest::Error) -> Refused {
    let why = format!("no dashboard answers at {addr}: {error}; name its address with --addr");
    Refused { why, body: None, code: exit::ENVIRONMENT }
}

/// What can be mended by asking for something else is not allowed; the rest is not the caller's.
fn code(status: StatusCode) -> Code {
    if status.is_client_error() { exit::INVALID } else { exit::ENVIRONMENT }
}
