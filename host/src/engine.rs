//! Wasmtime, set up for many short-lived instances.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use wasmtime::{Cache, CacheConfig, Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::limits::{Limits, PROBES};

/// How often running guests are made to look up, so that one which computes for ever holds no thread for itself and
/// is stopped soon after its time is over.
const EPOCH: Duration = Duration::from_millis(50);

/// Core instances, memories and tables that one component may need: components built by Rust's `wasm32-wasip2` have
/// up to four small helper modules beside their own.
const CORE_INSTANCES: u32 = 8;
const MEMORIES: u32 = 2;
const TABLES: u32 = 8;

/// Memory that a slot keeps for its next instance instead of giving it back, in bytes of pages that the last one
/// changed. Giving back costs a system call, an interrupt of the other processors and a page fault for each page
/// touched again; writing the first content back costs a tenth of that.
const KEEP_MEMORY: usize = 512 << 10;
const KEEP_TABLE: usize = 64 << 10;

/// An engine whose compiled code is kept in `cache`, else in the user's cache folder.
///
/// # Errors
/// A cache folder that was asked for and cannot be used, or a configuration that Wasmtime refuses on this machine.
pub(crate) fn new(limits: &Limits, cache: Option<&Path>) -> Result<Engine> {
    let mut config = Config::new();
    config.epoch_interruption(true);
    config.cache(open_cache(cache)?);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(limits)));
    let engine = Engine::new(&config).map_err(anyhow::Error::from).context("failed to set up Wasmtime")?;
    start_clock(&engine)?;
    Ok(engine)
}

fn pool(limits: &Limits) -> PoolingAllocationConfig {
    let slots = limits.instances + PROBES;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(slots)
        .total_core_instances(slots * CORE_INSTANCES)
        .total_memories(slots * MEMORIES)
        .total_tables(slots * TABLES)
        .total_stacks(slots)
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_memories_per_component(MEMORIES)
        .max_tables_per_component(TABLES)
        .max_memory_size(limits.memory_bytes)
        .max_unused_warm_slots(slots)
        // Asks the kernel which pages those are, where it can say (Linux 6.7); else the first bytes are taken.
        .pagemap_scan(Enabled::Auto)
        .linear_memory_keep_resident(KEEP_MEMORY)
        .table_keep_resident(KEEP_TABLE);
    pool
}

fn open_cache(folder: Option<&Path>) -> Result<Option<Cache>> {
    let mut config = CacheConfig::new();
    if let Some(folder) = folder {
        config.with_directory(std::path::absolute(folder)?);
    }
    match Cache::new(config).map_err(anyhow::Error::from) {
        Ok(cache) => Ok(Some(cache)),
        Err(error) if folder.is_some() => Err(error.context("failed to open the folder given by --cache-dir")),
        // The cache only saves time: a container without a home starts all the same.
        Err(error) => {
            tracing::warn!("compiled code is not kept: {error:#}");
            Ok(None)
        }
    }
}

fn start_clock(engine: &Engine) -> Result<()> {
    let engine = engine.weak();
    let tick = move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(EPOCH);
        }
    };
    std::thread::Builder::new().name("epoch".to_owned()).spawn(tick).context("failed to start a thread")?;
    Ok(())
}
