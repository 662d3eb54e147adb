//! The epoch that is being written: its map, the map's log and its staged files.

use std::path::{Path, PathBuf};

use pra_core::point::Point;
use pra_core::{Result, WriterId};
use store::epoch::Parent;

use super::draft::Span;
use super::engine::Options;
use super::levels::Last;
use super::map::{Delta, MapLog, PageMap};
use super::outbox::Outbox;

use super::staging::{Name, Staged, Staging};
use super::state::{Home, State};
use super::watch;

/// Why an epoch begins that takes a store over.
const TAKEOVER: &str = "--takeover";

/// An open epoch.
#[derive(Debug)]
pub(super) struct Epoch {
    home: Home,
    pub(super) state: State,
    folder: PathBuf,
    pub(super) map: PageMap,
    log: MapLog,
    pub(super) staging: Staging,
}

/// Whom files are encrypted for.
fn recipients(options: &Options) -> Vec<String> {
    options.recipients.as_ref().map(|recipients| recipients.shown()).unwrap_or_default()
}

/// What an epoch that begins after this one goes on from: where this one ended or, if it has nothing, what it was to go on
/// from.
fn what_follows(state: &State, map: &PageMap) -> Option<Parent> {
    if map.txid() > 0 { Some(Parent { epoch: state.epoch, txid: map.txid() }) } else { state.parent }
}

/// What a new epoch is to be.
struct Beginning<'a> {
    writer: Option<WriterId>,
    recipients: Vec<String>,
    is_successor: bool,
    /// By a restore, or by `--takeover`.
    was_decided: bool,
    parent: Option<Parent>,
    reason: &'a str,
}

impl Epoch {
    /// Goes on with the epoch that was written before, or begins one and says why.
    pub(super) fn open(options: &Options, outbox: &Outbox) -> Result<Self> {
        let home = Home::open(&options.database)?;
        let recipients = recipients(options);
        let (before, origin) =
            (home.load()?, store::beside::found_origin(&options.database)?.map(|origin| origin.parent));
        let is_successor = before.is_some() || origin.is_some();
        let was_decided = origin.is_some() || options.takeover;
        let (reason, parent) = match &before {
            None => ("nothing was replicated from here before", origin.flatten()),
            Some(state) => {
                let folder = home.epoch_folder(state.epoch)?;
                let map = MapLog::open(&folder.join("map"), &state.epoch.to_string())?;
                let parent = map.as_ref().and_then(|(_, map)| what_follows(state, map));
                match map {
                    _ if origin.is_some() => ("the database was restored", origin.flatten().or(parent)),
                    None => ("the page map is missing or damaged", parent),
                    Some(_) if !home.is_same_file(state)? => ("the database was moved or replaced", parent),
                    Some(_) if options.takeover && store::beside::is_refused(&options.database)? => (TAKEOVER, parent),
                    Some(_) if options.new_epoch => ("--new-epoch", parent),
                    Some(_) if state.recipients != recipients => ("the recipients have changed", parent),
                    Some((log, map)) => return Self::resume(home, state.clone(), folder, map, log, outbox),
                }
            }
        };
        let writer = before.map(|state| state.writer);
        Self::begin(home, Beginning { writer, recipients, is_successor, was_decided, parent, reason }, outbox)
    }

    fn resume(home: Home, state: State, folder: PathBuf, map: PageMap, log: MapLog, outbox: &Outbox) -> Result<Self> {
        let staging = Staging::new(folder.clone(), home.database());
        let staged = staging.recover(&map)?;
        let at = watch::instant(map.timestamp_ms()).map(tracing::field::display);
        tracing::info!(epoch = %state.epoch, txid = map.txid(), at, staged = staged.len(), "the epoch goes on");
        // The map learns it first: who is killed before the state has it must not ship an epoch without one.
        let mut state = state;
        state.page_size = map.page_size();
        outbox.begin(&state, map.txid(), map.timestamp_ms(), staged);
        Ok(Self { home, state, folder, map, log, staging })
    }

    fn begin(home: Home, beginning: Beginning<'_>, outbox: &Outbox) -> Result<Self> {
        let Beginning { writer, recipients, is_successor, was_decided, parent, reason } = beginning;
        let writer = writer.unwrap_or_else(WriterId::random);
        let state = State::begin(&home, writer, recipients, [is_successor, was_decided], parent)?;
        let folder = home.epoch_folder(state.epoch)?;
        // The page size is known at the first sync.
        let map = PageMap::new(0);
        let log = MapLog::create(&folder.join("map"), &state.epoch.to_string(), &map)?;
        home.save(&state)?;
        store::beside::forget_origin(home.database())?;
        if was_decided {
            home.forget_refusal()?;
        }
        let parent = state.parent.map(|parent| Point::Transaction(parent.epoch, parent.txid));
        let parent = parent.map_or_else(|| "none".to_owned(), |point| point.to_string());
        if is_successor {
            tracing::warn!(epoch = %state.epoch, parent, reason, "a new epoch begins with a whole copy");
        } else {
            tracing::info!(epoch = %state.epoch, "the first epoch begins with a whole copy");
        }
        outbox.begin(&state, 0, 0, Vec::new());
        if was_decided {
            outbox.decided();
        }
        let staging = Staging::new(folder.clone(), home.database());
        Ok(Self { home, staging, state, folder, map, log })
    }

    /// Ends this epoch and begins one that goes on from it, or from where it went on if it has nothing.
    pub(super) fn begin_child(&mut self, options: &Options, outbox: &Outbox, reason: &str) -> Result<()> {
        // Where nothing was written yet, what was decided for this one is not done.
        let was_decided = self.map.txid() == 0 && self.state.was_decided;
        self.go_on(options, outbox, reason, was_decided)
    }

    /// Begins one that takes over a store that has refused this one.
    pub(super) fn take_over(&mut self, options: &Options, outbox: &Outbox) -> Result<()> {
        self.go_on(options, outbox, TAKEOVER, true)
    }

    fn go_on(&mut self, options: &Options, outbox: &Outbox, reason: &str, was_decided: bool) -> Result<()> {
        let beginning = Beginning {
            writer: Some(self.state.writer),
            recipients: recipients(options),
            is_successor: true,
            was_decided,
            parent: what_follows(&self.state, &self.map),
            reason,
        };
        *self = Self::begin(self.home.clone(), beginning, outbox)?;
        Ok(())
    }

    /// An empty epoch takes the page size that the database has. Where it had another one, a store may have been told of
    /// it.
    pub(super) fn require_page_size(&mut self, page_size: u32, options: &Options, outbox: &Outbox) -> Result<()> {
        if ![0, page_size].contains(&self.map.page_size()) {
            self.begin_child(options, outbox, "the database has another page size")?;
        }
        if self.map.page_size() != page_size {
            self.map = PageMap::new(page_size);
            self.log = MapLog::create(&self.folder.join("map"), &self.state.epoch.to_string(), &self.map)?;
            self.state.page_size = page_size;
            self.home.save(&self.state)?;
            outbox.begin(&self.state, 0, 0, Vec::new());
        }
        Ok(())
    }

    /// Makes the whole database, written and synced under `name`, the epoch's first transaction; `map` knows its pages.
    pub(super) fn commit_first(&mut self, name: Name, map: PageMap) -> Result<Staged> {
        self.log = MapLog::create(&self.folder.join("map"), &self.state.epoch.to_string(), &map)?;
        self.map = map;
        self.staging.publish(name, self.map.timestamp_ms())
    }

    /// Makes a file that was written and synced a part of the epoch.
    pub(super) fn commit(&mut self, name: Name, delta: &Delta) -> Result<Staged> {
        self.log.append(delta)?;
        let staged = self.staging.publish(name, delta.timestamp_ms)?;
        self.map.apply(delta);
        if self.log.wants_rewrite() {
            self.log = MapLog::create(&self.folder.join("map"), &self.state.epoch.to_string(), &self.map)?;
        }
        Ok(staged)
    }

    /// A file from transaction `min` to the last one.
    pub(super) fn span(&self, min: u64) -> Span {
        let map = &self.map;
        Span { min, max: map.txid(), timestamp_ms: map.timestamp_ms(), checksum: map.checksum() }
    }

    /// The last file of a level.
    pub(super) fn last(&self, level: u8) -> Last {
        self.state.last(level)
    }

    /// A level's file was made.
    pub(super) fn made(&mut self, last: Last) -> Result<()> {
        self.state.made(last);
        self.home.save(&self.state)
    }

    /// Whether what is known of it is still on the disk under its names.
    pub(super) fn is_in_place(&self) -> bool {
        self.home.is_in_place(self.state.epoch)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }
}
