//! Flags that several verbs share, each with its environment variable.

use std::path::PathBuf;
use std::time::Duration;

use backup_job::model::retention::Keep;
pub(super) use backup_job::output::Format;
use clap::Args;

/// Where the live database is.
#[derive(Debug, Args)]
pub(super) struct Database {
    /// The live database
    #[arg(long, value_name = "FILE", env = "PRA_DATABASE", default_value = "/data/app.db")]
    pub(super) database: PathBuf,
}

/// Where the backups are.
#[derive(Debug, Args)]
pub(super) struct Backups {
    /// The folder of the backups and of their catalog
    #[arg(long, value_name = "DIR", env = "PRA_BACKUPS", default_value = "/backup")]
    pub(super) backups: PathBuf,
}

/// Flags that every verb takes, so that one set of them serves all; these verbs have no use for them.
#[derive(Debug, Args)]
pub(super) struct Ignored {
    /// The live database
    #[arg(long, value_name = "FILE", hide = true)]
    database: Option<PathBuf>,
    /// Do not ask on a terminal
    #[arg(long, hide = true)]
    yes: bool,
}

/// How to answer.
#[derive(Debug, Args)]
pub(super) struct Output {
    /// What stdout carries
    #[arg(short, long, value_enum, env = "PRA_OUTPUT", default_value = "table")]
    pub(super) output: Format,
}

/// How long to wait for others.
#[derive(Debug, Args)]
pub(super) struct Wait {
    /// Longest wait for a lock that another backup or restore holds, such as 30s
    #[arg(long, value_name = "TIME", env = "PRA_WAIT", default_value = "30s", value_parser = length)]
    pub(super) wait: Duration,
}

/// A length of time such as `15m`.
pub(super) fn length(text: &str) -> Result<Duration, String> {
    backup_job::model::age::parse(text).map_err(|e| format!("{e}: {}", e.hint()))
}

/// Retention, in the terms of restic's `forget`. Without any: an hour of minutes, a day of hours, a month of days.
#[derive(Debug, Args)]
#[command(next_help_heading = "Retention (default: the last 10, 60 minutely, 24 hourly, 31 daily)")]
pub(super) struct Retention {
    /// Keep the newest N
    #[arg(long, value_name = "N", env = "PRA_KEEP_LAST")]
    keep_last: Option<usize>,
    /// Keep the newest of each of the last N minutes that have one
    #[arg(long, value_name = "N", env = "PRA_KEEP_MINUTELY")]
    keep_minutely: Option<usize>,
    /// Keep the newest of each of the last N hours that have one
    #[arg(long, value_name = "N", env = "PRA_KEEP_HOURLY")]
    keep_hourly: Option<usize>,
    /// Keep the newest of each of the last N days that have one
    #[arg(long, value_name = "N", env = "PRA_KEEP_DAILY")]
    keep_daily: Option<usize>,
    /// Keep the newest of each of the last N weeks that have one
    #[arg(long, value_name = "N", env = "PRA_KEEP_WEEKLY")]
    keep_weekly: Option<usize>,
    /// Keep the newest of each of the last N months that have one
    #[arg(long, value_name = "N", env = "PRA_KEEP_MONTHLY")]
    keep_monthly: Option<usize>,
    /// Keep the newest of each of the last N years that have one
    #[arg(long, value_name = "N", env = "PRA_KEEP_YEARLY")]
    keep_yearly: Option<usize>,
    /// Keep all that are at most so much older than the newest, such as 2d
    #[arg(long, value_name = "TIME", env = "PRA_KEEP_WITHIN", value_parser = length)]
    keep_within: Option<Duration>,
    /// Keep safety copies of restores for so long
    #[arg(long, value_name = "TIME", env = "PRA_KEEP_PRE_RESTORE", default_value = "7d", value_parser = length)]
    keep_pre_restore: Duration,
}

impl Retention {
    /// The rules given, or the default ones.
    ///
    /// # Errors
    /// Where rules are given that keep nothing.
    pub(super) fn keep(&self) -> backup_job::error::Result<Keep> {
        let Self {
            keep_last,
            keep_minutely,
            keep_hourly,
            keep_daily,
            keep_weekly,
            keep_monthly,
            keep_yearly,
            keep_within,
            keep_pre_restore,
        } = self;
        let counts = [keep_last, keep_minutely, keep_hourly, keep_daily, keep_weekly, keep_monthly, keep_yearly];
        if counts.iter().all(|count| count.is_none()) && keep_within.is_none() {
            return Ok(Keep { keep_pre_restore: *keep_pre_restore, ..Keep::default() });
        }
        let [last, minutely, hourly, daily, weekly, monthly, yearly] = counts.map(|count| count.unwrap_or(0));
        let keep = Keep {
            last,
            minutely,
            hourly,
            daily,
            weekly,
            monthly,
            yearly,
            within: *keep_within,
            keep_pre_restore: *keep_pre_restore,
        };
        if keep.is_empty() {
            return Err(backup_job::error::Error::new(
                backup_job::error::Code::Usage,
                "the retention rules given keep nothing",
            )
            .hint("give one that keeps something, such as --keep-last 10, or none for the default rules"));
        }
        Ok(keep)
    }
}
