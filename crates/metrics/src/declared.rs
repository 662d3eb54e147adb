//! The declarations.

use crate::{Exporter, Kind, Metric};

const APPLICATION: &[Exporter] = &[Exporter::Application];
const REPLICATOR: &[Exporter] = &[Exporter::Replicator];
const BOTH: &[Exporter] = &[Exporter::Application, Exporter::Replicator];

macro_rules! declare {
    ($($(#[doc = $help:literal])+ $constant:ident = $name:literal, $kind:ident, $labels:expr, $exporters:ident;)+) => {
        $(
            $(#[doc = $help])+
            pub const $constant: Metric = Metric {
                name: $name,
                help: concat!($($help),+).trim_ascii(),
                kind: Kind::$kind,
                labels: &$labels,
                exporters: $exporters,
            };
        )+

        /// All of them, in the order of the documentation.
        pub const ALL: &[Metric] = &[$($constant),+];
    };
}

declare! {
    /// Always 1; which program exports this, and its version
    BUILD_INFO = "pra_build_info", Gauge, ["version", "exporter"], BOTH;
    /// Whether the database is initialised and can be read (1) or not (0)
    READY = "pra_ready", Gauge, [], APPLICATION;
    /// Events in the database
    EVENTS = "pra_events", Gauge, [], APPLICATION;
    /// Size of the database's pages, the write-ahead log left out
    DATABASE_SIZE = "pra_database_size_bytes", Gauge, [], APPLICATION;
    /// Whether the catalog of backups can be read (1) or not (0); there being none yet counts as 1
    CATALOG_READABLE = "pra_catalog_readable", Gauge, [], APPLICATION;
    /// When the catalog was last written
    CATALOG_PUBLISHED = "pra_catalog_published_timestamp_seconds", Gauge, [], APPLICATION;
    /// Restore points on the backup volume
    RESTORE_POINTS = "pra_restore_points", Gauge, ["source", "verified"], APPLICATION;
    /// Instant of the newest verified backup
    BACKUP_LAST = "pra_backup_last_timestamp_seconds", Gauge, [], APPLICATION;
    /// Size of the newest verified backup
    BACKUP_LAST_SIZE = "pra_backup_last_size_bytes", Gauge, [], APPLICATION;
    /// How long the newest verified backup took, its verification included
    BACKUP_LAST_DURATION = "pra_backup_last_duration_seconds", Gauge, [], APPLICATION;
    /// By how much the newest backup with a wrong clock is ahead of this one; 0 where there is none
    BACKUP_AHEAD = "pra_backup_ahead_seconds", Gauge, [], APPLICATION;
    /// Whether the newest backup of all was verified and found good (1) or not (0)
    BACKUP_LAST_VERIFIED = "pra_backup_last_verified", Gauge, [], APPLICATION;
    /// What SQLite's checks found in the newest verified backup that is no damage: how many kinds of it
    BACKUP_LAST_WARNINGS = "pra_backup_last_warnings", Gauge, [], APPLICATION;
    /// What would be lost now if the volume were gone and only this replica left
    REPLICA_LAG = "pra_replica_lag_seconds", Gauge, ["replica"], BOTH;
    /// Whether the replica is followed and nothing stands in the way (1) or not (0)
    REPLICA_UP = "pra_replica_up", Gauge, ["replica"], BOTH;
    /// The last transaction that the replica has
    REPLICA_TXID = "pra_replica_txid", Gauge, ["replica"], BOTH;
    /// Everything committed before this instant is in the replica
    REPLICA_SYNCED = "pra_replica_synced_timestamp_seconds", Gauge, ["replica"], BOTH;
    /// The first instant that can be restored from the replica
    REPLICA_WINDOW_START = "pra_replica_window_start_timestamp_seconds", Gauge, ["replica"], BOTH;
    /// When the replicator last said how the replica is
    REPLICA_SEEN = "pra_replica_seen_timestamp_seconds", Gauge, ["replica"], APPLICATION;
    /// Files that wait for the replica
    REPLICA_QUEUE_FILES = "pra_replica_queue_files", Gauge, ["replica"], BOTH;
    /// Bytes that wait for the replica
    REPLICA_QUEUE_BYTES = "pra_replica_queue_bytes", Gauge, ["replica"], BOTH;
    /// What SQLite's checks last found in the replicated database that is no damage: how many kinds of it; absent
    /// before the first check, and in rollback-journal mode
    REPLICA_WARNINGS = "pra_replica_warnings", Gauge, ["replica"], BOTH;
    /// When a restore from the source was last rehearsed
    REHEARSAL_LAST = "pra_rehearsal_last_timestamp_seconds", Gauge, ["source"], APPLICATION;
    /// Whether the last rehearsal restored the source and found it good (1) or not (0); absent where it is encrypted
    /// and no identity was given
    REHEARSAL_LAST_GOOD = "pra_rehearsal_last_good", Gauge, ["source"], APPLICATION;
    /// When a rehearsal last restored the source and found it good
    REHEARSAL_GOOD = "pra_rehearsal_last_good_timestamp_seconds", Gauge, ["source"], APPLICATION;
    /// How long the last rehearsal took: fetching, restoring and verifying
    REHEARSAL_DURATION = "pra_rehearsal_last_duration_seconds", Gauge, ["source"], APPLICATION;
    /// When the disaster was last made on purpose
    DRILL_LAST = "pra_drill_last_timestamp_seconds", Gauge, ["drill"], APPLICATION;
    /// Whether the last drill kept what is promised (1) or not (0)
    DRILL_KEPT = "pra_drill_last_kept", Gauge, ["drill"], APPLICATION;
    /// From the last drill's disaster to the first write that was acknowledged again
    DRILL_RTO = "pra_drill_last_rto_seconds", Gauge, ["drill"], APPLICATION;
    /// How far before the last drill's disaster the first lost event was acknowledged
    DRILL_RPO = "pra_drill_last_rpo_seconds", Gauge, ["drill"], APPLICATION;
    /// Whether a restore is at work, or was killed and not run again (1), or not (0)
    RESTORE_RUNNING = "pra_restore_running", Gauge, [], APPLICATION;
    /// When the last restore began
    RESTORE_BEGAN = "pra_restore_last_timestamp_seconds", Gauge, [], APPLICATION;
    /// How long the last restore took
    RESTORE_DURATION = "pra_restore_last_duration_seconds", Gauge, [], APPLICATION;
    /// Syncs that found something to ship
    SYNCS = "pra_syncs_total", Counter, [], REPLICATOR;
    /// Time spent on syncs
    SYNC_SECONDS = "pra_sync_seconds_total", Counter, [], REPLICATOR;
    /// Syncs that compared all pages, since the log could not say which had changed
    SYNC_FULL_COMPARISONS = "pra_sync_full_comparisons_total", Counter, [], REPLICATOR;
    /// Syncs that failed
    SYNC_ERRORS = "pra_sync_errors_total", Counter, [], REPLICATOR;
    /// When the database was last compared with what was shipped
    SYNC_LAST = "pra_sync_last_timestamp_seconds", Gauge, [], REPLICATOR;
    /// Size of the write-ahead log's file
    WAL_SIZE = "pra_wal_size_bytes", Gauge, [], REPLICATOR;
    /// The greatest size of the write-ahead log since the process began
    WAL_SIZE_MAX = "pra_wal_size_max_bytes", Gauge, [], REPLICATOR;
    /// Times that pages were moved from the write-ahead log into the database
    CHECKPOINTS = "pra_checkpoints_total", Counter, [], REPLICATOR;
    /// The longest that a checkpoint kept writers waiting since the process began
    CHECKPOINT_LOCK_MAX = "pra_checkpoint_lock_max_seconds", Gauge, [], REPLICATOR;
    /// Whether the checkpointer holds the database open (1) or not (0)
    CHECKPOINTER_HOLDING = "pra_checkpointer_holding", Gauge, [], REPLICATOR;
    /// Times that this machine's clock was set while the process ran
    CLOCK_STEPS = "pra_clock_steps_total", Counter, [], REPLICATOR;
    /// By how much the clock was set the last time, back where it is negative; 0 where it never was
    CLOCK_STEP = "pra_clock_step_seconds", Gauge, [], REPLICATOR;
    /// Bytes of files beside the database that wait for any replica
    STAGING = "pra_staging_bytes", Gauge, [], REPLICATOR;
    /// Files written to the replica
    UPLOADS = "pra_replica_uploads_total", Counter, ["replica"], REPLICATOR;
    /// Bytes written to the replica
    UPLOAD_BYTES = "pra_replica_upload_bytes_total", Counter, ["replica"], REPLICATOR;
    /// Time spent on writing to the replica
    UPLOAD_SECONDS = "pra_replica_upload_seconds_total", Counter, ["replica"], REPLICATOR;
    /// Times that something stood in the way and had to be tried again
    REPLICA_FAILURES = "pra_replica_failures_total", Counter, ["replica"], REPLICATOR;
    /// Size of the volume
    VOLUME_SIZE = "pra_volume_size_bytes", Gauge, ["volume"], REPLICATOR;
    /// Bytes of the volume that may still be written
    VOLUME_FREE = "pra_volume_free_bytes", Gauge, ["volume"], REPLICATOR;
}
