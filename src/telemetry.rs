//! Metric names and log setup.
//!
//! Modules record through the `metrics` facade; only this one knows the exporter. Log lines carry
//! ids, lengths and label names, never a customer's words.

use crate::config::{LogConfig, LogFormat};
use crate::model::shadow::{SHADOW_COMPARED, SHADOW_OUTCOMES, SHADOW_SECONDS, SHADOW_SKIPPED};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use std::sync::{Mutex, PoisonError};
use tracing_subscriber::EnvFilter;

/// Requests answered, by method, path and status (counter).
pub const HTTP_REQUESTS: &str = "fenzhen_http_requests_total";
/// Time from the request's head to the response's (histogram).
pub const HTTP_SECONDS: &str = "fenzhen_http_request_duration_seconds";
/// Requests in work (gauge).
pub const HTTP_IN_FLIGHT: &str = "fenzhen_http_requests_in_flight";
/// Messages understood, by intent and outcome (counter).
pub const CLASSIFICATIONS: &str = "fenzhen_classifications_total";
/// Decisions, by skill group and priority (counter).
pub const DECISIONS: &str = "fenzhen_decisions_total";
/// Turns, by action (counter).
pub const TURNS: &str = "fenzhen_turns_total";
/// Hand-offs, by reason and skill group (counter).
pub const HANDOFFS: &str = "fenzhen_handoffs_total";
/// Answers given without a part of the pipeline, by part (counter).
pub const DEGRADED: &str = "fenzhen_degraded_total";
/// Rule files loaded, by result (counter).
pub const RULE_RELOADS: &str = "fenzhen_rule_reloads_total";
/// Swaps of the models, by result (counter).
pub const MODEL_RELOADS: &str = "fenzhen_model_reloads_total";

/// Upper bounds of histogram buckets in seconds: from a tenth of a classification to a deadline.
const SECONDS_BUCKETS: [f64; 15] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
];
/// Upper bounds for the number of texts in a batch.
const SIZE_BUCKETS: [f64; 7] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];

/// Installs the log writer; later calls change nothing.
///
/// # Errors
/// The words of the filter that cannot be read.
pub fn init_logs(config: &LogConfig) -> Result<(), String> {
    let filter = EnvFilter::try_new(&config.level)
        .map_err(|error| format!("log.level = {:?}: {error}", config.level))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A subscriber that is set already (tests) stays.
    let _ = match config.format {
        LogFormat::Json => builder.json().flatten_event(true).with_target(false).try_init(),
        LogFormat::Text => builder.compact().with_target(false).try_init(),
    };
    Ok(())
}

/// The metrics of this process, installed at the first call.
///
/// # Errors
/// [`BuildError`] where the buckets are refused.
pub fn metrics() -> Result<PrometheusHandle, BuildError> {
    static HANDLE: Mutex<Option<PrometheusHandle>> = Mutex::new(None);
    // Held while installing: of two recorders built at once the handle must belong to the
    // installed one.
    let mut installed = HANDLE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = &*installed {
        return Ok(handle.clone());
    }
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS_BUCKETS)?
        .set_buckets_for_metric(Matcher::Suffix("_batch_size".to_owned()), &SIZE_BUCKETS)?
        .build_recorder();
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_ok() {
        describe();
    }
    *installed = Some(handle.clone());
    Ok(handle)
}

fn describe() {
    use metrics::{describe_counter, describe_gauge, describe_histogram};
    describe_counter!(HTTP_REQUESTS, "Requests answered, by method, path and status.");
    describe_histogram!(HTTP_SECONDS, "Seconds from a request's head to its response's.");
    describe_gauge!(HTTP_IN_FLIGHT, "Requests in work.");
    describe_counter!(CLASSIFICATIONS, "Messages understood, by intent and outcome.");
    describe_counter!(DECISIONS, "Decisions, by skill group and priority.");
    describe_counter!(TURNS, "Turns, by action.");
    describe_counter!(HANDOFFS, "Hand-offs, by reason and skill group.");
    describe_counter!(DEGRADED, "Answers given without a part of the pipeline.");
    describe_counter!(RULE_RELOADS, "Rule files loaded, by result.");
    describe_counter!(MODEL_RELOADS, "Swaps of the models, by result.");
    describe_counter!(SHADOW_COMPARED, "Messages read by the shadow model too, by result.");
    describe_counter!(SHADOW_OUTCOMES, "Messages whose outcome the shadow model would change.");
    describe_counter!(SHADOW_SKIPPED, "Messages the shadow model did not read, by reason.");
    describe_histogram!(SHADOW_SECONDS, "Seconds the shadow model takes for one message.");
}

/// Replaces the panic message, which may quote a customer's words, by its place.
pub fn hide_panic_messages() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a thread panicked; its message is withheld");
    }));
}
