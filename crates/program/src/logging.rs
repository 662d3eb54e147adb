//! What is said while something is done: one line for each thing that happens, on stderr.
//!
//! With the feature `opentelemetry` (on by default), and where `OTEL_EXPORTER_OTLP_ENDPOINT` (or
//! `OTEL_EXPORTER_OTLP_LOGS_ENDPOINT`) names a collector, the same lines go there too, as OTLP logs over HTTP. The
//! other variables of OpenTelemetry's specification work: `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`,
//! `OTEL_EXPORTER_OTLP_HEADERS`.

use std::io::{self, IsTerminal};

use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, fmt};

#[cfg(feature = "opentelemetry")]
mod opentelemetry;

/// What `PRA_LOG` is by default: nothing of what the client of the API server logs itself, since our errors say it.
const DEFAULT: &str = "info,kube_client=off,opentelemetry=off";

/// Logging, until it is dropped: what is still to be sent goes then.
#[derive(Debug)]
#[must_use]
pub struct Logging {
    #[cfg(feature = "opentelemetry")]
    _exported: Option<opentelemetry::Exported>,
}

/// The time of a line, as everything else shows instants.
#[derive(Debug, Clone, Copy)]
struct Milliseconds;

impl FormatTime for Milliseconds {
    fn format_time(&self, writer: &mut Writer<'_>) -> std::fmt::Result {
        write!(writer, "{:.3}", disk::clock::now())
    }
}

/// Starts it: for people on a terminal, JSON lines elsewhere. `PRA_LOG` sets what is said.
/// `program` is its name to a collector.
pub fn start(program: &'static str) -> Logging {
    let filter = EnvFilter::try_from_env("PRA_LOG").unwrap_or_else(|_unset| EnvFilter::new(DEFAULT));
    let lines = fmt::layer().with_writer(io::stderr).with_target(false).with_timer(Milliseconds);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = if io::stderr().is_terminal() {
        lines.without_time().boxed()
    } else {
        lines.json().flatten_event(true).boxed()
    };
    let layers = vec![lines];
    #[cfg(not(feature = "opentelemetry"))]
    let _ = program;
    #[cfg(feature = "opentelemetry")]
    let (layers, exported) = opentelemetry::added(layers, program);
    tracing_subscriber::registry().with(layers).with(filter).init();
    Logging {
        #[cfg(feature = "opentelemetry")]
        _exported: exported,
    }
}
