//! When to stop.

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};

/// Watches for SIGINT and SIGTERM from now on; the future is done at the first one.
///
/// # Errors
/// The handlers cannot be installed.
pub(crate) fn requested() -> Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt()).context("failed to watch for SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("failed to watch for SIGTERM")?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
