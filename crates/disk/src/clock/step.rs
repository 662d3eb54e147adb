//! Whether the wall clock was set while this process ran: two readings of it, against the time since the machine
//! booted, a clock that cannot be set and that runs while the machine sleeps.
//!
//! ```text
//! wall  10:00:00 ─ 10:00:01 ─ 09:00:02 ─ 09:00:03
//! boot       5 s        6 s        7 s        8 s
//!                       └── set back by 1 h ──┘
//! ```

use std::fmt;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use nix::time::{ClockId, clock_gettime};

/// A smaller difference is no step: nothing here depends on less.
const LEAST: Duration = Duration::from_secs(1);

/// The kernel makes a clock run slower or faster by at most a tenth (`adjtimex`, `tick`): that is drift being mended.
const SLEW: u32 = 10;

/// Both clocks cannot be read at once. A reading that took longer says nothing.
const LONGEST_READING: Duration = Duration::from_millis(100);

/// Both clocks at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What this machine takes for the time.
    pub wall: Timestamp,
    /// Since it booted.
    pub boot: Duration,
}

/// That the clock was set, and by how much: ahead, or back where it is negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step(pub SignedDuration);

/// What is known of the clock since the process began.
#[derive(Clone, Copy, Debug, Default)]
pub struct Steps {
    before: Option<Reading>,
    /// How often it was set.
    pub count: u64,
    /// The last time.
    pub last: Option<Step>,
    /// By how much it was set ahead and not back again, and when since boot that was.
    leap: Option<(SignedDuration, Duration)>,
}

impl Reading {
    /// Now; `None` where the clocks could not be read close enough to each other.
    pub fn take() -> Option<Self> {
        let before = boot()?;
        let wall = super::exact();
        let boot = boot()?;
        (boot.saturating_sub(before) <= LONGEST_READING).then_some(Self { wall, boot })
    }

    /// By how much the clock was set between this reading and `later`.
    pub fn step(self, later: Self) -> Option<Step> {
        let passed = later.boot.saturating_sub(self.boot);
        let expected = SignedDuration::try_from(passed).unwrap_or(SignedDuration::MAX);
        let by = later.wall.duration_since(self.wall).saturating_sub(expected);
        (by.unsigned_abs() >= LEAST.saturating_add(passed / SLEW)).then_some(Step(by))
    }
}

impl Steps {
    /// Takes note of a reading; whether the clock was set since the one before.
    pub fn look(&mut self, reading: Reading) -> Option<Step> {
        let step = self.before.replace(reading)?.step(reading)?;
        self.count += 1;
        self.last = Some(step);
        let by = self.leap.map_or(SignedDuration::ZERO, |(by, _)| by).saturating_add(step.0);
        self.leap = by.is_positive().then_some((by, reading.boot));
        Some(step)
    }

    /// The time by which to delete what is older than `age`: after a leap ahead, that of the clock before it, until
    /// what was there then has that age in truth. Whether the leap was right does not matter then.
    pub fn for_deleting(&self, reading: Reading, age: Duration) -> Timestamp {
        // The clock may have leapt since the last look.
        let mut steps = *self;
        steps.look(reading);
        match steps.leap {
            Some((by, at)) if reading.boot.saturating_sub(at) < age => {
                reading.wall.checked_sub(by).unwrap_or(Timestamp::MIN)
            }
            _ => reading.wall,
        }
    }
}

impl Step {
    /// In seconds: ahead, or back where it is negative.
    pub fn seconds(self) -> f64 {
        self.0.as_secs_f64()
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = if self.0.is_negative() { "back" } else { "ahead" };
        let seconds = self.0.abs().saturating_add(SignedDuration::from_millis(500)).as_secs();
        write!(f, "{way} by {:#}", SignedDuration::from_secs(seconds))
    }
}

fn boot() -> Option<Duration> {
    clock_gettime(ClockId::CLOCK_BOOTTIME).ok().map(Duration::from)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND_MS: i64 = 1_000;
    const YEAR_MS: i64 = 365 * 86_400 * SECOND_MS;

    fn reading(wall_ms: i64, boot_ms: u64) -> Reading {
        Reading { wall: Timestamp::from_millisecond(wall_ms).unwrap(), boot: Duration::from_millis(boot_ms) }
    }

    /// Looks at a clock whose readings differ by `passed` and are set by `by`.
    fn looked(looks: &[(u64, i64)]) -> Vec<Option<Step>> {
        let (mut wall, mut boot) = (1_764_000_000_000_i64, 77_000_u64);
        let mut steps = Steps::default();
        assert_eq!(steps.look(reading(wall, boot)), None, "the first reading has nothing before it");
        let look = |(passed, by): &(u64, i64)| {
            (wall, boot) = (wall + passed.cast_signed() + by, boot + passed);
            steps.look(reading(wall, boot))
        };
        looks.iter().map(look).collect()
    }

    #[test]
    fn a_step_says_its_direction_and_its_size() {
        let said = |by| looked(&[(200, by)])[0].map(|step| step.to_string());
        assert_eq!(said(86_400 * SECOND_MS).unwrap(), "ahead by 24h");
        assert_eq!(said(-90 * SECOND_MS).unwrap(), "back by 1m 30s");
        assert_eq!(said(999), None);
    }

    #[test]
    fn this_machines_clocks_can_be_read() {
        let (before, after) = (Reading::take().unwrap(), Reading::take().unwrap());
        assert!(after.boot >= before.boot);
    }

    proptest! {
        #[test]
        fn a_clock_that_only_drifts_never_steps(
            looks in prop::collection::vec((0..3_600_000_u64, -100..=100_i64), 1..50),
        ) {
            // Up to a tenth faster or slower.
            let looks: Vec<_> = looks.into_iter().map(|(passed, slew)| (passed, passed.cast_signed() * slew / 1000)).collect();
            prop_assert!(looked(&looks).iter().all(Option::is_none));
        }

        #[test]
        fn each_step_is_noticed_once_with_its_size(
            looks in prop::collection::vec((0..2_000_u64, prop_oneof![
                3 => Just(0_i64), 1 => 2 * SECOND_MS..YEAR_MS, 1 => -YEAR_MS..-2 * SECOND_MS,
            ]), 1..50),
        ) {
            let steps = looked(&looks);
            for ((_, by), step) in looks.iter().zip(steps) {
                let seen = step.map(|step| i64::try_from(step.0.as_millis()).unwrap());
                prop_assert_eq!(seen.unwrap_or(0), *by);
            }
        }

        #[test]
        fn nothing_is_deleted_before_its_time_because_the_clock_leapt(
            looks in prop::collection::vec((0..3_600_000_u64, prop_oneof![
                3 => Just(0_i64), 1 => 1_000_000_000..YEAR_MS, 1 => -YEAR_MS..-1_000_000_000,
            ]), 1..50),
            age in 0..86_400_000_u64,
        ) {
            let (mut right, mut wrong_by, mut boot) = (1_764_000_000_000_i64, 0, 0);
            let mut steps = Steps::default();
            steps.look(reading(right, boot));
            let made_at = right;
            for (passed, by) in looks {
                (right, boot, wrong_by) = (right + passed.cast_signed(), boot + passed, wrong_by + by);
                let now = reading(right + wrong_by, boot);
                steps.look(now);
                let seen = steps.for_deleting(now, Duration::from_millis(age)).as_millisecond() - made_at;
                prop_assert!(seen <= age.cast_signed() || boot >= age, "{seen} ms after {boot} ms");
            }
        }

        #[test]
        fn no_two_readings_make_it_panic(walls in any::<[i32; 2]>(), boots in any::<[u64; 2]>()) {
            let [first, second] =
                [0, 1].map(|i| Reading { wall: Timestamp::from_second(walls[i].into()).unwrap(), boot: Duration::from_secs(boots[i]) });
            let _ = first.step(second);
        }
    }
}
