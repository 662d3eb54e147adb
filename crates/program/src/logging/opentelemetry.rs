//! The lines go to a collector.

use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_otlp::LogExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use tracing_subscriber::Registry;
use tracing_subscriber::layer::Layer;

/// What names the collector, by OpenTelemetry's specification.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"];

/// Sends what waits when it is dropped.
#[derive(Debug)]
pub(super) struct Exported(SdkLoggerProvider);

type Layers = Vec<Box<dyn Layer<Registry> + Send + Sync>>;

/// The layers, and one that exports where a collector is named.
pub(super) fn added(mut layers: Layers, program: &'static str) -> (Layers, Option<Exported>) {
    if ENDPOINTS.iter().all(|variable| std::env::var_os(variable).is_none()) {
        return (layers, None);
    }
    // The exporter's HTTP client brings none of its own. Where one was chosen before, that one stays.
    drop(rustls::crypto::ring::default_provider().install_default());
    let exporter = match LogExporter::builder().with_http().build() {
        Ok(exporter) => exporter,
        Err(error) => {
            // There is no log yet, and a job must not fail for the want of one.
            eprintln!("warning: the logs are not exported: {error}");
            return (layers, None);
        }
    };
    let mut resource = Resource::builder();
    if std::env::var_os("OTEL_SERVICE_NAME").is_none() {
        resource = resource.with_service_name(program);
    }
    let provider = SdkLoggerProvider::builder().with_resource(resource.build()).with_batch_exporter(exporter).build();
    layers.push(OpenTelemetryTracingBridge::new(&provider).boxed());
    (layers, Some(Exported(provider)))
}

impl Drop for Exported {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown() {
            eprintln!("warning: the last logs were not exported: {error}");
        }
    }
}
