//! A writer whose clock lies, and what a reader with a right one gets of it.

use pra_core::ahead::ahead;
use proptest::prelude::*;
use store::history::{File, History, SNAPSHOT_LEVEL};
use store::instant::InstantSearch;
use store::plan::{Accept, Bound, Error, Goal, check_newest, plan};
use store::retention::{Retention, in_order};

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

/// Commits with so many ms before each, by a clock that is wrong by so much.
type Stretch = (i64, Vec<i64>);

/// A right clock, or one that is wrong by more than is tolerated for less time than that.
fn stretches(lies: impl Strategy<Value = i64> + Clone) -> impl Strategy<Value = Vec<Stretch>> {
    let right = prop::collection::vec(1..30 * MINUTE, 1..6).prop_map(|waits| (0, waits));
    let wrong = (lies, prop::collection::vec(1..MINUTE, 1..4));
    prop::collection::vec(prop_oneof![right, wrong], 1..8)
}

fn ahead_by() -> impl Strategy<Value = i64> + Clone {
    prop_oneof![10 * MINUTE..90 * MINUTE, DAY..1000 * DAY]
}

fn any_lie() -> impl Strategy<Value = i64> + Clone {
    (ahead_by(), any::<bool>()).prop_map(|(by, is_behind)| if is_behind { -by } else { by })
}

/// A state that was shipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    epoch: usize,
    txid: u64,
    /// When it was there.
    real_ms: i64,
    /// When its writer says that it was.
    said_ms: i64,
}

impl State {
    fn is_true(&self) -> bool {
        self.real_ms == self.said_ms
    }

    fn file(&self) -> File {
        let Self { txid, real_ms, .. } = *self;
        File { level: if txid == 1 { SNAPSHOT_LEVEL } else { 0 }, min: txid, max: txid, size: 1, stored_ms: real_ms }
    }
}

/// What is shipped, in the order in which it was.
#[derive(Clone, Debug, Default)]
struct Shipped {
    states: Vec<State>,
    now_ms: i64,
}

impl Shipped {
    fn by(stretches: &[Stretch]) -> Self {
        let mut shipped = Self { now_ms: 1_764_000_000_000, ..Self::default() };
        for (wrong_by, waits) in stretches {
            // The writer notices at once if its times would not advance.
            shipped.now_ms += 1_000;
            let clock_ms = shipped.now_ms + wrong_by;
            if shipped.states.last().is_some_and(|last| ahead(last.said_ms, clock_ms).is_some()) {
                shipped.ship(clock_ms);
            }
            for wait in waits {
                shipped.now_ms += wait;
                shipped.ship(shipped.now_ms + wrong_by);
            }
        }
        shipped.now_ms += 1_000;
        shipped
    }

    /// As the engine does: a child epoch after a clock that was ahead, and no time that decreases within an epoch.
    fn ship(&mut self, clock_ms: i64) {
        let state = match self.states.last() {
            None => State { epoch: 0, txid: 1, real_ms: self.now_ms, said_ms: clock_ms },
            Some(last) if ahead(last.said_ms, clock_ms).is_some() => {
                State { epoch: last.epoch + 1, txid: 1, real_ms: self.now_ms, said_ms: clock_ms }
            }
            Some(last) => {
                State { txid: last.txid + 1, real_ms: self.now_ms, said_ms: last.said_ms.max(clock_ms), ..*last }
            }
        };
        self.states.push(state);
    }

    fn of(&self, epoch: usize) -> Vec<State> {
        self.states.iter().copied().filter(|state| state.epoch == epoch).collect()
    }

    /// What a restore does, epoch by epoch: the state that it plans.
    fn plan(&self, instant_ms: i64) -> Result<State, Error> {
        let mut bound = Bound::now(self.now_ms);
        for epoch in (0..=self.states.last().unwrap().epoch).rev() {
            let states = self.of(epoch);
            let history = History::new(states.iter().map(State::file));
            let mut search = InstantSearch::new(&history, instant_ms);
            while let Some(file) = search.asks() {
                search.tell(states[file.max as usize - 1].said_ms);
            }
            if let Some(found) = bound.judge(&search)? {
                let goal = Goal::Instant { instant_ms, found: Some(found) };
                let plan = plan(&history, goal, Some(states.len() as u64), Accept::default())?;
                return Ok(states[plan.txid as usize - 1]);
            }
        }
        Err(Error::BeforeFirst { instant_ms })
    }

    /// What was there at that instant, and what came after it.
    fn truth(&self, instant_ms: i64) -> (Option<State>, Option<State>) {
        let after = self.states.partition_point(|state| state.real_ms <= instant_ms);
        (after.checked_sub(1).map(|at| self.states[at]), self.states.get(after).copied())
    }

    fn instant(&self, position: f64) -> i64 {
        let first = self.states[0].real_ms - 1_000;
        first + ((self.now_ms - first) as f64 * position) as i64
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_clock_that_was_ahead_gives_the_right_state_or_an_error(
        stretches in stretches(ahead_by()), position in 0.0..1.0,
    ) {
        let shipped = Shipped::by(&stretches);
        let instant_ms = shipped.instant(position);
        let (truth, next) = shipped.truth(instant_ms);
        match shipped.plan(instant_ms) {
            Ok(planned) => prop_assert_eq!(Some(planned), truth),
            Err(Error::ClockAhead { .. } | Error::BeforeFirst { .. }) => {
                let is_lie = |state: Option<State>| state.is_some_and(|state| !state.is_true());
                prop_assert!(truth.is_none() || is_lie(truth) || is_lie(next), "{:?} {:?}", truth, next);
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }

    #[test]
    fn no_state_is_planned_whose_own_time_is_after_the_instant(
        stretches in stretches(any_lie()), position in 0.0..1.0,
    ) {
        let shipped = Shipped::by(&stretches);
        let instant_ms = shipped.instant(position);
        if let Ok(planned) = shipped.plan(instant_ms) {
            prop_assert!(planned.said_ms <= instant_ms);
        }
    }

    #[test]
    fn a_lie_elsewhere_loses_no_instant_that_it_does_not_lease(
        stretches in stretches(any_lie()), position in 0.0..1.0,
    ) {
        let shipped = Shipped::by(&stretches);
        let instant_ms = shipped.instant(position);
        let (truth, next) = shipped.truth(instant_ms);
        let leases = |state: &State| state.said_ms <= instant_ms && instant_ms < state.real_ms;
        let is_true = |state: Option<State>| state.is_none_or(|state| state.is_true());
        if truth.is_some() && is_true(truth) && is_true(next) && !shipped.states.iter().any(leases) {
            prop_assert_eq!(shipped.plan(instant_ms).ok(), truth);
        }
    }

    #[test]
    fn the_newest_state_is_the_last_that_was_written_or_is_refused(stretches in stretches(any_lie())) {
        let shipped = Shipped::by(&stretches);
        let last = *shipped.states.last().unwrap();
        let is_refused = check_newest(last.said_ms, shipped.now_ms).is_err();
        prop_assert_eq!(is_refused, ahead(last.said_ms, shipped.now_ms).is_some());
        let history = History::new(shipped.of(last.epoch).iter().map(State::file));
        prop_assert_eq!(plan(&history, Goal::Latest, Some(last.txid), Accept::default())?.txid, last.txid);
    }

    /// The store has nothing but the writer's own times, as a folder does.
    #[test]
    fn nothing_goes_that_a_right_clock_would_keep(
        stretches in stretches(any_lie()), later in 0..3 * DAY, snapshots in prop::collection::vec(any::<bool>(), 60),
    ) {
        // The first times are right: nothing could tell otherwise.
        let stretches = [vec![(0, vec![1])], stretches].concat();
        let shipped = Shipped::by(&stretches);
        let now_ms = shipped.now_ms + later;
        // How long a clock was wrong is what its times can be corrected to.
        let longest = shipped.states.windows(2).map(|pair| pair[1].real_ms - pair[0].real_ms).max().unwrap_or(0) * 4;
        let retention = Retention::default();
        let young = |real_ms: i64| real_ms > now_ms - DAY + longest;
        let mut newest_ms = None;
        for epoch in 0..=shipped.states.last().unwrap().epoch {
            let mut files: Vec<File> = Vec::new();
            for (state, is_snapshot) in shipped.of(epoch).iter().zip(&snapshots) {
                files.push(File { stored_ms: state.said_ms, ..state.file() });
                if *is_snapshot && state.txid > 1 {
                    files.push(File { level: SNAPSHOT_LEVEL, min: 1, stored_ms: state.said_ms, ..state.file() });
                }
            }
            let was_there = shipped.of(epoch);
            newest_ms = in_order(&mut files, newest_ms, now_ms);
            let gone = retention.deletable(&files, now_ms);
            let left = History::new(files.iter().copied().filter(|file| !gone.contains(file)));
            for state in was_there.iter().filter(|state| young(state.real_ms)) {
                prop_assert!(left.can_restore(state.txid), "{:?}", state);
            }
            if retention.needs_nothing_before(&files, now_ms) {
                let before = shipped.states.iter().filter(|state| state.epoch < epoch);
                prop_assert!(before.clone().all(|state| !young(state.real_ms)), "{:?}", before.clone().next_back());
            }
        }
    }

    #[test]
    fn an_earlier_clock_never_lets_go_of_more(stretches in stretches(any_lie()), clocks in any::<[u32; 2]>()) {
        let shipped = Shipped::by(&stretches);
        let files: Vec<File> = shipped.of(0).iter().map(State::file).collect();
        let [early, late] = clocks.map(|ms| shipped.now_ms - 2 * DAY + i64::from(ms));
        let gone = |now_ms| Retention::default().deletable(&files, now_ms);
        let (early, late) = (gone(early.min(late)), gone(early.max(late)));
        prop_assert!(early.iter().all(|file| late.contains(file)));
    }
}
