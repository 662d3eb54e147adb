//! The first sync to a folder and a restore from it, beside Litestream.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::Bench;
use crate::measure::{Contender, Sample, Side, take_turns};
use crate::ours::Files;
use crate::process::{Ended, run};
use crate::report::{Group, Metric};
use crate::{copies, seed};

const MB: u64 = 1_000_000;

const SYNC: [Metric; 3] =
    [Metric::lower("seconds", "s"), Metric::lower("peak_rss_mib", "MiB"), Metric::lower("stored_mb", "MB")];

const RESTORE: [Metric; 2] = [Metric::lower("seconds", "s"), Metric::lower("peak_rss_mib", "MiB")];

pub(crate) fn measure(bench: &Bench<'_>) -> Result<Vec<Group>> {
    let sizes: &[(u64, &str)] =
        if bench.options.quick { &[(20 * MB, "20 MB")] } else { &[(100 * MB, "100 MB"), (1000 * MB, "1 GB")] };
    let mut groups = Vec::new();
    for (bytes, name) in sizes {
        groups.extend(one_size(bench, *bytes, name)?);
    }
    Ok(groups)
}

/// A database, and where its two replicas and its restores go.
struct Scene {
    folder: PathBuf,
    files: Files,
    litestream: Option<PathBuf>,
}

fn one_size(bench: &Bench<'_>, bytes: u64, name: &str) -> Result<[Group; 2]> {
    let folder = bench.project.scratch.folder("replica")?;
    let files = Files::below(&folder)?;
    let litestream = std::env::var_os("PRA_LITESTREAM").map(PathBuf::from);
    let scene = Scene { folder, files, litestream };
    eprintln!("replica of {name}: making the database");
    seed::application_of_size(&bench.project.schema, &scene.files.database, bytes)?;
    let sync = scene.compare(
        bench,
        &format!("first sync of {name} to a folder"),
        &SYNC,
        [&|| scene.sync(bench), &|| scene.litestream_sync(), &|| {
            copies::cp(&scene.files.database, &scene.folder.join("copy.db"))
        }],
    )?;
    // What is restored from; the last turn may have been the other one's.
    scene.sync(bench)?;
    if scene.litestream.is_some() {
        scene.litestream_sync()?;
    }
    let restore = scene.compare(
        bench,
        &format!("restore of {name} from a folder"),
        &RESTORE,
        [&|| scene.restore(bench), &|| scene.litestream_restore(), &|| {
            copies::cp(&scene.files.database, &scene.folder.join("copy.db"))
        }],
    )?;
    Ok([sync, restore])
}

impl Scene {
    fn compare(
        &self,
        bench: &Bench<'_>,
        title: &str,
        metrics: &[Metric],
        [ours, peer, limit]: [&dyn Fn() -> Result<Sample>; 3],
    ) -> Result<Group> {
        let mut contenders = vec![(Side::Ours, Contender::new(Side::Ours, "backup-job", ours))];
        if self.litestream.is_some() {
            contenders.push((Side::Peer, Contender::new(Side::Peer, "litestream 0.5.17", peer)));
        }
        contenders.push((Side::Limit, Contender::new(Side::Limit, copies::CP, limit)));
        let contenders = contenders.into_iter().filter(|(side, _)| bench.options.runs(*side)).map(|(_, c)| c).collect();
        Ok(Group::new(title, take_turns(title, contenders, bench.options.turns())?, metrics))
    }

    fn replica(&self, whose: &str) -> PathBuf {
        self.folder.join(whose)
    }

    fn sync(&self, bench: &Bench<'_>) -> Result<Sample> {
        remove(&self.replica("ours"))?;
        remove(&self.files.database.with_file_name(".pra.replica"))?;
        copies::warm_memory(&self.files.database)?;
        let url = format!("file://{}", self.replica("ours").display());
        let ended = run(self.files.backup_job(&bench.project, "replicate").args(["--once", "--replica", &url]))?;
        synced(&ended, &self.replica("ours"))
    }

    fn litestream_sync(&self) -> Result<Sample> {
        remove(&self.replica("litestream"))?;
        remove(&self.files.database.with_file_name(".app.db-litestream"))?;
        copies::warm_memory(&self.files.database)?;
        let url = format!("file://{}", self.replica("litestream").display());
        let mut command = self.litestream()?;
        let ended = run(command.args(["replicate", "-once"]).arg(&self.files.database).arg(&url))?;
        synced(&ended, &self.replica("litestream"))
    }

    fn restore(&self, bench: &Bench<'_>) -> Result<Sample> {
        let target = Files::below(&self.folder.join("restored"))?;
        remove(&self.folder.join("restored/data"))?;
        std::fs::create_dir_all(self.folder.join("restored/data"))?;
        copies::warm_memory(&self.files.database)?;
        let url = format!("file://{}", self.replica("ours").display());
        let mut command = target.backup_job(&bench.project, "restore");
        Ok(restored(&run(command.args(["--yes", "--mode", "replace", "--replica", &url]))?))
    }

    fn litestream_restore(&self) -> Result<Sample> {
        let target = self.folder.join("litestream-restored.db");
        remove(&target)?;
        copies::warm_memory(&self.files.database)?;
        let url = format!("file://{}", self.replica("litestream").display());
        let mut command = self.litestream()?;
        Ok(restored(&run(command.args(["restore", "-o"]).arg(&target).arg(&url))?))
    }

    fn litestream(&self) -> Result<Command> {
        Ok(Command::new(self.litestream.as_ref().context("there is no litestream")?))
    }
}

fn synced(ended: &Ended, replica: &Path) -> Result<Sample> {
    let mut sample = restored(ended);
    sample.insert("stored_mb", bytes_below(replica)? as f64 / 1e6);
    Ok(sample)
}

fn restored(ended: &Ended) -> Sample {
    Sample::from([("seconds", ended.elapsed.as_secs_f64()), ("peak_rss_mib", ended.peak_rss_mib)])
}

fn bytes_below(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder).with_context(|| format!("failed to list '{}'", folder.display()))? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { bytes_below(&entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}

fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("failed to remove '{}'", path.display()))
        }
        _ => Ok(()),
    }
}
