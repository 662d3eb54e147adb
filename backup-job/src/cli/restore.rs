use std::io::{BufRead, IsTerminal, Write};

use backup_job::error::{Code, Error, Result};
use backup_job::model::point::Point;
use backup_job::restore::{self, LOCK_LIMIT, Mode, Plan, Report};
use serde::Serialize;

use super::args::{Backups, Database, Format, Output, Wait};
use super::output::Answer;

/// Puts a restore point in place
///
/// In place, as one transaction that writes only the pages that differ, where the database can be read: requests go on
/// meanwhile. Else by replacing the file, with the application stopped. What is there now is kept as
/// `pre-restore-….db`, so that a restore can be undone by a restore.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  backup-job restore --point 15m --dry-run\n  \
    backup-job restore --point backup-2025-01-10-12-00.db --yes -o json")]
pub(super) struct Args {
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    backups: Backups,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    wait: Wait,
    /// latest, a file's name, an instant such as 2025-01-10T12:00:00Z (the newest at or before it), or an age such as 15m
    #[arg(long, env = "PRA_POINT", default_value = "latest")]
    point: Point,
    /// Which way
    #[arg(long, value_enum, env = "PRA_MODE", default_value = "auto")]
    mode: Mode,
    /// Go on although writers will be refused for a while (HTTP 503), because the write lock is held for too long
    #[arg(long, env = "PRA_ACCEPT_503")]
    accept_503: bool,
    /// Say what would be done, and change nothing
    #[arg(long, env = "PRA_DRY_RUN")]
    dry_run: bool,
    /// Do not ask on a terminal
    #[arg(long, env = "PRA_YES")]
    yes: bool,
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
        let Self { database, backups, output, wait, point, mode, accept_503, dry_run, yes } = self;
        let prepared = restore::plan(&restore::Options {
            database: database.database,
            backups: backups.backups,
            point,
            mode,
            accept_503,
            lock_limit: LOCK_LIMIT,
            wait: wait.wait,
            now: jiff::Timestamp::now(),
        })?;
        if dry_run {
            let plan = prepared.plan();
            return Answer::new(&Planned { plan }, plan.to_string(), vec![plan.point.clone()]);
        }
        if output.output == Format::Table {
            eprintln!("{}", prepared.plan());
        }
        if !yes && std::io::stdin().is_terminal() && !confirmed()? {
            return Err(Error::new(Code::Failed, "not confirmed: nothing was changed").hint("--yes does not ask"));
        }
        let report = prepared.apply()?;
        Answer::new(&report, words(&report), vec![report.point.clone()])
    }
}

fn confirmed() -> Result<bool> {
    let failed = |e: std::io::Error| Error::new(Code::Failed, "failed to ask on the terminal").because(e);
    eprint!("Do it? [y/N] ");
    std::io::stderr().flush().map_err(failed)?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(failed)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn words(report: &Report) -> String {
    let mut text = format!(
        "restored {} ({}) {} in {:.2} s, verified",
        report.point,
        report.reached,
        match report.mode {
            restore::How::InPlace => "in place",
            restore::How::Replace => "as a new file",
        },
        report.seconds
    );
    if let Some(seconds) = report.lock_seconds {
        text.push_str(&format!("; writers waited {seconds:.3} s"));
    }
    if let Some(copy) = &report.safety_copy {
        text.push_str(&format!("\nthe state before is kept: --point {copy}"));
    }
    for warning in &report.warnings {
        text.push_str(&format!("\nwarning: {warning}"));
    }
    text
}
