//! The command line: the flags of `spin up` that the host understands, and its own limits.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use crate::limits::{Limits, PROBES};

/// Run a spin.toml on Wasmtime, with Spin 3.6's semantics, where there is no `spin`.
///
/// Example: host --from spin.toml --runtime-config-file runtime-config.toml --listen 127.0.0.1:3000
#[derive(Debug, Parser)]
#[command(version, args_override_self = true)]
pub(crate) struct Cli {
    /// The application's manifest
    #[arg(short, long, value_name = "FILE", default_value = "spin.toml")]
    pub(crate) from: PathBuf,

    /// Maps SQLite labels to files; relative paths in it begin in the current folder
    #[arg(long, value_name = "FILE", env = "RUNTIME_CONFIG_FILE")]
    pub(crate) runtime_config_file: Option<PathBuf>,

    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", env = "SPIN_HTTP_LISTEN_ADDR", default_value = "127.0.0.1:3000")]
    pub(crate) listen: SocketAddr,

    /// Sets an application variable; the environment's SPIN_VARIABLE_NAME does the same and shows in no process list
    #[arg(long = "variable", value_name = "NAME=VALUE", value_parser = variable)]
    pub(crate) variables: Vec<(String, String)>,

    /// Where compiled code is kept between starts [default: wasmtime's folder in the user's cache folder]
    #[arg(long, value_name = "FOLDER", env = "HOST_CACHE_DIR")]
    pub(crate) cache_dir: Option<PathBuf>,

    /// How many requests run at once; further ones wait
    #[arg(long, value_name = "N", env = "HOST_MAX_INSTANCES", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) max_instances: u32,

    /// How many connections are open at once; for each further one, the one that is idle longest is closed. Always some
    /// more than requests that run at once
    #[arg(long, value_name = "N", env = "HOST_MAX_CONNECTIONS", default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..=65536))]
    pub(crate) max_connections: u32,

    /// How long a request may take, in seconds
    #[arg(long, value_name = "SECONDS", env = "HOST_REQUEST_TIMEOUT", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) request_timeout: u64,

    /// The memory of one instance, in MiB
    #[arg(long, value_name = "MIB", env = "HOST_MAX_MEMORY", default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(crate) max_memory: u32,

    /// The memory that all large requests share, in MiB: bodies, results of SQLite, instances above 1.5 MiB; who finds
    /// none waits, or gets 503
    #[arg(long, value_name = "MIB", env = "HOST_MAX_SHARED_MEMORY", default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..=65536))]
    pub(crate) max_shared_memory: u32,

    /// How long the body of a request may take, in seconds
    #[arg(long, value_name = "SECONDS", env = "HOST_BODY_TIMEOUT", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) body_timeout: u64,
}

impl Cli {
    /// The limits that the flags ask for.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            instances: self.max_instances,
            connections: self.max_connections.max(self.max_instances + 2 * PROBES) as usize,
            memory_bytes: self.max_memory as usize * (1 << 20),
            shared_bytes: self.max_shared_memory as usize * (1 << 20),
            time: Duration::from_secs(self.request_timeout),
            body_time: Duration::from_secs(self.body_timeout),
        }
    }
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => Err("expected NAME=VALUE".to_owned()),
    }
}
