//! A typed client of the Prometheus query API, as Prometheus and stores with the same API serve it.

use std::{collections::BTreeMap, time::Duration};

use futures::StreamExt;
use ha_dashboard::domain::{
    Millis,
    histogram::{Bucket, Histogram},
};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use crate::server::silence;

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
    /// Time and value where the series is one of native histograms.
    pub histograms: Vec<(Millis, Histogram)>,
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
struct Envelope<T> {
    data: Option<Answer<T>>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Answer<T> {
    #[serde(rename = "resultType")]
    kind: String,
    result: T,
}

type Point = (f64, Number);

#[derive(Deserialize)]
struct RawSeries {
    #[serde(default)]
    metric: Labels,
    value: Option<Point>,
    #[serde(default)]
    values: Vec<Point>,
    #[serde(default)]
    histograms: Vec<(f64, RawHistogram)>,
}

/// A native histogram; its count is that of its buckets.
#[derive(Deserialize)]
struct RawHistogram {
    sum: Number,
    /// Which ends belong to it, lower end, upper end, count.
    #[serde(default)]
    buckets: Vec<(u8, Number, Number, Number)>,
}

/// A number that the API writes as a text.
#[derive(Clone, Copy)]
struct Number(f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl serde::de::Visitor<'_> for Text {
            type Value = Number;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number as a text")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Number, E> {
                text.parse().map(Number).map_err(|_| E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl From<RawHistogram> for Histogram {
    fn from(raw: RawHistogram) -> Self {
        let bucket = |(_, lower, upper, count): (u8, Number, Number, Number)| Bucket {
            lower: lower.0,
            upper: upper.0,
            count: count.0,
        };
        Self::new(raw.sum.0, raw.buckets.into_iter().map(bucket).collect())
    }
}

impl Client {
    /// Answers larger than this many bytes are refused.
    pub const MAX_ANSWER: usize = 16_000_000;

    /// A client of the store at `base`, for example `http://127.0.0.1:9090`; every call ends within `timeout`.
    pub fn new(http: reqwest::Client, base: &str, timeout: Duration) -> Self {
        Self { http, base: base.trim_end_matches('/').to_owned(), timeout }
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
        let answer = self.instant::<Vec<RawSeries>>(query, at).await?;
        if answer.kind != "vector" {
            return Err(StoreError::Malformed(format!("a vector was expected, not a {}", answer.kind)));
        }
        let samples = answer.result.into_iter().filter_map(|raw| {
            let (_, value) = number(&raw.value?)?;
            Some(Sample { labels: raw.metric, value })
        });
        Ok(samples.collect())
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
    pub async fn status<T: DeserializeOwned>(&self, part: &str) -> Option<T> {
        let request = self.http.get(format!("{}/api/v1/status/{part}", self.base)).timeout(self.timeout);
        request.send().await.ok()?.error_for_status().ok()?.json().await.ok()
    }

    async fn instant<T: DeserializeOwned>(&self, query: &str, at: Option<Millis>) -> Result<Answer<T>, StoreError> {
        match at.map(seconds) {
            // VictoriaMetrics hides the last 30 s unless told otherwise; Prometheus ignores the parameter.
            Some(at) => self.call("query", query, &[("time", &at), ("latency_offset", "1ms")]).await,
            None => self.call("query", query, &[("latency_offset", "1ms")]).await,
        }
    }

    async fn call<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Answer<T>, StoreError> {
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
        StoreError::Unreachable { url: self.base.clone(), reason: silence::of(error).1 }
    }
}

/// What an HTTP answer means.
fn read<T: DeserializeOwned>(status: u16, body: &[u8], query: &str) -> Result<Answer<T>, StoreError> {
    let envelope = serde_json::from_slice::<Envelope<T>>(body);
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

fn matrix(answer: Answer<Vec<RawSeries>>) -> Result<Vec<Series>, StoreError> {
    if answer.kind != "matrix" {
        return Err(StoreError::Malformed(format!("a matrix was expected, not a {}", answer.kind)));
    }
    let all = answer.result.into_iter().map(|raw| Series {
        labels: raw.metric,
        points: raw.values.iter().filter_map(number).collect(),
        histograms: raw.histograms.into_iter().map(|(at, histogram)| (millis(at), histogram.into())).collect(),
    });
    Ok(all.filter(|series| !series.points.is_empty() || !series.histograms.is_empty()).collect())
}

/// The series in an answer of the API, wherever it comes from.
///
/// # Errors
/// As [`Client::range`].
#[cfg(test)]
pub fn series(status: u16, body: &[u8]) -> Result<Vec<Series>, StoreError> {
    matrix(read(status, body, "query")?)
}

fn number((at, Number(value)): &Point) -> Option<(Millis, f64)> {
    value.is_finite().then_some((millis(*at), *value))
}

fn millis(seconds: f64) -> Millis {
    (seconds * 1000.0).round() as Millis
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
        let bad = refused(400, br#"{"status":"error","errorType":"bad_data","error":"parse error"}"#);
        assert_eq!(bad, StoreError::BadQuery { query: "sum(".into(), message: "parse error".into() });
        let down = refused(503, b"Service Unavailable");
        assert_eq!(down, StoreError::Status { status: 503, message: "Service Unavailable".into() });
        let html = refused(200, b"<html>");
        assert!(matches!(html, StoreError::Malformed(_)));
    }

    #[test]
    fn values_that_are_no_numbers_are_no_data() {
        let points: Vec<Point> = serde_json::from_str(r#"[[1.5,"NaN"],[1.5,"+Inf"],[1.5,"2.5"]]"#).unwrap();
        assert_eq!(points.iter().map(number).collect::<Vec<_>>(), [None, None, Some((1500, 2.5))]);
        assert!(serde_json::from_str::<Point>(r#"[1.5,"x"]"#).is_err());
        assert_eq!(seconds(1_795_456_059_007), "1795456059.007");
    }

    #[test]
    fn native_histograms_are_read() {
        let body =
            br#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"service":"a"},"histograms":[
            [1795456059.007,{"count":"3","sum":"0.5","buckets":[[3,"-2.9e-39","2.9e-39","1"],[0,"0.25","0.27","2"]]}],
            [1795456060,{"count":"0","sum":"0"}]]}]}}"#;
        let series = matrix(read(200, body, "h[5s]").unwrap()).unwrap();
        let buckets = [(-2.9e-39, 2.9e-39, 1.0), (0.25, 0.27, 2.0)];
        let buckets = buckets.map(|(lower, upper, count)| Bucket { lower, upper, count });
        let read =
            [(1_795_456_059_007, Histogram::new(0.5, buckets.to_vec())), (1_795_456_060_000, Histogram::default())];
        assert_eq!((series.len(), &series[0].histograms[..]), (1, &read[..]));
    }

    #[tokio::test]
    async fn an_absent_store_is_unreachable() {
        let client = Client::new(reqwest::Client::new(), "http://127.0.0.1:1/", Duration::from_secs(2));
        let error = client.value("1", None).await.unwrap_err();
        assert!(matches!(&error, StoreError::Unreachable { url, .. } if url == "http://127.0.0.1:1"), "{error}");
    }

    fn refused(status: u16, body: &[u8]) -> StoreError {
        match read::<Vec<RawSeries>>(status, body, "sum(") {
            Ok(_) => panic!("an error was expected"),
            Err(error) => error,
        }
    }
}
