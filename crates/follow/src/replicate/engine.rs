//! Makes the files: follows the database, compares, writes what differs, and keeps the map.
//!
//! ```text
//! advance ─ compare with the map ─ write N.part, sync ─ record in the map's log, sync ─ N ─ outbox
//!                                        └─ the first one's parts: outbox, to become an object when N is there
//! ```
//! An error before the record leaves all as it was, and the pages differ still. One after it closes the epoch's files;
//! opening them again reads what the disk says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use disk::lock::Lock;
use disk::trouble::{self, Trouble};
use jiff::Timestamp;
use pra_core::latest::Latest;
use pra_core::{Code, Error, Result};
use store::encryption::Recipients;

use super::check::Check;
use super::compare;
use super::epoch::Epoch;
use super::follower::{Candidates, Follower, Snapshot};
use super::levels::{self, Last, Level, SNAPSHOT};
use super::main_file::MainFile;
use super::making::{First, first, make, next};
use super::map::{Counters, PageMap};
use super::outbox::{Asked, Outbox};
use super::sent::{Ledger, Mark};
use super::staging::{self, Name, Staged};
use super::tables::{has_tables, nothing_in, require_successor};
use crate::checkpointer::Companion;

/// Longest wait for the stores' first answers before a transaction is made.
const PATIENCE: Duration = Duration::from_secs(5);

/// Time between two looks at whether they have answered.
const ASK_AGAIN: Duration = Duration::from_millis(20);

/// In rollback-journal mode a comparison reads all pages and locks writers out meanwhile: one part in so many of the
/// time.
const SHARE: u32 = 10;

/// What the engine is to do.
#[derive(Debug, Clone)]
pub(super) struct Options {
    pub(super) database: PathBuf,
    /// Time between two syncs.
    pub(super) sync_interval: Duration,
    /// Encrypted for them where there are any.
    pub(super) recipients: Option<Arc<Recipients>>,
    /// Compacted files and snapshots.
    pub(super) levels: Vec<Level>,
    /// Begins a new epoch where a store refuses this one, once.
    pub(super) takeover: bool,
    /// Begins a new epoch whatever was written before, once.
    pub(super) new_epoch: bool,
    /// The lock that lets no other replicator work.
    pub(super) alone: Option<Arc<Lock>>,
    /// What each store was sent.
    pub(super) ledgers: Vec<Ledger>,
    /// The first error ends it.
    pub(super) once: bool,
}

/// What the engine has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Syncs that found something to ship.
    pub syncs: u64,
    /// Times that all pages were compared: the log could not say which had changed.
    pub full_comparisons: u64,
    /// Syncs that failed.
    pub errors: u64,
    /// Time spent on all of them.
    pub busy: Duration,
    /// When the database was last seen to be what was shipped, in ms since 1970.
    pub looked_ms: u64,
}

/// The checkpointer's companion.
pub(super) struct Engine {
    options: Options,
    outbox: Arc<Outbox>,
    epoch: Option<Epoch>,
    follower: Option<Follower>,
    main_file: MainFile,
    /// The change counter when all was last compared, in rollback-journal mode.
    compared: Option<Counters>,
    /// Since when the stores are asked whether they go on with this database.
    asking: Option<Instant>,
    next_sync: Instant,
    compacting: Option<JoinHandle<Result<(Staged, Last)>>>,
    check: Check,
    trouble: Trouble,
    /// Whether the last sync brought everything into the staging folder.
    is_current: bool,
    gauges: Arc<Latest<Stats>>,
    stats: Stats,
}

impl Engine {
    pub(super) fn new(options: Options, outbox: Arc<Outbox>, gauges: Arc<Latest<Stats>>) -> Self {
        Self {
            main_file: MainFile::new(options.database.clone()),
            options,
            outbox,
            epoch: None,
            follower: None,
            compared: None,
            asking: None,
            next_sync: Instant::now(),
            compacting: None,
            check: Check::default(),
            trouble: Trouble::default(),
            is_current: false,
            gauges,
            stats: Stats::default(),
        }
    }

    /// One sync, and whatever else is due. `false` where there is nothing to follow yet.
    pub(super) fn sync(&mut self) -> Result<bool> {
        self.sync_at(false)
    }

    /// The same; at the `end` nothing is put off.
    fn sync_at(&mut self, end: bool) -> Result<bool> {
        self.is_current = false;
        self.main_file.look();
        if self.epoch.is_none() {
            self.epoch = Some(Epoch::open(&self.options, &self.outbox)?);
            self.options.new_epoch = false;
        }
        if let (Some(epoch), true) = (&mut self.epoch, self.options.takeover && self.outbox.wants_takeover()) {
            epoch.take_over(&self.options, &self.outbox)?;
            self.compared = None;
        }
        // Once.
        self.options.takeover &= !self.outbox.is_decided();
        let follower = self.follower.get_or_insert_with(|| Follower::new(&self.options.database));
        if !follower.advance()? {
            return Ok(false);
        }
        let Some(snapshot) = follower.current() else { return Ok(false) };
        let at_ms = milliseconds(snapshot.at);
        if !snapshot.shape.wal && self.compared == Some(snapshot.counters) && !self.main_file.is_suspect() {
            follower.let_go_in_rollback_mode()?;
            self.looked(at_ms);
            return Ok(true);
        }
        let has_begun = self.epoch.as_ref().is_some_and(|epoch| epoch.map.txid() > 0);
        if !has_begun && !has_tables(snapshot, &self.options.database)? {
            // It would pass for the successor of whatever a store holds.
            tracing::debug!("a database without tables is not shipped");
            return if self.options.once { Err(nothing_in(&self.options.database)) } else { Ok(false) };
        }
        if !has_begun && let Some(epoch) = &mut self.epoch {
            // With this the stores can be asked.
            epoch.require_page_size(snapshot.shape.page_size, &self.options, &self.outbox)?;
        }
        if !may_make(&self.outbox, &mut self.asking, &self.options.database)? {
            follower.let_go_in_rollback_mode()?;
            return Ok(false);
        }
        let counters = snapshot.counters;
        let since = Instant::now();
        // In rollback-journal mode all pages are compared in any case.
        let is_wal = self.follower.as_ref().and_then(Follower::current).is_some_and(|snapshot| snapshot.shape.wal);
        let is_compared = self.main_file.is_due(end || !is_wal);
        let reason = if is_compared { self.written_beside()? } else { None };
        self.ship(reason)?;
        if is_compared {
            // Not before: what could not be shipped is looked for again.
            self.main_file.compared(since.elapsed());
        }
        self.compared = Some(counters);
        self.looked(at_ms);
        self.compact()?;
        self.catch_up()?;
        if self.follower.as_ref().and_then(Follower::current).is_some_and(|snapshot| snapshot.shape.wal) {
            self.check.advance(&self.options.database, &self.outbox);
        }
        if let Some(follower) = &mut self.follower {
            follower.let_go_in_rollback_mode()?;
        }
        Ok(true)
    }

    /// Whether all that was committed is staged.
    pub(super) fn is_current(&self) -> bool {
        self.is_current
    }

    /// Whether something that was committed could not be staged.
    pub(super) fn is_in_trouble(&self) -> bool {
        !self.is_current && self.stats.errors > 0
    }

    /// The database as it was at that instant is what was shipped.
    fn looked(&mut self, at_ms: u64) {
        self.is_current = true;
        self.stats.looked_ms = at_ms;
        self.outbox.looked(at_ms);
    }

    /// Compares all pages with the map, since another process changed the file: why this is another history, if a page
    /// differs that no transaction has changed.
    fn written_beside(&mut self) -> Result<Option<&'static str>> {
        let (Some(epoch), Some(follower)) = (&self.epoch, &mut self.follower) else { return Ok(None) };
        let is_wal = follower.current().is_some_and(|snapshot| snapshot.shape.wal);
        let mut is_strange = false;
        // In rollback-journal mode all pages are compared and shipped in any case; the counter that stayed where it was would
        // have them read from what the connection remembers.
        let there_are_pages = follower.advance_afresh()?;
        if is_wal && epoch.map.txid() > 0 && there_are_pages {
            let Some(snapshot) = follower.current() else { return Ok(None) };
            // The journal mode cannot change while a reader is held.
            is_strange = !snapshot.shape.wal || compare::has_unexplained(snapshot, follower.candidates(), &epoch.map)?;
            self.stats.full_comparisons += 1;
        }
        if !is_strange {
            return Ok(None);
        }
        tracing::error!(
            database = %self.options.database.display(),
            "the file was written beside SQLite, and its log may be of what stood there before: see that the application \
             reads what it should, or restore"
        );
        self.check.require();
        Ok(Some("the file was written beside SQLite: by cp, rsync, or a snapshot that was set back"))
    }

    /// Compares the current snapshot with the map, and makes a file of what differs.
    /// It begins another epoch where there is a `reason` to.
    fn ship(&mut self, reason: Option<&'static str>) -> Result<()> {
        let (Some(epoch), Some(follower)) = (&mut self.epoch, &mut self.follower) else { return Ok(()) };
        let Some(snapshot) = follower.current() else { return Ok(()) };
        if let Candidates::All(reason) = follower.candidates() {
            tracing::info!(reason, pages = snapshot.shape.pages, "all pages are compared");
            self.stats.full_comparisons += 1;
        }
        if epoch.map.txid() > 0 && !follower.candidates().is_empty() {
            require_successor(snapshot, &self.options.database)?;
        }
        if let Some(reason) = reason.or_else(|| break_in(&epoch.map, snapshot)) {
            tracing::error!(database = %self.options.database.display(), reason, "this is another history");
            epoch.begin_child(&self.options, &self.outbox, reason)?;
            epoch.require_page_size(snapshot.shape.page_size, &self.options, &self.outbox)?;
        }
        let at_ms = epoch.map.timestamp_ms().max(milliseconds(snapshot.at));
        let (committed, early) = if epoch.map.txid() == 0 {
            let First { name, map, early } = first(epoch, snapshot, at_ms, &self.options, &self.outbox)?;
            self.check.require();
            (Some(epoch.commit_first(name, map)), early)
        } else {
            let made = next(epoch, snapshot, follower.candidates(), at_ms, &self.options)?;
            (made.map(|(name, delta)| epoch.commit(name, &delta)), None)
        };
        match committed {
            Some(Ok(staged)) => {
                let (txid, bytes) = (staged.name.max, staged.bytes);
                tracing::debug!(txid, bytes, "a transaction is staged");
                self.stats.syncs += 1;
                if early.is_some() {
                    // Noted before it becomes an object: who is killed in between knows it for its own.
                    let (mark, id) = (Mark::of(&staged)?, epoch.state.epoch);
                    self.options.ledgers.iter().try_for_each(|ledger| ledger.about_to_send(id, 0, mark.clone()))?;
                }
                staging::remove(&self.outbox.add(staged, None));
                if let Some(early) = early {
                    early.end();
                }
            }
            Some(Err(error)) => {
                // Whether its record is on the disk is not known here.
                self.epoch = None;
                return Err(error);
            }
            None => {}
        }
        follower.shipped();
        Ok(())
    }

    /// Makes the compacted files and the snapshot that are due, one at a time, on a thread of their own.
    fn compact(&mut self) -> Result<()> {
        if let Some(thread) = self.compacting.take_if(|thread| thread.is_finished()) {
            let (staged, last) =
                thread.join().map_err(|_panic| Error::new(Code::Failed, "the compacting thread panicked"))??;
            let Some(epoch) = &mut self.epoch else { return Ok(()) };
            if staged.name.level == SNAPSHOT {
                self.check.require();
            }
            // An epoch that began meanwhile has no use for it.
            if staged.path.parent() == Some(epoch.folder()) {
                epoch.made(last)?;
                staging::remove(&self.outbox.add(staged, None));
            }
        }
        let (Some(epoch), Some(follower), None) = (&self.epoch, &mut self.follower, &self.compacting) else {
            return Ok(());
        };
        let now_ms = milliseconds(disk::clock::now());
        let txid = epoch.map.txid();
        let due = self
            .options
            .levels
            .iter()
            .find_map(|level| Some((level.number, levels::due(*level, epoch.last(level.number), txid, now_ms)?)));
        let Some((level, min)) = due else { return Ok(()) };
        let Some(snapshot) = follower.lend()? else { return Ok(()) };
        let name = Name { level, min, max: txid, encrypted: self.options.recipients.is_some() };
        let span = epoch.span(min);
        let pages = (level != SNAPSHOT).then(|| epoch.map.since(min));
        let (staging, recipients) = (epoch.staging.clone(), self.options.recipients.clone());
        self.compacting = Some(std::thread::spawn(move || {
            let staged = make(&staging, name, span, &snapshot, pages, recipients.as_deref())?;
            Ok((staged, Last { level, txid, at_ms: now_ms }))
        }));
        Ok(())
    }

    /// Makes what stores have missed and is staged no more.
    fn catch_up(&mut self) -> Result<()> {
        let (Some(epoch), Some(follower)) = (&mut self.epoch, &self.follower) else { return Ok(()) };
        let Some(snapshot) = follower.current().filter(|_| follower.candidates().is_empty()) else { return Ok(()) };
        let mut wanted: BTreeMap<u64, BTreeSet<usize>> = BTreeMap::new();
        for (store, min) in self.outbox.catch_ups() {
            wanted.entry(min).or_default().insert(store);
        }
        let max = epoch.map.txid();
        for (min, stores) in wanted.into_iter().filter(|(min, _)| *min <= max) {
            tracing::warn!(?stores, from = min, to = max, "what a store has missed is made anew");
            let level = if min == 1 { SNAPSHOT } else { 0 };
            let name = Name { level, min, max, encrypted: self.options.recipients.is_some() };
            let pages = (min > 1).then(|| epoch.map.since(min));
            let recipients = self.options.recipients.as_deref();
            let staged = make(&epoch.staging, name, epoch.span(min), snapshot, pages, recipients)?;
            staging::remove(&self.outbox.add(staged, Some(stores)));
        }
        Ok(())
    }

    /// Trouble is said, once a minute while it stays the same, and shown with every replica.
    fn tell(&mut self, error: &Error) {
        self.stats.errors += u64::from(error.code() != Code::Busy);
        if let Some(text) = self.trouble.words(error) {
            tracing::error!(error = text, hint = error.hint_text(), "nothing was shipped");
            self.outbox.suffers(Some(text));
        }
    }

    /// What this process alone knows, and where it put it, must still be there.
    fn require_home(&self) -> Result<()> {
        let is_ours = self.options.alone.as_ref().is_none_or(|lock| lock.is_in_place().unwrap_or(true));
        if is_ours && self.epoch.as_ref().is_none_or(Epoch::is_in_place) {
            return Ok(());
        }
        let home = disk::home::folder(&self.options.database)?;
        Err(Error::new(
            Code::Usage,
            format!("what the replicator keeps in '{}' was removed or replaced while it ran", home.display()),
        )
        .hint(
            "nothing that was written since is in a replica. Start it again: where it has lost who it is, restore from the \
             replica, or say --takeover to begin a new epoch with what is here",
        ))
    }
}

impl Companion for Engine {
    fn advance(&mut self) {
        if let Some(follower) = &mut self.follower
            && follower.current().is_some_and(|snapshot| snapshot.shape.wal)
            && let Err(error) = follower.advance()
        {
            tracing::debug!(error = error.chain(), "the reader is lost");
            self.follower = None;
        }
    }

    fn before_checkpoint(&mut self) {
        self.main_file.look();
    }

    fn after_checkpoint(&mut self) {
        self.main_file.was_ours();
    }

    fn look(&mut self) -> Result<Duration> {
        let now = Instant::now();
        if now < self.next_sync {
            return Ok(self.next_sync - now);
        }
        self.require_home().inspect_err(|error| self.outbox.suffers(Some(error.chain())))?;
        match self.sync() {
            Ok(_) => {
                self.trouble.over();
                self.outbox.suffers(None);
            }
            Err(error) if error.code() == Code::Usage || self.options.once => {
                return Err(trouble::explained(error, &self.options.database));
            }
            Err(error) => self.tell(&trouble::explained(error, &self.options.database)),
        }
        self.stats.busy += now.elapsed();
        self.gauges.set(self.stats);
        let holds_nothing = self.follower.as_ref().is_some_and(|follower| follower.current().is_none());
        let least = if holds_nothing { now.elapsed() * SHARE } else { Duration::ZERO };
        let period = match self.outbox.asked() {
            Asked::Waiting => ASK_AGAIN,
            Asked::Answered | Asked::Refused => period(self.options.sync_interval, now.elapsed()),
        };
        self.next_sync = now + period.max(least);
        Ok(self.next_sync.saturating_duration_since(Instant::now()))
    }

    fn suffer(&mut self, error: &Error) {
        self.stats.errors += u64::from(error.code() != Code::Busy);
        self.gauges.set(self.stats);
        self.outbox.suffers(Some(error.chain()));
    }

    fn finish(&mut self) {
        if let Err(error) = self.require_home().and_then(|()| self.sync_at(true)) {
            self.tell(&error);
        }
        if self.options.once {
            self.check.finish(&self.options.database, &self.outbox);
        }
        self.gauges.set(self.stats);
    }

    fn close(&mut self) {
        self.check.close(&self.options.database, &self.outbox);
        self.follower = None;
        self.epoch = None;
        self.compared = None;
        self.main_file = MainFile::new(self.options.database.clone());
        self.next_sync = Instant::now();
    }
}

/// In ms since 1970.
fn milliseconds(at: Timestamp) -> u64 {
    u64::try_from(at.as_millisecond()).unwrap_or(0)
}

/// Whether the stores go on with this database, as far as they could be asked.
fn may_make(outbox: &Outbox, asking: &mut Option<Instant>, database: &std::path::Path) -> Result<bool> {
    match outbox.asked() {
        Asked::Answered => Ok(true),
        Asked::Refused => Ok(false),
        Asked::Waiting => {
            let asking = *asking.get_or_insert_with(Instant::now);
            Ok(asking.elapsed() >= PATIENCE && !store::beside::is_refused(database)?)
        }
    }
}

/// Time from the start of one sync to that of the next. The interval is what may be lost: what is written right after a
/// sync has begun waits for the next one, for that one's length, and for the upload.
fn period(interval: Duration, last: Duration) -> Duration {
    (interval * 4 / 5).saturating_sub(last * 2).max(interval / 4)
}

/// Why the snapshot is no successor of what was shipped.
fn break_in(map: &PageMap, snapshot: &Snapshot) -> Option<&'static str> {
    if map.txid() == 0 {
        None
    } else if map.page_size() != snapshot.shape.page_size {
        Some("the database has another page size")
    } else if snapshot.counters.are_before(map.counters()) {
        Some("another database was written over this one, or an older state of it")
    } else if pra_core::ahead::ahead(map.timestamp_ms().cast_signed(), snapshot.at.as_millisecond()).is_some() {
        // Its times would stay where they are until then: no instant between could be restored.
        Some("the clock was ahead when this epoch was written, or is behind now")
    } else {
        None
    }
}
