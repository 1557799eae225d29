//! Listens, serves, and stops without dropping what is in work.

use super::router;
use crate::app::App;
use crate::telemetry;
use anyhow::Context;
use metrics_exporter_prometheus::PrometheusHandle;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// How often histogram samples are folded into their buckets; until then each takes some bytes.
const METRICS_UPKEEP: Duration = Duration::from_secs(5);

/// Serves until a signal to stop comes, then ends the requests in work within the grace time.
///
/// # Errors
/// Why the address cannot be listened on, or the rule file not be watched.
pub async fn serve(app: App) -> anyhow::Result<()> {
    let app = Arc::new(app);
    let http = &app.config.http;
    let listener = TcpListener::bind(http.listen)
        .await
        .with_context(|| format!("cannot listen on {}: is another process there?", http.listen))?;
    let _watcher = match app.config.rules.watch {
        true => Some(app.rules.watch(app.triage.clone())?),
        false => None,
    };
    tokio::spawn(app.indexer.clone().run());
    tokio::spawn(tell_publications(app.clone()));
    let metrics = telemetry::metrics()?;
    tokio::spawn(keep_metrics(metrics.clone()));
    let grace = http.shutdown_grace;
    let router = router(app.clone(), metrics);
    let models = app.triage.models().readers.ids.clone();
    tracing::info!(
        listen = %listener.local_addr()?,
        rule_set = app.triage.rules().id(),
        intent_model = models.intent,
        sentiment_model = models.sentiment,
        kb_generation = app.kb.generation().number,
        "serving"
    );
    let (stop, mut stopped) = tokio::sync::watch::channel(());
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let signalled = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: no new connections, ending what is in work");
        // The receiver lives as long as this function.
        let _ = stop.send(());
    };
    let server = axum::serve(listener, router).with_graceful_shutdown(signalled);
    let too_late = async {
        // An error means that the sender is gone: the server ended by itself.
        if stopped.changed().await.is_ok() {
            tokio::time::sleep(grace).await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        result = server => result?,
        () = too_late => tracing::warn!("requests were still in work after the grace time"),
    }
    tracing::info!("stopped");
    Ok(())
}

/// Has the index follow at once what editors publish on this node.
async fn tell_publications(app: Arc<App>) {
    let mut changes = app.library.changes();
    while changes.changed().await.is_ok() {
        app.indexer.published();
    }
}

/// Keeps the memory of unread metrics bounded.
async fn keep_metrics(metrics: PrometheusHandle) {
    let mut ticks = tokio::time::interval(METRICS_UPKEEP);
    loop {
        ticks.tick().await;
        metrics.run_upkeep();
    }
}
