use proptest::prelude::*;

use super::*;
use crate::fixtures::ms;
use crate::ledger::{Acknowledgement, Receipt};

/// Writes that take `takes` each, at a server whose clock is `ahead` of ours and which notes them at `share` of that.
fn seen(ahead: i64, writes: &[(u64, u64, u64)]) -> Ledger {
    let mut ledger = Ledger::default();
    for (sequence, (sent, before, after)) in (0_u64..).zip(writes) {
        ledger.tried(sequence, ms(*sent), ms(*sent));
        let timestamp = Timestamp::from_millisecond(ahead + i64::try_from(sent + before).unwrap()).unwrap();
        let acknowledgement =
            Acknowledgement { sent: ms(*sent), at: ms(sent + before + after), receipt: Receipt { id: 1, timestamp } };
        ledger.acknowledged(sequence, acknowledgement);
    }
    ledger
}

proptest! {
    #[test]
    fn the_true_difference_lies_between_the_bounds(
        ahead in -1_000_000_i64..1_000_000,
        writes in prop::collection::vec((0_u64..100_000, 0_u64..500, 0_u64..500), 1..50),
    ) {
        let server = ServerClock::new(Timestamp::UNIX_EPOCH, &seen(ahead, &writes));
        let truth = ahead as f64 / 1_000.0;
        prop_assert!(server.low <= truth + 1e-6 && truth <= server.high + 1e-6, "{server:?} {truth}");
    }

    #[test]
    fn what_is_before_for_certain_is_before(
        ahead in -1_000_000_i64..1_000_000,
        writes in prop::collection::vec((0_u64..100_000, 0_u64..500, 0_u64..500), 1..50),
        at in 0_u64..100_000,
        backup in 0_i64..100_000,
    ) {
        let server = ServerClock::new(Timestamp::UNIX_EPOCH, &seen(ahead, &writes));
        if server.is_before(ms(at), Timestamp::from_millisecond(ahead + backup).unwrap()) {
            prop_assert!(i64::try_from(at).unwrap() <= backup);
        }
    }
}

#[test]
fn a_clock_that_was_set_meanwhile_makes_the_bounds_wide_and_not_crossed() {
    let mut ledger = seen(0, &[(0, 1, 1)]);
    ledger.tried(9, ms(5_000), ms(5_000));
    let timestamp = Timestamp::from_millisecond(65_000).unwrap();
    let receipt = Receipt { id: 2, timestamp };
    ledger.acknowledged(9, Acknowledgement { sent: ms(5_000), at: ms(5_002), receipt });
    let server = ServerClock::new(Timestamp::UNIX_EPOCH, &ledger);
    assert!(server.low < 0.1 && server.high > 59.0, "{server:?}");
}
