//! What goes on inside, for operators: lines on standard error, and traces for a collector where one is named.
//!
//! Traces are declared as everywhere, by OpenTelemetry's environment variables: `OTEL_EXPORTER_OTLP_ENDPOINT` (or
//! `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`) switches them on and says where they go, over HTTP as protobuf; `OTEL_EXPORTER_OTLP_HEADERS`,
//! `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER` and the batching variables are read by its SDK.

use std::env;
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry::KeyValue;
use opentelemetry::global;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::filter::{EnvFilter, LevelFilter, Targets};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

/// The name of the tracer, and of the service where none is declared.
pub const NAME: &str = "headwater";

/// How long the end of the program waits for the last spans to be sent.
const FAREWELL: Duration = Duration::from_secs(3);

/// How long a collector may take to accept some spans.
const PATIENCE: Duration = Duration::from_secs(10);

/// The traces of one run. They are sent on [`Telemetry::end`] at the latest.
pub struct Telemetry(Option<SdkTracerProvider>);

/// Begins: warnings and errors, or what RUST_LOG asks for, as JSON lines where `json`; and traces where a collector is named.
pub fn begin(json: bool) -> Telemetry {
    let wanted = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    let (traces, wrong) = match provider() {
        Ok(traces) => (traces, None),
        Err(wrong) => (None, Some(wrong)),
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    let lines = if json { lines.json().boxed() } else { lines.boxed() };
    match &traces {
        Some(provider) => {
            let own = Targets::new().with_target("headwater", LevelFilter::INFO);
            let spans = tracing_opentelemetry::layer().with_tracer(provider.tracer(NAME));
            let spans =
                spans.with_location(false).with_threads(false).with_target(false).with_tracked_inactivity(false);
            tracing_subscriber::registry().with(lines.with_filter(wanted)).with(spans.with_filter(own)).init();
        }
        // One filter for all: a span that it does not want costs the look at one atomic number.
        None => tracing_subscriber::registry().with(lines).with(wanted).init(),
    }
    if let Some(wrong) = wrong {
        tracing::error!("traces are not sent: {wrong}");
    }
    if let Some(provider) = &traces {
        global::set_text_map_propagator(TraceContextPropagator::new());
        global::set_tracer_provider(provider.clone());
    }
    Telemetry(traces)
}

impl Telemetry {
    /// Sends what is left.
    pub fn end(self) {
        if let Some(provider) = self.0
            && let Err(error) = provider.shutdown_with_timeout(FAREWELL)
        {
            tracing::warn!("the last traces were not sent: {error}");
        }
    }
}

/// What collects spans; `None` where no collector is named.
fn provider() -> Result<Option<SdkTracerProvider>, opentelemetry_otlp::ExporterBuildError> {
    let says = |name: &str, word: &str| env::var(name).is_ok_and(|value| value.eq_ignore_ascii_case(word));
    let named = |name: &str| env::var(name).is_ok_and(|value| !value.is_empty());
    let is_named = named("OTEL_EXPORTER_OTLP_ENDPOINT") || named("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
    if !is_named || says("OTEL_SDK_DISABLED", "true") || says("OTEL_TRACES_EXPORTER", "none") {
        return Ok(None);
    }
    let exporter = SpanExporter::builder().with_http().with_http_client(Sender::new()).build()?;
    let mut resource = Resource::builder().with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    if !named("OTEL_SERVICE_NAME") {
        resource = resource.with_service_name(NAME);
    }
    Ok(Some(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource.build()).build()))
}

/// Sends spans. It is called on a thread of the SDK's own, which may wait.
#[derive(Debug)]
struct Sender(ureq::Agent);

impl Sender {
    fn new() -> Self {
        let config = ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).http_status_as_error(false).build();
        Self(ureq::Agent::new_with_config(config))
    }
}

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let answer = self.0.run(Request::from_parts(head, &body[..]))?;
        let (head, mut body) = answer.into_parts();
        Ok(Response::from_parts(head, body.read_to_vec()?.into()))
    }
}
