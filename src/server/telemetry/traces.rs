//! Traces for OpenTelemetry: what a request led to, from the browser's click over control and engine to Docker, told to a
//! collector over OTLP/HTTP.

use std::time::Duration;

use async_trait::async_trait;
use axum::http::HeaderMap;
use bytes::Bytes;
use opentelemetry::{KeyValue, propagation::TextMapPropagator, trace::TracerProvider};
use opentelemetry_http::{HeaderExtractor, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{Resource, propagation::TraceContextPropagator, trace::SdkTracerProvider};
use tokio::runtime::Handle;
use tracing::{Level, Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{Layer, filter::Targets, registry::LookupSpan};

/// Whose spans are told: those of libraries are not.
const OURS: &str = "ha_dashboard";

/// How long a collector gets to take what it is told, and what is left to be told at the end.
const PATIENCE: Duration = Duration::from_secs(5);

/// Tells what is left at the end.
#[derive(Debug, Default)]
pub struct Traces(Option<SdkTracerProvider>);

impl Traces {
    /// Starts to tell the collector at `otlp`, if there is one, whatever goes through the layer.
    pub fn start<S: Subscriber + for<'a> LookupSpan<'a>>(otlp: Option<&str>) -> (Self, Option<impl Layer<S> + use<S>>) {
        let provider = otlp.and_then(|otlp| {
            let exporter = SpanExporter::builder()
                .with_http()
                .with_http_client(Client { http: reqwest::Client::new(), runtime: Handle::current() })
                .with_protocol(Protocol::HttpBinary)
                .with_endpoint(format!("{otlp}/v1/traces"))
                .with_timeout(PATIENCE)
                .build();
            // Logging has not begun.
            let exporter = exporter.inspect_err(|error| eprintln!("no traces are told: {error}")).ok()?;
            let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
            let resource =
                Resource::builder().with_service_name(env!("CARGO_PKG_NAME")).with_attribute(version).build();
            Some(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
        });
        let layer = provider.as_ref().map(|provider| {
            tracing_opentelemetry::layer()
                .with_tracer(provider.tracer(OURS))
                .with_location(false)
                .with_threads(false)
                .with_filter(Targets::new().with_target(OURS, Level::INFO))
        });
        (Self(provider), layer)
    }

    /// Tells what is left, in bounded time.
    pub async fn end(self) {
        let Some(provider) = self.0 else { return };
        let told = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(PATIENCE)).await;
        if let Ok(Err(error)) = told {
            tracing::warn!(%error, "the last traces were not told");
        }
    }
}

/// Makes a request's span go on with the trace that its caller names in `traceparent`, if it does.
pub fn follow_up(span: &Span, headers: &HeaderMap) {
    if headers.contains_key("traceparent") {
        // Where nobody takes traces there is nothing to go on with.
        let _ = span.set_parent(TraceContextPropagator::new().extract(&HeaderExtractor(headers)));
    }
}

/// Our own client, for a thread that is none of the runtime's.
#[derive(Debug)]
struct Client {
    http: reqwest::Client,
    runtime: Handle,
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let http = self.http.clone();
        let sent = self.runtime.spawn(async move {
            let (parts, body) = request.into_parts();
            let asked = http.request(parts.method, parts.uri.to_string()).headers(parts.headers).body(body);
            let answer = asked.timeout(PATIENCE).send().await?;
            let status = answer.status();
            let mut response = Response::new(answer.bytes().await?);
            *response.status_mut() = status;
            Ok::<_, reqwest::Error>(response)
        });
        Ok(sent.await??)
    }
}
