//! What the host says: one line for each event, on stderr. stdout is for the address.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Sets the log up; `HOST_LOG` asks for more than warnings (`info`, `debug`, or by module).
pub(crate) fn start() {
    let filter = EnvFilter::try_from_env("HOST_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
}
