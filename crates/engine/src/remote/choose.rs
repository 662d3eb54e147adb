//! From a requested point to the chain of files that restores it.

use std::borrow::Cow;
use std::io::Read;
use std::path::{Path, PathBuf};

use disk::home;
use disk::identity::{Identity, lies_elsewhere};
use jiff::Timestamp;
use ltx::{HEADER_SIZE, Header};
use pra_core::point::Point;
use pra_core::{Code, EpochId, Error, Result};
use store::encryption;
use store::epoch::{Database, LEASE_KEY};
use store::fetch::Object;
use store::history::File;
use store::instant::InstantSearch;
use store::objects::Store;
use store::plan::{self, Bound, Goal, Plan};

use super::survey::{Step, Survey};
use super::{Access, run};

/// A restore point in a store.
#[derive(Debug, Clone)]
pub struct Choice {
    pub(super) store: Store,
    /// Its epoch.
    pub epoch: EpochId,
    /// Its transaction.
    pub txid: u64,
    /// Its instant.
    pub at: Timestamp,
    pub(super) chain: Vec<Object>,
    pub(super) encrypted: bool,
    /// The database whose history it is.
    database: Database,
    /// Where that database lay on the machine of its last writer.
    original: Option<PathBuf>,
    /// Transactions that were shipped after the point where a later epoch continues; they do not count.
    pub ignored: u64,
    /// What was asked for, and when.
    asked: (Point, Timestamp),
}

impl Choice {
    /// What `--point` takes.
    pub fn name(&self) -> String {
        Point::Transaction(self.epoch, self.txid).to_string()
    }

    /// Which database is at `database` once this was put in place there: the replica's, or a copy, which has another name or
    /// lies beside the original.
    ///
    /// # Errors
    /// [`Code::Usage`] where another database lies there.
    pub(crate) fn identity_at(&self, database: &Path) -> Result<Identity> {
        let id = self.database.id;
        let name = name_of(database);
        match home::recorded_id(database)? {
            None if name != self.database.name => Ok(Identity::Copy),
            None => match &self.original {
                Some(original) if lies_elsewhere(id, original, database)? => Ok(Identity::Copy),
                _ => Ok(Identity::Known(id)),
            },
            Some(recorded) if recorded == id => Ok(Identity::Known(id)),
            Some(id) => Err(Error::new(
                Code::Usage,
                format!("{} is of the database {}, and '{name}' here is another ({id})", self.replica(), self.database),
            )
            .hint("restore it under another name with --database, or name this database's own replica")),
        }
    }

    /// As [`Self::identity_at`], where the backups in `folder` say which database it is, too.
    ///
    /// # Errors
    /// As that, and [`Code::Usage`] where they are another database's.
    pub(crate) fn agree(&self, database: &Path, by_backups: Identity, folder: &Path) -> Result<Identity> {
        by_backups.and(self.identity_at(database)?).ok_or_else(|| {
            Error::new(Code::Usage, format!("{} and '{}' are of two databases", self.replica(), folder.display()))
                .hint("give the replica and the backup folder of one database")
        })
    }

    /// Whether the replica's database has the file name of `database`.
    pub(crate) fn has_name_of(&self, database: &Path) -> bool {
        name_of(database) == self.database.name
    }

    /// Where it is.
    pub fn replica(&self) -> String {
        self.store.url().to_string()
    }

    /// What was asked for, as the store is now: retention may have removed what was planned with.
    pub(super) fn again(&self, access: &Access) -> Result<Self> {
        let (point, now) = &self.asked;
        let surveys = access.only(self.store.url()).surveys(false)?;
        let survey = surveys.first().ok_or_else(|| Error::new(Code::Failed, "no store was asked"))?;
        choose(access, survey, point, *now)?.ok_or_else(|| refused(survey, plan::Error::Empty))
    }

    /// Whether its files are encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    /// Bytes to fetch.
    pub fn bytes(&self) -> u64 {
        self.chain.iter().map(|object| object.size).sum()
    }
}

fn name_of(database: &Path) -> Cow<'_, str> {
    database.file_name().map(|name| name.to_string_lossy()).unwrap_or_default()
}

/// The choice for `point` in this store; `None` if the store is empty, or `point` cannot name a replica's state.
///
/// # Errors
/// [`Code::NotFound`] where it has something, but not that; where a flag would accept what is missing, the
/// message names it.
pub(crate) fn choose(access: &Access, survey: &Survey, point: &Point, now: Timestamp) -> Result<Option<Choice>> {
    let asked = (point.clone(), now);
    let chosen = run(|| async {
        let goal = match point {
            Point::File(_) => return Ok(None),
            Point::Latest => None,
            Point::Transaction(epoch, txid) => {
                let Some(step) = survey.steps.iter().find(|step| step.epoch == *epoch) else { return Ok(None) };
                return choice(access, survey, step, Goal::Txid(*txid)).await.map(Some);
            }
            Point::Instant(instant) => Some(instant.as_millisecond()),
            Point::Age(age) => {
                Some(now.as_millisecond().saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX)))
            }
        };
        let Some(instant_ms) = goal else {
            let Some(step) = survey.newest() else { return Ok(None) };
            let choice = choice(access, survey, step, Goal::Latest).await?;
            plan::check_newest(choice.at.as_millisecond(), now.as_millisecond())
                .map_err(|e| unclear(survey, e, step.epoch, &[choice.txid]))?;
            return Ok(Some(choice));
        };
        plan::check_instant(instant_ms, now.as_millisecond()).map_err(|e| refused(survey, e))?;
        let mut bound = Bound::now(now.as_millisecond());
        for step in &survey.steps {
            let search = search(access, survey, step, instant_ms).await?;
            let found = bound.judge(&search).map_err(|error| {
                let states: Vec<u64> = search.found().iter().chain(&search.next()).map(|state| state.txid).collect();
                unclear(survey, error, step.epoch, &states)
            })?;
            if found.is_some() {
                return choice(access, survey, step, Goal::Instant { instant_ms, found }).await.map(Some);
            }
        }
        match survey.is_empty() {
            true => Ok(None),
            false => Err(refused(survey, plan::Error::BeforeFirst { instant_ms })),
        }
    })?;
    Ok(chosen.map(|choice| Choice { asked, ..choice }))
}

/// Whether what the stores have leads to their newest state without a hole, as far as can be told without opening a
/// file. Returns the number of files of that, and their bytes.
///
/// # Errors
/// As [`choose`].
pub(crate) fn check_unopened(access: &Access) -> Result<(usize, u64)> {
    let mut total = (0, 0);
    for survey in access.surveys(false)? {
        let Some(step) = survey.newest() else { return Err(refused(&survey, plan::Error::Empty)) };
        let plan =
            plan::plan(&step.history, Goal::Latest, step.head, access.accept).map_err(|e| refused(&survey, e))?;
        require_lease(access, &survey, step, Goal::Latest, plan.txid)?;
        for file in plan.files {
            if file.size == 0 {
                return Err(Error::new(
                    Code::Damaged,
                    format!("transactions {} to {} in {} are an empty file", file.min, file.max, survey.store.url()),
                ));
            }
            total = (total.0 + 1, total.1 + file.size);
        }
    }
    Ok(total)
}

async fn choice(access: &Access, survey: &Survey, step: &Step, goal: Goal) -> Result<Choice> {
    let Plan { txid, files } =
        plan::plan(&step.history, goal, step.head, access.accept).map_err(|e| refused(survey, e))?;
    require_lease(access, survey, step, goal, txid)?;
    let mut chain = Vec::with_capacity(files.len());
    let mut encrypted = false;
    for file in &files {
        let key = step.key(file)?;
        require_encrypt(access, survey, key.encrypted)?;
        encrypted = key.encrypted;
        chain.push(Object {
            key: key.key(survey.store.url().scheme(), &step.epoch),
            size: file.size,
            transactions: (file.min, file.max),
        });
    }
    let Some(last) = files.last() else { return Err(refused(survey, plan::Error::Empty)) };
    let at_ms = timestamp(access, survey, step, last).await?;
    let at = Timestamp::from_millisecond(at_ms)
        .map_err(|e| Error::new(Code::Damaged, "a file's time is out of range").because(e))?;
    Ok(Choice {
        store: survey.store.clone(),
        epoch: step.epoch,
        txid,
        at,
        chain,
        encrypted,
        database: step.database.clone(),
        original: survey.original.clone().filter(|(id, _)| *id == step.database.id).map(|(_, path)| path),
        ignored: step.ignored,
        asked: (Point::Latest, at),
    })
}

/// The newest state that is not after the instant, by the times inside the files.
async fn search(access: &Access, survey: &Survey, step: &Step, instant_ms: i64) -> Result<InstantSearch> {
    let mut search = InstantSearch::new(&step.history, instant_ms);
    while let Some(file) = search.asks() {
        search.tell(timestamp(access, survey, step, &file).await?);
    }
    Ok(search)
}

/// The time in a file's header.
pub(super) async fn timestamp(access: &Access, survey: &Survey, step: &Step, file: &File) -> Result<i64> {
    let key = step.key(file)?;
    require_encrypt(access, survey, key.encrypted)?;
    let name = key.key(survey.store.url().scheme(), &step.epoch);
    let download = survey.store.get(&name).await?;
    let reader = download.into_read();
    let identities = if key.encrypted { access.keys.identities()? } else { None };
    let header = tokio::task::spawn_blocking(move || -> pra_core::Result<[u8; HEADER_SIZE]> {
        let mut header = [0; HEADER_SIZE];
        let read = match &identities {
            Some(identities) => encryption::open(identities, reader)?.read_exact(&mut header),
            None => { reader }.read_exact(&mut header),
        };
        read.map_err(|e| {
            pra_core::Error::new(pra_core::Code::Damaged, "the file is shorter than its header").because(e)
        })?;
        Ok(header)
    });
    let header = header.await.map_err(|e| Error::new(Code::Failed, "a reading thread panicked").because(e))??;
    let header = Header::decode(&header)
        .map_err(|e| Error::new(Code::Damaged, format!("'{name}' in {} is damaged", survey.store.url())).because(e))?;
    Ok(header.timestamp_ms)
}

/// Fails where `txid` is the newest state that is there, and nothing says whether it is the newest that was shipped: what
/// removed the lease may have removed files too.
fn require_lease(access: &Access, survey: &Survey, step: &Step, goal: Goal, txid: u64) -> Result<()> {
    let is_newest = survey.newest().is_some_and(|newest| newest.epoch == step.epoch)
        && step.history.states().next_back() == Some(txid);
    if survey.original.is_some() || access.accept.missing_tail || matches!(goal, Goal::Txid(_)) || !is_newest {
        return Ok(());
    }
    let state = Point::Transaction(step.epoch, txid);
    Err(Error::new(
        Code::Damaged,
        format!("'{LEASE_KEY}' is missing in {}, and newer files may be missing too", survey.store.url()),
    )
    .hint(format!("--accept-missing-tail restores the newest state that is there, {state}")))
}

fn require_encrypt(access: &Access, survey: &Survey, encrypted: bool) -> Result<()> {
    let url = survey.store.url();
    let (met_encrypted, met_plain) =
        (format!("the files in {url} are encrypted"), format!("a file in {url} is not encrypted"));
    access.keys.require(encrypted, met_encrypted, met_plain)
}

/// A clock was wrong: only a person can know which of these states is meant.
fn unclear(survey: &Survey, error: plan::Error, epoch: EpochId, states: &[u64]) -> Error {
    let states: Vec<String> = states.iter().map(|txid| Point::Transaction(epoch, *txid).to_string()).collect();
    Error::new(Code::Damaged, format!("{} cannot give that: {error}", survey.store.url()))
        .hint(format!("set the clock right if it is wrong here; else name the state: --point {}", states.join(", or ")))
}

fn refused(survey: &Survey, error: plan::Error) -> Error {
    let code = match error {
        plan::Error::Gap { .. } | plan::Error::MissingTail { .. } => Code::Damaged,
        _ => Code::NotFound,
    };
    let state = match error {
        plan::Error::Gap { before, .. } => before,
        plan::Error::MissingTail { newest, .. } => newest,
        plan::Error::NotKept { before, .. } => Some(before),
        plan::Error::Beyond { newest, .. } => Some(newest),
        _ => None,
    };
    let shows = "`backup-job list` shows what can be restored";
    let hint = match state.and_then(|txid| Some((txid, stored(survey, txid)?))) {
        Some((txid, at)) => format!("{shows}; {txid:016x} was shipped at {at:.0}"),
        None => shows.to_owned(),
    };
    Error::new(code, format!("{} cannot give that: {error}", survey.store.url())).hint(hint)
}

/// When the store got the state `txid`, of the newest epoch that has it.
fn stored(survey: &Survey, txid: u64) -> Option<Timestamp> {
    let file = survey.steps.iter().find_map(|step| step.history.smallest(txid))?;
    Timestamp::from_millisecond(file.stored_ms).ok()
}
