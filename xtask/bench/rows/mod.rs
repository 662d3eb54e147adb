//! The rows, by topic.

mod backup;
mod reads;
mod replica;
mod restore;
mod size;
mod soak;
mod start;
mod trio;
mod writes;

use anyhow::{Context, Result, bail};

use crate::flask::Flask;
use crate::machine::Machine;
use crate::memory::Warm;
use crate::options::{Options, Output, Topic};
use crate::project::Project;
use crate::report::{Group, Report};
use crate::table;

/// What every topic needs.
pub(crate) struct Bench<'a> {
    pub(crate) options: &'a Options,
    pub(crate) project: Project,
    pub(crate) flask: Flask,
}

type Measure = fn(&Bench<'_>) -> Result<Vec<Group>>;

const TOPICS: [(Topic, Measure); 13] = [
    (Topic::SingleWrites, writes::single),
    (Topic::BatchWrites, writes::batch),
    (Topic::Reads, reads::measure),
    (Topic::Start, start::measure),
    (Topic::Size, size::measure),
    (Topic::Backup, backup::measure),
    (Topic::Restore, restore::measure),
    (Topic::ReplicaFolder, replica::folder),
    (Topic::ReplicaS3, replica::s3),
    (Topic::ReplicaLag, replica::lag),
    (Topic::ReplicaLoad, replica::load),
    (Topic::ReplicaDay, replica::day),
    (Topic::Soak, soak::measure),
];

/// Measures what was asked for and prints the report, also when a topic failed: the others took their time.
///
/// # Errors
/// Where a topic could not be measured. A figure is never an error.
pub(crate) fn run(options: &Options) -> Result<()> {
    let project = Project::find(options)?;
    let machine = Machine::inspect(project.scratch.path())?;
    let _warm = (!options.quick).then(|| Warm::up(&machine)).transpose()?;
    let flask = Flask::install(&project.cache)?;
    let bench = Bench { options, project, flask };
    let (mut groups, mut failures) = (Vec::new(), Vec::new());
    for (topic, measure) in TOPICS.into_iter().filter(|(topic, _)| options.wants(*topic)) {
        match measure(&bench) {
            Ok(measured) => groups.extend(measured),
            Err(error) => failures.push(format!("{topic:?}: {error:#}")),
        }
    }
    publish(&Report { machine, settings: options.settings(), groups }, options)?;
    if !failures.is_empty() {
        bail!("failed to measure\n{}", failures.join("\n"));
    }
    Ok(())
}

fn publish(report: &Report, options: &Options) -> Result<()> {
    let json = serde_json::to_string_pretty(report)?;
    if let Some(file) = &options.out {
        std::fs::write(file, &json).with_context(|| format!("failed to write '{}'", file.display()))?;
    }
    match options.output {
        Output::Table => print!("{}", table::render(report)),
        Output::Json => println!("{json}"),
    }
    Ok(())
}
