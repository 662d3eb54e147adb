//! Accepts connections until it is told to stop.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::net::{TcpListener, TcpStream};

use crate::lanes::{GRACE, Lanes};

/// How long to wait before the next try when the process has no file descriptor left for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stop` is done, then lets requests finish.
pub(crate) async fn serve(listener: TcpListener, mut lanes: Lanes, stop: impl Future<Output = ()>) {
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted.context("failed to accept a connection"),
        };
        if let Err(error) = accepted.and_then(|(stream, client)| hand_over(&mut lanes, stream, client)) {
            tracing::error!("{error:#}");
            tokio::time::sleep(ACCEPT_PAUSE).await;
        }
    }
    drop(listener);
    if !lanes.stop().await {
        tracing::warn!("stopped with requests unfinished after {} s", GRACE.as_secs());
    }
}

fn hand_over(lanes: &mut Lanes, stream: TcpStream, client: SocketAddr) -> Result<()> {
    lanes.serve(stream.into_std().context("failed to take a connection")?, client)
}

/// Binds the address.
///
/// # Errors
/// The address is taken or not ours.
pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("failed to listen on {address}"))
}
