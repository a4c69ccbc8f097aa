//! Asks the REST API of a running dashboard.

use std::{net::SocketAddr, process::ExitCode, time::Duration};

use ha_dashboard::{
    domain::{
        live::{Applied, LiveState, Message},
        run::Run,
    },
    ui::live::parse::SseParser,
};
use reqwest::{Method, RequestBuilder, StatusCode, Url};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    cli::exit::{self, Code},
    server::config::{Settings, connectable},
};

/// Longer than a dashboard waits for a fault to be set or taken back, and than its live stream is ever silent.
const PATIENCE: Duration = Duration::from_secs(30);

/// A dashboard.
pub struct Client {
    addr: SocketAddr,
    http: reqwest::Client,
    token: Option<String>,
}

/// An answer that tells of one run.
#[derive(Deserialize)]
pub struct OneRun {
    /// The run.
    pub run: Run,
}

/// An answer that tells of several.
#[derive(Deserialize)]
pub struct ManyRuns {
    /// The runs, newest first.
    pub runs: Vec<Run>,
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
    /// The dashboard that is set, with the token to show there.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(settings: &Settings) -> Result<Self, Refused> {
        let (addr, token) = (connectable(settings.config.addr), settings.token.clone());
        let http = reqwest::Client::builder().no_proxy().read_timeout(PATIENCE).build();
        Ok(Self { addr, token, http: http.map_err(|error| silent(addr, &error))? })
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

    /// Asks for something to be changed.
    ///
    /// # Errors
    /// When the dashboard refuses or does not answer.
    pub async fn patch(&self, path: &[&str], body: &Value) -> Result<Value, Refused> {
        self.ask(Method::PATCH, path, Some(body)).await
    }

    /// Asks for something to be taken away.
    ///
    /// # Errors
    /// When the dashboard refuses or does not answer.
    pub async fn delete(&self, path: &[&str]) -> Result<Value, Refused> {
        self.ask(Method::DELETE, path, None).await
    }

    /// What an answer says.
    ///
    /// # Errors
    /// When it says something else.
    pub fn read<T: DeserializeOwned>(&self, body: &Value) -> Result<T, Refused> {
        serde_json::from_value(body.clone()).map_err(|_| self.is_another(Some(body.clone())))
    }

    /// Follows all that the dashboard shows.
    ///
    /// # Errors
    /// When the dashboard refuses or does not answer.
    pub async fn live(&self) -> Result<Picture<'_>, Refused> {
        let sent = self.request(Method::GET, &["live"])?.send().await;
        let answer = sent.and_then(reqwest::Response::error_for_status).map_err(|error| silent(self.addr, &error))?;
        Ok(Picture { client: self, answer, parser: SseParser::default(), state: LiveState::default() })
    }

    /// The address of a page, as browsers on this machine reach it.
    pub fn page(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    fn request(&self, method: Method, path: &[&str]) -> Result<RequestBuilder, Refused> {
        let mut url = Url::parse(&self.page("/api/v1")).map_err(|_| self.is_another(None))?;
        if let Ok(mut pieces) = url.path_segments_mut() {
            pieces.extend(path);
        }
        let id = format!("cli-{:032x}", rand::random::<u128>());
        let request = self.http.request(method, url).header("x-correlation-id", id);
        Ok(match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        })
    }

    async fn ask(&self, method: Method, path: &[&str], body: Option<&Value>) -> Result<Value, Refused> {
        let silent = |error: reqwest::Error| silent(self.addr, &error);
        let mut request = self.request(method, path)?.timeout(PATIENCE);
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

/// What a dashboard shows, as it changes.
pub struct Picture<'a> {
    client: &'a Client,
    answer: reqwest::Response,
    parser: SseParser,
    state: LiveState,
}

impl Picture<'_> {
    /// Waits for the next change.
    ///
    /// # Errors
    /// When the stream ends, or is not what it should be.
    pub async fn next(&mut self) -> Result<&LiveState, Refused> {
        loop {
            let chunk = self.answer.chunk().await.map_err(|error| silent(self.client.addr, &error))?;
            let Some(chunk) = chunk else {
                let why = format!("the dashboard at {} ended", self.client.addr);
                return Err(Refused { why, body: None, code: exit::ENVIRONMENT });
            };
            let mut changed = false;
            for event in self.parser.push(&chunk) {
                let message: Message = serde_json::from_str(&event.data).map_err(|_| self.client.is_another(None))?;
                match self.state.apply(message) {
                    Applied::Yes => changed = true,
                    Applied::Doubled => {}
                    Applied::Gap => return Err(self.client.is_another(None)),
                }
            }
            if changed {
                return Ok(&self.state);
            }
        }
    }
}

/// Tells the outcome of a command: an answer for people, or the dashboard's own as JSON.
pub fn tell(answer: Result<(Value, String), Refused>, json: bool) -> ExitCode {
    let (body, code) = match answer {
        Ok((body, text)) => {
            if !json {
                println!("{text}");
            }
            (Some(body), ExitCode::SUCCESS)
        }
        Err(Refused { why, body, code }) => {
            eprintln!("{why}");
            (body, code.into())
        }
    };
    if let (true, Some(body)) = (json, body) {
        println!("{body:#}");
    }
    code
}

fn silent(addr: SocketAddr, error: &reqwest::Error) -> Refused {
    let why = format!("no dashboard answers at {addr}: {error}; name its address with --addr");
    Refused { why, body: None, code: exit::ENVIRONMENT }
}

/// What can be mended by asking for something else is not allowed; the rest is not the caller's.
fn code(status: StatusCode) -> Code {
    if status.is_client_error() { exit::INVALID } else { exit::ENVIRONMENT }
}
