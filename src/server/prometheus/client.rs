//! A typed client of the Prometheus query API, as Prometheus and stores with the same API serve it.

use std::{collections::BTreeMap, time::Duration};

use futures::StreamExt;
use ha_dashboard::domain::Millis;
use serde::Deserialize;

/// Labels of a series, `__name__` included where the query keeps it.
pub type Labels = BTreeMap<String, String>;

/// A series with one value. Values that are not finite numbers are left out by [`Client`].
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Its labels.
    pub labels: Labels,
    /// The value.
    pub value: f64,
}

/// A series with its values over time, ascending.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Its labels.
    pub labels: Labels,
    /// Time and value; what is not a finite number is left out.
    pub points: Vec<(Millis, f64)>,
}

/// Why a query gave no values.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StoreError {
    /// Nothing answers there.
    #[error("the metrics store at {url} can't be reached: {reason}")]
    Unreachable {
        /// Its base address.
        url: String,
        /// The cause.
        reason: String,
    },
    /// The answer did not come in time.
    #[error("the metrics store did not answer within {after:?}")]
    Timeout {
        /// The bound.
        after: Duration,
    },
    /// The store refuses the query: a defect of ours, or a store that can do less.
    #[error("the metrics store refuses the query {query:?}: {message}")]
    BadQuery {
        /// The query.
        query: String,
        /// The store's message.
        message: String,
    },
    /// The store fails.
    #[error("the metrics store answers with status {status}: {message}")]
    Status {
        /// The HTTP status.
        status: u16,
        /// The start of the answer.
        message: String,
    },
    /// The answer is not what the API promises.
    #[error("the metrics store's answer can't be read: {0}")]
    Malformed(String),
    /// The answer is larger than [`Client::MAX_ANSWER`].
    #[error("the metrics store's answer is larger than {} MB", Client::MAX_ANSWER / 1_000_000)]
    TooLarge,
    /// The query was answered, and there are no values.
    #[error("the metrics store has no data for the query")]
    NoData,
}

/// A store behind a base address. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    timeout: Duration,
}

#[derive(Deserialize)]
struct Envelope {
    data: Option<Answer>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "resultType")]
    kind: String,
    result: serde_json::Value,
}

type Point = (f64, String);

/// Native histograms have `histogram` in place of `value`; no query of ours asks for them, so they count as no data.
#[derive(Deserialize)]
struct RawSeries {
    #[serde(default)]
    metric: Labels,
    value: Option<Point>,
    #[serde(default)]
    values: Vec<Point>,
}

impl Client {
    /// Answers larger than this many bytes are refused.
    pub const MAX_ANSWER: usize = 16_000_000;

    /// A client of the store at `base`, for example `http://127.0.0.1:9090`; every call ends within `timeout`.
    pub fn new(http: reqwest::Client, base: &str, timeout: Duration) -> Self {
        Self { http, base: base.trim_end_matches('/').to_owned(), timeout }
    }

    /// The same with another bound.
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// The base address.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The value of every series of an instant query; empty: no data.
    ///
    /// # Errors
    /// Everything in [`StoreError`] but [`StoreError::NoData`].
    pub async fn vector(&self, query: &str, at: Option<Millis>) -> Result<Vec<Sample>, StoreError> {
        let answer = self.instant(query, at).await?;
        match answer.kind.as_str() {
            "vector" => {
                let samples = series(answer.result)?.into_iter().filter_map(|raw| {
                    let (_, value) = number(raw.value.as_ref()?)?;
                    Some(Sample { labels: raw.metric, value })
                });
                Ok(samples.collect())
            }
            "scalar" => {
                let point: Point = parse(answer.result)?;
                Ok(number(&point).map(|(_, value)| Sample { labels: Labels::new(), value }).into_iter().collect())
            }
            other => Err(StoreError::Malformed(format!("a vector was expected, not a {other}"))),
        }
    }

    /// The one value of a query that aggregates everything.
    ///
    /// # Errors
    /// Everything in [`StoreError`].
    pub async fn value(&self, query: &str, at: Option<Millis>) -> Result<f64, StoreError> {
        self.vector(query, at).await?.first().map(|sample| sample.value).ok_or(StoreError::NoData)
    }

    /// The stored samples that an instant query with a range selector names, with their own times; empty: no data.
    ///
    /// # Errors
    /// Everything in [`StoreError`] but [`StoreError::NoData`].
    pub async fn samples(&self, query: &str, at: Option<Millis>) -> Result<Vec<Series>, StoreError> {
        matrix(self.instant(query, at).await?)
    }

    /// The values of a query from `from` to `to` (inclusive) in steps; empty: no data.
    ///
    /// # Errors
    /// Everything in [`StoreError`] but [`StoreError::NoData`].
    pub async fn range(
        &self,
        query: &str,
        from: Millis,
        to: Millis,
        step: Duration,
    ) -> Result<Vec<Series>, StoreError> {
        let [from, to] = [from, to].map(seconds);
        let step = step.as_secs_f64().to_string();
        matrix(self.call("query_range", query, &[("start", &from), ("end", &to), ("step", &step)]).await?)
    }

    /// A part of the status API, for example `buildinfo`; `None`: not to be had.
    pub async fn status<T: serde::de::DeserializeOwned>(&self, part: &str) -> Option<T> {
        let request = self.http.get(format!("{}/api/v1/status/{part}", self.base)).timeout(self.timeout);
        request.send().await.ok()?.error_for_status().ok()?.json().await.ok()
    }

    async fn instant(&self, query: &str, at: Option<Millis>) -> Result<Answer, StoreError> {
        match at.map(seconds) {
            // VictoriaMetrics hides the last 30 s unless told otherwise; Prometheus ignores the parameter.
            Some(at) => self.call("query", query, &[("time", &at), ("latency_offset", "1ms")]).await,
            None => self.call("query", query, &[("latency_offset", "1ms")]).await,
        }
    }

    async fn call(&self, path: &str, query: &str, parameters: &[(&str, &str)]) -> Result<Answer, StoreError> {
        let body = async {
            let request = self.http.get(format!("{}/api/v1/{path}", self.base)).query(&[("query", query)]);
            let response = request.query(parameters).send().await.map_err(|error| self.unreachable(&error))?;
            let status = response.status().as_u16();
            let mut body = Vec::new();
            let mut chunks = response.bytes_stream();
            while let Some(chunk) = chunks.next().await {
                body.extend_from_slice(&chunk.map_err(|error| self.unreachable(&error))?);
                if body.len() > Self::MAX_ANSWER {
                    return Err(StoreError::TooLarge);
                }
            }
            Ok((status, body))
        };
        let (status, body) = tokio::time::timeout(self.timeout, body)
            .await
            .map_err(|_| StoreError::Timeout { after: self.timeout })??;
        read(status, &body, query)
    }

    fn unreachable(&self, error: &reqwest::Error) -> StoreError {
        // The outer error only repeats the address; the innermost one has the cause.
        let mut cause: &dyn std::error::Error = error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        StoreError::Unreachable { url: self.base.clone(), reason: cause.to_string() }
    }
}

/// What an HTTP answer means.
fn read(status: u16, body: &[u8], query: &str) -> Result<Answer, StoreError> {
    let envelope = serde_json::from_slice::<Envelope>(body);
    match (status, envelope) {
        (200..=299, Ok(Envelope { data: Some(answer), .. })) => Ok(answer),
        (200..=299, Ok(Envelope { error, .. })) => Err(StoreError::Malformed(error.unwrap_or("no data field".into()))),
        (200..=299, Err(error)) => Err(StoreError::Malformed(error.to_string())),
        (400 | 422, Ok(Envelope { error: Some(message), .. })) => {
            Err(StoreError::BadQuery { query: query.to_owned(), message })
        }
        (_, Ok(Envelope { error: Some(message), .. })) => Err(StoreError::Status { status, message }),
        _ => {
            let message = String::from_utf8_lossy(body).trim().chars().take(200).collect();
            Err(StoreError::Status { status, message })
        }
    }
}

fn matrix(answer: Answer) -> Result<Vec<Series>, StoreError> {
    if answer.kind != "matrix" {
        return Err(StoreError::Malformed(format!("a matrix was expected, not a {}", answer.kind)));
    }
    let all = series(answer.result)?
        .into_iter()
        .map(|raw| Series { labels: raw.metric, points: raw.values.iter().filter_map(number).collect() });
    Ok(all.filter(|series| !series.points.is_empty()).collect())
}

fn series(result: serde_json::Value) -> Result<Vec<RawSeries>, StoreError> {
    parse(result)
}

fn parse<T: serde::de::DeserializeOwned>(result: serde_json::Value) -> Result<T, StoreError> {
    serde_json::from_value(result).map_err(|error| StoreError::Malformed(error.to_string()))
}

fn number((at, value): &Point) -> Option<(Millis, f64)> {
    let value: f64 = value.parse().ok()?;
    value.is_finite().then_some(((at * 1000.0).round() as Millis, value))
}

/// Unix seconds with three decimals.
fn seconds(at: Millis) -> String {
    format!("{}.{:03}", at / 1000, at % 1000)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_apart() {
        let bad =
            read(400, br#"{"status":"error","errorType":"bad_data","error":"parse error"}"#, "sum(").unwrap_err_kind();
        assert_eq!(bad, StoreError::BadQuery { query: "sum(".into(), message: "parse error".into() });
        let down = read(503, b"Service Unavailable", "x").unwrap_err_kind();
        assert_eq!(down, StoreError::Status { status: 503, message: "Service Unavailable".into() });
        let html = read(200, b"<html>", "x").unwrap_err_kind();
        assert!(matches!(html, StoreError::Malformed(_)));
    }

    #[test]
    fn values_that_are_no_numbers_are_no_data() {
        assert_eq!(number(&(1.5, "NaN".into())), None);
        assert_eq!(number(&(1.5, "+Inf".into())), None);
        assert_eq!(number(&(1.5, "2.5".into())), Some((1500, 2.5)));
        assert_eq!(seconds(1_795_456_059_007), "1795456059.007");
    }

    #[tokio::test]
    async fn an_absent_store_is_unreachable() {
        let client = Client::new(reqwest::Client::new(), "http://127.0.0.1:1/", Duration::from_secs(2));
        let error = client.value("1", None).await.unwrap_err();
        assert!(matches!(&error, StoreError::Unreachable { url, .. } if url == "http://127.0.0.1:1"), "{error}");
    }

    trait ErrKind {
        fn unwrap_err_kind(self) -> StoreError;
    }

    impl ErrKind for Result<Answer, StoreError> {
        fn unwrap_err_kind(self) -> StoreError {
            match self {
                Ok(_) => panic!("an error was expected"),
                Err(error) => error,
            }
        }
    }
}
