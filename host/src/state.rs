//! What belongs to one instance, that is to one request.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::app::Component;
use crate::bindings::fermyon::spin::variables;
use crate::budget::Share;
use crate::limits::MemoryLimit;
use crate::outbound::Outbound;
use crate::variables::check_name;

/// The host's side of an instance.
pub(crate) struct State {
    pub(crate) component: Arc<Component>,
    pub(crate) table: ResourceTable,
    pub(crate) memory: MemoryLimit,
    /// When the request's time is over.
    pub(crate) deadline: Instant,
    /// How many SQLite connections the guest holds.
    pub(crate) open_connections: usize,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    outbound: Outbound,
}

impl State {
    /// A fresh state: nothing of an earlier request is in it.
    ///
    /// # Errors
    /// A mounted folder that cannot be opened.
    pub(crate) fn new(component: Arc<Component>, share: Share, deadline: Instant) -> Result<Self> {
        let mut wasi = WasiCtx::builder();
        // stdout is the host's own: what a guest prints is talk.
        wasi.allow_blocking_current_thread(true);
        wasi.stdout(std::io::stderr()).stderr(std::io::stderr()).envs(&component.environment);
        for mount in &component.mounts {
            wasi.preopened_dir(&mount.source, &mount.destination, FsPerms::ReadOnly)
                .map_err(anyhow::Error::from)
                .with_context(|| format!("failed to open the mounted folder '{}'", mount.source.display()))?;
        }
        Ok(Self {
            table: ResourceTable::new(),
            memory: MemoryLimit::new(component.limits.memory_bytes, share, deadline),
            deadline,
            open_connections: 0,
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
            outbound: Outbound::new(component.outbound.clone()),
            component,
        })
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.outbound }
    }
}

impl variables::Host for State {
    fn get(&mut self, name: String) -> Result<String, variables::Error> {
        check_name(&name).map_err(variables::Error::InvalidName)?;
        let value = self.component.variables.get(&name).cloned();
        value.ok_or_else(|| variables::Error::Undefined(format!("no variable for {:?}.{name:?}", self.component.id)))
    }
}
