//! Flags that several verbs share, each with its environment variable.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use clap::builder::{PathBufValueParser, TypedValueParser};
use engine::encrypted::Keys;
use engine::remote::Access;
use pra_core::retention::Keep;
use pra_core::{Code, EpochId, Error};
pub(super) use program::output::Format;
use store::encryption::Recipients;
use store::objects::{Environment, StoreOptions};
use store::plan::Accept;
use store::url::ReplicaUrl;

/// Where the live database is.
#[derive(Debug, Args)]
pub(super) struct Database {
    /// The live database
    #[arg(long, value_name = "FILE", env = "PRA_DATABASE", default_value = "/data/app.db", value_parser = database())]
    pub(super) database: PathBuf,
}

/// Where the backups are.
#[derive(Debug, Args)]
pub(super) struct Backups {
    /// The folder of the backups and of their catalog
    #[arg(long, value_name = "DIR", env = "PRA_BACKUPS", default_value = "/backup")]
    pub(super) backups: PathBuf,
}

/// Whose the backups are.
#[derive(Debug, Args)]
pub(super) struct Adopt {
    /// The backups in the folder, and files that the catalog does not know, belong to this database, which was moved or
    /// renamed; without this flag another database's backups are refused, and unknown files are left as they are
    #[arg(long, env = "PRA_ADOPT_BACKUPS")]
    pub(super) adopt_backups: bool,
}

/// Where the replicas are.
#[derive(Debug, Args)]
pub(super) struct Replicas {
    /// An object store: s3://bucket/prefix, gs://…, az://… or file:///folder; may be given several times. Its keys come
    /// from the provider's own variables (AWS_ACCESS_KEY_ID, …), or from files (AWS_SECRET_ACCESS_KEY_FILE, …)
    // Parsed by ourselves: clap repeats what it cannot parse, and it may be a key.
    #[arg(long = "replica", value_name = "URL", env = "PRA_REPLICA", value_delimiter = ',', hide_env_values = true)]
    replicas: Vec<String>,
    /// The store cannot create an object only if it is absent, and no other process writes there: two writers would
    /// overwrite each other's objects without an error
    #[arg(long, env = "PRA_I_AM_THE_ONLY_WRITER")]
    i_am_the_only_writer: bool,
}

impl Replicas {
    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.replicas.is_empty()
    }

    /// Where they are.
    ///
    /// # Errors
    /// Where one is no URL of a store; it shows of it what holds no secret.
    pub(super) fn urls(&self) -> pra_core::Result<Vec<ReplicaUrl>> {
        let parse = |url: &String| {
            url.trim().parse().map_err(|error: pra_core::Error| {
                let named = match store::url::safe_part(url) {
                    Some(part) => format!("{part} (--replica or PRA_REPLICA)"),
                    None => "what --replica or PRA_REPLICA gives".to_owned(),
                };
                let named = Error::new(Code::Usage, format!("{named} is no URL of a replica: {}", error.chain()));
                error.hint_text().map(ToOwned::to_owned).into_iter().fold(named, Error::hint)
            })
        };
        let urls: Vec<ReplicaUrl> = self.replicas.iter().map(parse).collect::<pra_core::Result<_>>()?;
        let twice = urls.iter().enumerate().find(|(at, url)| urls[..*at].contains(url));
        match twice {
            Some((_, url)) => Err(Error::new(Code::Usage, format!("{url} is given twice (--replica or PRA_REPLICA)"))
                .hint("one replicator feeds each replica once: give the URL once")),
            None => Ok(urls),
        }
    }

    /// How the stores are used.
    pub(super) fn store(&self) -> pra_core::Result<StoreOptions> {
        Ok(StoreOptions {
            environment: Environment::of_process()?,
            only_writer: self.i_am_the_only_writer,
            #[cfg(feature = "crash-points")]
            before: Some(std::sync::Arc::new(disk::files::before_store)),
            ..StoreOptions::default()
        })
    }
}

/// The identity that decrypts files.
#[derive(Debug, Args)]
pub(super) struct Identity {
    /// The identity that decrypts: the file that `backup-job keygen` or age-keygen made, or a folder with only that
    /// file; an empty folder counts as no identity. It is read only if a file is encrypted
    #[arg(long, value_name = "FILE", env = "PRA_IDENTITY", hide_env_values = true)]
    pub(super) identity: Option<PathBuf>,
}

/// Whom files are encrypted for.
#[derive(Debug, Args)]
pub(super) struct Encrypting {
    /// A recipient that the files in the backup folder are encrypted to, as `backup-job keygen` prints it; may be given
    /// several times
    #[arg(long = "recipient", value_name = "AGE1…", env = "PRA_RECIPIENTS", value_delimiter = ',')]
    recipients: Vec<String>,
}

impl Encrypting {
    /// The recipients, where files are encrypted.
    ///
    /// # Errors
    /// Where one is none, or what was given names none.
    pub(super) fn recipients(&self) -> pra_core::Result<Option<Recipients>> {
        recipients(&self.recipients)
    }
}

/// What `--recipient` was given.
///
/// # Errors
/// As [`Encrypting::recipients`].
pub(super) fn recipients(texts: &[String]) -> pra_core::Result<Option<Recipients>> {
    match texts {
        [] => Ok(None),
        texts => Ok(Some(Recipients::parse(texts.iter().map(String::as_str))?)),
    }
}

/// How replicas are read.
#[derive(Debug, Args)]
#[command(next_help_heading = "Replicas")]
pub(super) struct ReadReplicas {
    #[command(flatten)]
    replicas: Replicas,
    #[command(flatten)]
    identity: Identity,
    /// Use this epoch of the replicas instead of the newest
    #[arg(long, value_name = "EPOCH", env = "PRA_EPOCH")]
    epoch: Option<EpochId>,
    /// Go on without a replica that is out of reach; data that only it has is left out
    #[arg(long, env = "PRA_ACCEPT_UNREACHABLE")]
    pub(super) accept_unreachable: bool,
    /// If transactions are missing in the middle, use the last state before them
    #[arg(long, env = "PRA_ACCEPT_GAP")]
    accept_gap: bool,
    /// If the newest transactions are missing, use the newest state that exists
    #[arg(long, env = "PRA_ACCEPT_MISSING_TAIL")]
    accept_missing_tail: bool,
    /// Accept unencrypted backups and replica files although an identity is given
    #[arg(long, env = "PRA_ACCEPT_PLAINTEXT")]
    accept_plaintext: bool,
}

impl ReadReplicas {
    /// What opens encrypted files, backups as well as replicas.
    ///
    /// # Errors
    /// Where the folder of the identity cannot be listed, or holds several files.
    pub(super) fn keys(&self) -> pra_core::Result<Keys> {
        let identity = match &self.identity.identity {
            Some(path) if path.is_dir() => in_folder(path)?,
            path => path.clone(),
        };
        Ok(Keys::new(identity, self.accept_plaintext))
    }

    /// How the replicas are called in a log, by their schemes and places alone.
    ///
    /// # Errors
    /// Where one is no URL of a store.
    pub(super) fn names(&self) -> pra_core::Result<String> {
        let urls = self.replicas.urls()?;
        Ok(if urls.is_empty() {
            "none".to_owned()
        } else {
            urls.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        })
    }

    /// The replicas, where there are any; they share `keys`, so that the identity is read once.
    ///
    /// # Errors
    /// Where a URL is none, or the environment is not right.
    pub(super) fn access(&self, keys: &Keys, backups: &Path) -> pra_core::Result<Option<Access>> {
        if self.replicas.is_empty() {
            return Ok(None);
        }
        Ok(Some(Access {
            replicas: self.replicas.urls()?,
            store: self.replicas.store()?,
            keys: keys.clone(),
            accept: Accept { gap: self.accept_gap, missing_tail: self.accept_missing_tail },
            epoch: self.epoch,
            backups: Some(backups.to_owned()),
        }))
    }
}

/// The one file of a folder, as a Secret is mounted: names with a dot are the kubelet's own.
fn in_folder(folder: &Path) -> pra_core::Result<Option<PathBuf>> {
    let list = || std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>();
    let mut files = list().map_err(|e| Error::io("list", folder, e))?;
    files.retain(|path| !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.')));
    match files.len() {
        0 | 1 => Ok(files.pop()),
        several => Err(Error::new(Code::Usage, format!("'{}' holds {several} files", folder.display()))
            .hint("one file may hold several identities, a line each")),
    }
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
    /// The format of stdout
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

/// A database, resolved once: what is made beside it is named after the file and not after a link to it. One that is
/// mounted by itself has nothing beside it.
fn database() -> impl TypedValueParser<Value = PathBuf> {
    let resolved = |path: PathBuf| {
        let path = disk::home::resolve(&path)?;
        disk::mount::require_none(&path).and_then(|()| disk::home::require_one_name(&path)).map(|()| path)
    };
    let words = |error: pra_core::Error| match error.hint_text() {
        Some(hint) => format!("{}: {hint}", error.chain()),
        None => error.chain(),
    };
    PathBufValueParser::new().try_map(move |path| resolved(path).map_err(words))
}

/// A length of time such as `15m`.
pub(super) fn length(text: &str) -> Result<Duration, String> {
    pra_core::age::parse(text).map_err(|e| format!("{e}: {}", e.hint()))
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
    pub(super) fn keep(&self) -> pra_core::Result<Keep> {
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
            return Err(Error::new(Code::Usage, "the retention rules given keep nothing")
                .hint("give one that keeps something, such as --keep-last 10, or none for the default rules"));
        }
        Ok(keep)
    }
}
