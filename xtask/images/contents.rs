//! Which files an image holds, and how it is run.

use anyhow::Result;

use crate::application::Application;
use crate::executable;
use crate::pack::Sources;
use crate::tarball::Entry;

/// The user of every container: an unnamed one, and not root.
pub(crate) const USER: u64 = 65532;

/// An image of the project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Image {
    /// The application for containerd-shim-spin.
    Events,
    /// The program that copies and restores.
    BackupJob,
    /// The application with `host`, for clusters without the shim.
    EventsHost,
    /// `backup-job` with the feature `crash-points`, whose steps can end it: for the tests.
    #[value(hide = true)]
    BackupJobCrashPoints,
    /// An S3 server, for the tests.
    #[value(hide = true)]
    Minio,
}

/// How a container of an image is started, where the pod says nothing else.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Start {
    pub(crate) entrypoint: &'static [&'static str],
    pub(crate) arguments: &'static [&'static str],
    pub(crate) environment: &'static [&'static str],
    pub(crate) port: Option<u16>,
}

impl Image {
    /// What is shipped.
    pub(crate) const ALL: [Self; 3] = [Self::Events, Self::BackupJob, Self::EventsHost];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::BackupJob => "backup-job",
            Self::EventsHost => "events-host",
            Self::BackupJobCrashPoints => "backup-job-crash-points",
            Self::Minio => "minio",
        }
    }

    pub(crate) fn description(self) -> &'static str {
        match self {
            Self::Events => "An event application on SQLite, for containerd-shim-spin",
            Self::BackupJob => "Verified backups and restores of a live SQLite database",
            Self::EventsHost => "An event application on SQLite, on Wasmtime in an ordinary container",
            Self::BackupJobCrashPoints => "backup-job for tests: its steps can end it",
            Self::Minio => "An S3 server for tests",
        }
    }

    pub(crate) fn start(self) -> Start {
        match self {
            // The pod's command is `/`, which is no program: so the shim knows that it is meant, and reads /spin.toml.
            Self::Events => Start { port: Some(80), ..Start::default() },
            Self::BackupJob | Self::BackupJobCrashPoints => Start { entrypoint: &["/backup-job"], ..Start::default() },
            Self::Minio => Start { entrypoint: &["/minio"], ..Start::default() },
            Self::EventsHost => Start {
                entrypoint: &["/host"],
                arguments: &["--from", "/spin.toml", "--runtime-config-file", "/runtime-config.toml"],
                // Compiled code is for the very processor it was compiled on, so none is shipped: it is made at the
                // first start of a pod and kept for the next ones of its containers.
                environment: &["SPIN_HTTP_LISTEN_ADDR=0.0.0.0:8080", "HOST_CACHE_DIR=/tmp/host"],
                port: Some(8080),
            },
        }
    }

    /// Everything in the image's file system.
    ///
    /// # Errors
    /// A source that cannot be read or does not belong into an image.
    pub(crate) fn files(self, sources: &Sources) -> Result<Vec<Entry>> {
        let mut files = vec![
            Entry::folder("data", 0o755).of(USER),
            Entry::folder("backup", 0o755).of(USER),
            Entry::folder("tmp", 0o1777),
        ];
        match self {
            Self::BackupJob => files.push(program("backup-job", "backup-job", sources)?),
            Self::BackupJobCrashPoints => files.push(program("backup-job", "backup-job-crash-points", sources)?),
            Self::Minio => files.push(program("minio", "minio", sources)?),
            Self::Events => {
                files.extend(mount_points());
                files.extend(application(sources)?);
            }
            Self::EventsHost => {
                files.extend(mount_points());
                files.extend(application(sources)?);
                files.push(program("host", "host", sources)?);
            }
        }
        Ok(files)
    }
}

/// What Kubernetes and the container runtime mount over. runc makes them where they are missing; the shim does not, and
/// a container with a read-only root file system then dies without a word.
fn mount_points() -> Vec<Entry> {
    let folders = ["dev", "etc", "proc", "sys"].map(|name| Entry::folder(name, 0o755));
    let files = ["etc/hostname", "etc/hosts", "etc/resolv.conf", "runtime-config.toml"];
    let files = files.map(|name| Entry::file(name, 0o644, Vec::new()));
    // Spin's own state.
    let state = Entry::folder(".spin", 0o755).of(USER);
    folders.into_iter().chain(files).chain([state]).collect()
}

fn application(sources: &Sources) -> Result<Vec<Entry>> {
    let Application { manifest, modules } = Application::parse(&sources.read_text("spin.toml")?)?;
    let mut files = vec![Entry::file("spin.toml", 0o644, manifest.into_bytes())];
    for module in modules {
        files.push(Entry::file(&module.name, 0o644, sources.read(&module.source)?));
    }
    Ok(files)
}

/// The program that was built as `built`.
fn program(name: &str, built: &str, sources: &Sources) -> Result<Entry> {
    let bytes = sources.program(built)?;
    executable::must_be_static(built, &bytes)?;
    Ok(Entry::file(name, 0o755, bytes))
}
