use disk::stop::stoppable;
use engine::restore::{self, LOCK_LIMIT, Mode, Plan};
use pra_core::Result;
use pra_core::point::Point;
use serde::Serialize;

use super::args::{Adopt, Backups, Database, Encrypting, Format, Output, ReadReplicas, Wait};
use super::output::{self, Answer};
use super::quiesce::Quiesce;

/// Restores a backup or a point in time
///
/// If the database can be read, it is restored in place: one transaction writes only the pages that differ, and
/// requests go on meanwhile. Otherwise the file is replaced, with the application stopped. The state before the restore
/// is kept as `pre-restore-….db`, so that another restore can undo this one.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  backup-job restore --point 15m --dry-run\n  \
    backup-job restore --point backup-2025-01-10-12-00.db --yes -o json")]
pub(super) struct Args {
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    backups: Backups,
    #[command(flatten)]
    adopt: Adopt,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    wait: Wait,
    /// latest (the default), a file's name, an instant such as 2025-01-10T12:00:00Z (the newest at or before it), an
    /// age such as 15m, or EPOCH/TXID of a replica
    #[arg(long, env = "PRA_POINT")]
    point: Option<Point>,
    /// How to restore
    #[arg(long, value_enum, env = "PRA_MODE", default_value = "auto")]
    mode: Mode,
    /// Go on although writers will be refused for a while (HTTP 503), because the write lock is held for too long
    #[arg(long, env = "PRA_ACCEPT_503")]
    accept_503: bool,
    /// Say what would be done, and change nothing
    #[arg(long, env = "PRA_DRY_RUN")]
    dry_run: bool,
    /// Do not ask; needed where there is no terminal to ask on
    #[arg(long, env = "PRA_YES")]
    yes: bool,
    #[command(flatten)]
    encrypting: Encrypting,
    #[command(flatten)]
    replicas: ReadReplicas,
    #[command(flatten)]
    quiesce: Quiesce,
}

#[derive(Debug, Serialize)]
struct Planned<'a> {
    plan: &'a Plan,
}

impl Args {
    pub(super) fn format(&self) -> Format {
        self.output.output
    }

    pub(super) fn run(self) -> Result<Answer> {
        let Self {
            database,
            backups,
            adopt,
            output,
            wait,
            point,
            mode,
            accept_503,
            dry_run,
            yes,
            replicas,
            encrypting,
            quiesce,
        } = self;
        let keys = replicas.keys()?;
        let options = restore::Options {
            database: database.database,
            access: replicas.access(&keys, &backups.backups)?,
            backups: backups.backups,
            point: point.clone().unwrap_or(Point::Latest),
            mode,
            accept_503,
            lock_limit: LOCK_LIMIT,
            wait: wait.wait,
            now: disk::clock::now(),
            keys,
            recipients: encrypting.recipients()?,
            accept_unreachable: replicas.accept_unreachable,
            adopt_backups: adopt.adopt_backups,
        };
        let approve = |plan: &Plan| {
            if output.output == Format::Table {
                eprintln!("{plan}");
            }
            if yes { Ok(()) } else { output::confirm("This replaces what is in the database") }
        };
        if quiesce.is_wanted() {
            return quiesce.run(options, point, dry_run, &approve);
        }
        // One in a cluster has its own way to stop: it brings back what it has stopped.
        stoppable(|| {
            let prepared = restore::plan(&options)?;
            if dry_run {
                let plan = prepared.plan();
                return Answer::new(&Planned { plan }, plan.to_string(), vec![plan.point.clone()]);
            }
            approve(prepared.plan())?;
            let report = prepared.apply_and_tell()?;
            Answer::new(&report, report.to_string(), vec![report.point.clone()])
        })
    }
}
