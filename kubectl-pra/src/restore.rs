use clap::ValueEnum;
use cluster::Cluster;
use cluster::jobs::Change;
use cluster::kit::Kit;
use cluster::quiesce::{Preview, Report};
use engine::restore::Mode;
use pra_core::Result;
use pra_core::point::Point;
use program::output::{self, Answer};

use super::cli::Common;
use super::follow::{Keep, follow};

/// Restores a backup or a point in time
///
/// Restores in place if that is possible: requests go on. Otherwise the application is stopped meanwhile and brought
/// back. Shows the plan and asks; with --yes it does neither. The restore-point ConfigMap is not changed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  kubectl pra restore -n pra --point 15m --dry-run\n  \
    kubectl pra restore -n pra --point backup-2025-01-10-12-00.db --yes -o json")]
pub(crate) struct Args {
    /// latest, a file's name, an instant such as 2025-01-10T12:00:00Z (the newest at or before it), or an age such as
    /// 15m
    #[arg(long, value_parser = point)]
    point: String,
    /// How to restore
    #[arg(long, value_enum, default_value = "auto")]
    mode: Mode,
    /// Go on although writers will be refused for a while (HTTP 503), because the write lock is held for too long
    #[arg(long)]
    accept_503: bool,
    /// Say what would be done, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not show the plan, and do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    keep: Keep,
}

impl Args {
    pub(crate) async fn run(self, common: &Common) -> Result<Answer> {
        let (cluster, kit) = common.kit().await?;
        if self.dry_run {
            let preview = self.preview(&cluster, &kit).await?;
            return Answer::new(&preview, preview.to_string(), vec![preview.plan.point.clone()]);
        }
        if !self.yes {
            output::require_terminal()?;
            eprintln!("{}", self.preview(&cluster, &kit).await?);
            output::confirm("This replaces what is in the database")?;
        }
        let report: Report = follow(&cluster, &kit.restore, "restore", self.change(None), self.keep).await?;
        Answer::new(&report, report.to_string(), vec![report.restore.point.clone()])
    }

    async fn preview(&self, cluster: &Cluster, kit: &Kit) -> Result<Preview> {
        let change = self.change(Some("--dry-run"));
        follow(cluster, &kit.restore, "plan", change, self.keep).await
    }

    fn change(&self, more: Option<&str>) -> Change {
        let mode = self.mode.to_possible_value();
        let mode = mode.as_ref().map_or("auto", |mode| mode.get_name());
        let said = [format!("--point={}", self.point), format!("--mode={mode}")];
        let accept = self.accept_503.then_some("--accept-503");
        Change { args: None, more: said.into_iter().chain(accept.into_iter().chain(more).map(str::to_owned)).collect() }
    }
}

/// A point that is none is refused here, not a Job later.
fn point(text: &str) -> Result<String, String> {
    text.parse::<Point>().map(|_point| text.to_owned()).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_job_gets_what_was_asked_for_and_nothing_else() {
        let args = Args {
            point: "15m".to_owned(),
            mode: Mode::InPlace,
            accept_503: true,
            dry_run: false,
            yes: true,
            keep: Keep { keep: false },
        };
        let change = args.change(None);
        assert_eq!(change.more, ["--point=15m", "--mode=in-place", "--accept-503"]);
        assert_eq!(change.args, None);
        assert_eq!(args.change(Some("--dry-run")).more.len(), 4);
    }

    #[test]
    fn a_point_that_is_none_is_refused_before_a_job_is_made() {
        assert!(point("latest").is_ok());
        assert!(point("2025-01-10T12:00").unwrap_err().contains("time zone"));
    }
}
