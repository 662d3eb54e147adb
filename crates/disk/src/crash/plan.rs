//! What the environment asks for.

use std::io;
use std::path::PathBuf;

use nix::errno::Errno;

use super::{Event, give_up};

/// When and how the process dies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Death {
    pub(super) at: u64,
    pub(super) torn: bool,
    pub(super) subset: Option<u64>,
}

/// An error instead of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Failure {
    at: u64,
    from_then_on: bool,
    errno: Errno,
}

#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) trace: Option<PathBuf>,
    pub(super) death: Option<Death>,
    pub(super) failure: Option<Failure>,
    /// Where lost files are kept; only set where the power is to fail.
    pub(super) side: Option<PathBuf>,
    /// A kind of operation that the disk only pretends to do.
    deaf: Option<String>,
}

impl Plan {
    /// Reads the environment. A mistake in it ends the process: a test that injects nothing would pass.
    pub(super) fn from_env() -> Self {
        let var = |name: &str| std::env::var(name).ok();
        let number = |name: &str| {
            var(name).map(|text| text.parse().unwrap_or_else(|e| give_up(&format!("{name} is no number: {e}"))))
        };
        let death = number("PRA_CRASH_AT").map(|at| Death {
            at,
            torn: var("PRA_CRASH_TORN").is_some_and(|text| text == "1"),
            subset: number("PRA_CRASH_SUBSET"),
        });
        let side = match var("PRA_CRASH_MODE").as_deref() {
            None | Some("kill") => None,
            Some("power") => match var("PRA_CRASH_SIDE") {
                Some(side) => Some(PathBuf::from(side)),
                None => give_up("PRA_CRASH_MODE=power needs PRA_CRASH_SIDE"),
            },
            Some(other) => give_up(&format!("PRA_CRASH_MODE is '{other}', neither kill nor power")),
        };
        let failure = var("PRA_FAIL_AT").map(|text| {
            Failure::parse(&text).unwrap_or_else(|| give_up(&format!("PRA_FAIL_AT is '{text}', not N:ERROR")))
        });
        Self { trace: var("PRA_CRASH_TRACE").map(PathBuf::from), death, failure, side, deaf: var("PRA_CRASH_DEAF") }
    }

    /// Whether `event` has no effect on what survives a power loss.
    pub(super) fn is_deaf_to(&self, event: &Event<'_>) -> bool {
        self.deaf.as_deref() == Some(event.kind())
    }

    /// The error of operation `number`, where it is to fail.
    pub(super) fn failure(&self, number: u64, event: &Event<'_>) -> Option<io::Error> {
        let Failure { at, from_then_on, errno } = self.failure?;
        let fails = number == at || (from_then_on && number > at && errno_can_stop(errno, event));
        fails.then(|| errno.into())
    }
}

/// Whether a disk in that state refuses this: a full one still removes, shortens and syncs.
fn errno_can_stop(errno: Errno, event: &Event<'_>) -> bool {
    match errno {
        Errno::ENOSPC => matches!(event, Event::Create(_) | Event::Write { .. } | Event::Link(..)),
        Errno::EROFS => !matches!(event, Event::Sync(_) | Event::SyncFolder(_)),
        _ => true,
    }
}

impl Failure {
    fn parse(text: &str) -> Option<Self> {
        let (at, errno) = text.split_once(':')?;
        let (at, from_then_on) = match at.strip_suffix('+') {
            Some(at) => (at, true),
            None => (at, false),
        };
        let errno = match errno {
            "ENOSPC" => Errno::ENOSPC,
            "EIO" => Errno::EIO,
            "EROFS" => Errno::EROFS,
            _ => return None,
        };
        Some(Self { at: at.parse().ok()?, from_then_on, errno })
    }
}

/// Says for each thing that is not synced whether it is kept: never without a seed, else like the toss of a coin.
pub(super) fn dice(subset: Option<u64>, number: u64) -> impl FnMut() -> bool {
    // SplitMix64 (Steele, Lea and Flood 2014): the same seed plays the same power loss again.
    let mut state = subset.map(|seed| seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number);
    move || {
        let Some(state) = &mut state else { return false };
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_a_number_and_an_error() {
        let once = Failure { at: 7, from_then_on: false, errno: Errno::ENOSPC };
        assert_eq!(Failure::parse("7:ENOSPC"), Some(once));
        assert_eq!(Failure::parse("7+:EROFS"), Some(Failure { at: 7, from_then_on: true, errno: Errno::EROFS }));
        assert_eq!(Failure::parse("7:EWHAT"), None);
        assert_eq!(Failure::parse("ENOSPC"), None);
    }

    #[test]
    fn a_full_disk_still_removes_files() {
        let plan = Plan { failure: Failure::parse("2+:ENOSPC"), ..Plan::default() };
        let path = std::path::Path::new("a");
        assert!(plan.failure(1, &Event::Create(path)).is_none());
        assert!(plan.failure(2, &Event::Remove(path)).is_some(), "the one that was named fails whatever it is");
        assert!(plan.failure(3, &Event::Remove(path)).is_none());
        assert!(plan.failure(4, &Event::Create(path)).is_some());
    }

    #[test]
    fn dice_are_the_same_for_the_same_seed_and_keep_nothing_without_one() {
        let draw = |seed, number| {
            let mut dice = dice(seed, number);
            (0..64).map(|_| dice()).collect::<Vec<_>>()
        };
        assert!(draw(None, 1).iter().all(|kept| !kept));
        assert_eq!(draw(Some(1), 5), draw(Some(1), 5));
        assert_ne!(draw(Some(1), 5), draw(Some(2), 5));
        let kept = draw(Some(1), 5).iter().filter(|kept| **kept).count();
        assert!((16..48).contains(&kept), "{kept} of 64 kept");
    }
}
