use cluster::protect::apply::{self, Change, Outcome};
use cluster::protect::{Options, Plan, Schema, Target, plan};
use pra_core::{Code, Error, Result};
use program::output::{self, Answer};
use serde_json::json;

use super::cli::Common;

/// Protects an existing application in the same way as the event application
///
/// Prints the manifests; --apply applies them by server-side apply as `mini-pra`, and takes no field from its owner.
/// The Deployment gets an init container that restores an empty volume before the application starts; its pods are
/// replaced once for that. For a SpinApp, the operator's Deployment gets it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  kubectl pra protect deployment/notes -n notes --database /srv/notes/notes.db\n  \
    kubectl pra protect deployment/notes -n notes --database /srv/notes/notes.db --apply\n  \
    kubectl pra protect spinapp/events -n pra --apply --dry-run")]
pub(crate) struct Args {
    /// deployment/NAME or spinapp/NAME
    target: Target,
    /// The path of the database in the application's container; not needed if the kit is already installed
    #[arg(long, value_name = "PATH")]
    database: Option<String>,
    /// The user that owns the data, if the Deployment does not name one; it is then set for the whole pod
    #[arg(long, value_name = "UID", value_parser = clap::value_parser!(i64).range(0..=i64::from(u32::MAX)))]
    user: Option<i64>,
    /// Size of the volume of the backups [default: 1Gi]
    #[arg(long, value_name = "SIZE")]
    backup_size: Option<String>,
    /// When to make backups, as cron writes it [default: every minute]
    #[arg(long, value_name = "CRON")]
    schedule: Option<String>,
    /// The image of backup-job [default: the one of this version]
    #[arg(long)]
    image: Option<String>,
    /// The schema of a new database if there is no backup [default: none; events if the kit is already installed]
    #[arg(long, value_enum)]
    schema: Option<Schema>,
    /// Do not switch the database to WAL mode
    #[arg(long)]
    keep_journal_mode: bool,
    /// Apply the manifests
    #[arg(long)]
    apply: bool,
    /// With --apply: ask the API server what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
}

impl Args {
    pub(crate) async fn run(self, common: &Common) -> Result<Answer> {
        let Self { target, database, user, backup_size, schedule, image, schema, keep_journal_mode, apply, dry_run } =
            self;
        let cluster = common.cluster().await?;
        let options = Options { target, database, user, image, schedule, backup_size, schema, keep_journal_mode };
        let plan = plan(&cluster, &options).await?;
        for note in &plan.notes {
            eprintln!("note: {note}");
        }
        if !apply {
            return manifests(&plan);
        }
        changed(&apply::apply(&cluster, &plan, dry_run).await?, dry_run)
    }
}

/// The plan as YAML, as a List, and as names.
fn manifests(plan: &Plan) -> Result<Answer> {
    let objects: Vec<_> = plan.kit.iter().chain([&plan.workload]).collect();
    let mut yaml = Vec::new();
    for object in &objects {
        let text =
            serde_saphyr::to_string(object).map_err(|e| Error::new(Code::Failed, "failed to write YAML").because(e))?;
        yaml.push(text.trim_end().to_owned());
    }
    let title = |kind: &str, name: &str| format!("{}/{name}", kind.to_ascii_lowercase());
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let names = objects.iter().map(|one| title(&text(&one["kind"]), &text(&one["metadata"]["name"]))).collect();
    let how = "# kubectl apply --server-side --field-manager=mini-pra -f - (or --apply)\n";
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": objects });
    Answer::new(&list, format!("{how}{}", yaml.join("\n---\n")), names)
}

/// What became of each object.
pub(crate) fn changed(changes: &[Change], dry_run: bool) -> Result<Answer> {
    let rows = changes.iter().map(|change| {
        let outcome = match change.outcome {
            Outcome::Created => "created",
            Outcome::Changed => "changed",
            Outcome::Unchanged => "unchanged",
            Outcome::Deleted => "deleted",
            Outcome::Kept => "kept",
        };
        let dry = if dry_run { " (dry run)" } else { "" };
        [change.object.clone(), format!("{outcome}{dry}"), change.fields.join(" ")]
    });
    let names = changes.iter().map(|change| change.object.clone()).collect();
    Answer::new(&changes, output::table(["OBJECT", "OUTCOME", "FIELDS"], rows), names)
}
