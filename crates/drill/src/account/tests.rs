use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::fixtures::{ledger, ms};
use crate::ledger::{Acknowledgement, Receipt, Refusal, Refused};

proptest! {
    #[test]
    fn what_is_gone_and_what_is_present_are_together_what_was_acknowledged(
        writes in prop::collection::vec(prop::option::of(0_u64..5_000), 0..60),
        found in prop::collection::vec(0_u64..70, 0..100),
    ) {
        let ledger = ledger(&writes);
        let account = Account::new(&ledger, &found);
        let mut together: Vec<u64> = account.gone.iter().chain(&account.present).map(|write| write.sequence).collect();
        together.sort_unstable();
        let acknowledged: Vec<u64> = ledger.acknowledgements().map(|(write, _)| write.sequence).collect();
        prop_assert_eq!(together, acknowledged);
        prop_assert!(account.present.iter().all(|write| found.contains(&write.sequence)));
        prop_assert!(account.gone.iter().all(|write| !found.contains(&write.sequence)));
        for sequence in &account.doubled {
            prop_assert!(found.iter().filter(|one| *one == sequence).count() > 1);
        }
    }

    #[test]
    fn no_gap_is_longer_than_the_longest_and_it_is_one_of_them(
        writes in prop::collection::vec(prop::option::of(0_u64..5_000), 0..60),
    ) {
        let ledger = ledger(&writes);
        let mut instants: Vec<Duration> = ledger.acknowledgements().map(|(_, one)| one.at).collect();
        instants.extend([ms(0), ms(6_000)]);
        instants.sort_unstable();
        let gaps = instants.windows(2).map(|pair| pair[1] - pair[0]);
        prop_assert_eq!(Some(longest_gap(&ledger, ms(6_000))), gaps.max());
    }

    #[test]
    fn the_recovery_point_is_as_far_back_as_the_oldest_loss_and_never_negative(
        writes in prop::collection::vec(prop::option::of(100_u64..5_000), 1..60),
        disaster in 0_u64..5_000,
    ) {
        let ledger = ledger(&writes);
        let server = ServerClock::new(Timestamp::UNIX_EPOCH, &ledger);
        let account = Account::new(&ledger, &[]);
        let lost: Vec<&Write> = account.gone.iter().collect();
        let rpo = recovery_point(&lost, ms(disaster), server);
        prop_assert!(rpo >= 0.0);
        let oldest = ledger.acknowledgements().map(|(_, one)| one.at).min();
        let expected = oldest.map_or(0.0, |oldest| (ms(disaster).as_secs_f64() - oldest.as_secs_f64()).max(0.0));
        // A request of the fixture takes 10 ms, which bounds what is known of the server's clock.
        prop_assert!((rpo - expected).abs() <= 0.011, "{} {}", rpo, expected);
    }
}

#[test]
fn what_a_dying_application_acknowledged_and_lost_is_no_recovery() {
    let ledger = ledger(&[Some(1_000), Some(1_100), Some(4_000)]);
    let account = Account::new(&ledger, &[0, 2]);
    assert_eq!(account.first_served_since(ms(1_050)), Some(ms(4_000)));
    assert_eq!(account.first_served_since(ms(3_995)), None, "it was sent before");
}

#[test]
fn an_application_that_lives_on_for_a_moment_has_not_recovered_by_that() {
    let mut ledger = ledger(&[Some(1_000), Some(1_100), Some(4_000)]);
    let account = Account::new(&ledger, &[0, 1, 2]);
    assert_eq!(account.served_again(&ledger, ms(1_050)), Some(ms(1_100)), "nothing was refused");
    ledger.refused(Refused { sent: ms(900), at: ms(901), how: Refusal::Reset });
    assert_eq!(account.served_again(&ledger, ms(1_050)), Some(ms(1_100)), "that was before");
    ledger.refused(Refused { sent: ms(1_150), at: ms(1_151), how: Refusal::Reset });
    assert_eq!(account.served_again(&ledger, ms(1_050)), Some(ms(4_000)));
}

#[test]
fn only_what_came_after_the_backup_may_be_lost_with_the_volume() {
    let ledger = ledger(&[Some(1_000), Some(3_000)]);
    let server = ServerClock::new(Timestamp::UNIX_EPOCH, &ledger);
    let backup = Timestamp::from_millisecond(2_000).unwrap();
    let account = Account::new(&ledger, &[]);
    let why = |allowance: Allowance| -> Vec<Why> {
        ledger.acknowledgements().map(|(write, one)| allowance.explain(write, one, &account, server)).collect()
    };
    assert_eq!(why(Allowance::After(backup)), [Why::Broken, Why::AfterTheBackup]);
    assert_eq!(why(Allowance::Nothing), [Why::Broken, Why::Broken]);
    assert_eq!(why(Allowance::Between(backup, ms(5_000))), [Why::Broken, Why::ExcludedByTheRestorePoint]);
    assert_eq!(why(Allowance::Between(backup, ms(2_500))), [Why::Broken, Why::Broken], "written after the restore");
}

#[test]
fn a_replica_may_lack_the_end_of_a_history_and_neither_its_middle_nor_what_it_was_seen_to_have() {
    // The last one was written after the recovery, and has an id that was free again.
    let mut ledger = ledger(&[Some(1_000), Some(2_000), Some(3_000), Some(4_000)]);
    let receipt = Receipt { id: 2, timestamp: Timestamp::from_millisecond(9_000).unwrap() };
    ledger.tried(4, ms(8_990), ms(8_990));
    ledger.acknowledged(4, Acknowledgement { sent: ms(8_990), at: ms(9_000), receipt });
    let server = ServerClock::new(Timestamp::UNIX_EPOCH, &ledger);
    let why = |seen: u64, found: &[u64]| -> Vec<Why> {
        let account = Account::new(&ledger, found);
        let allowance = Allowance::Tail(Timestamp::from_millisecond(i64::try_from(seen).unwrap()).ok(), ms(5_000));
        let gone = account.gone.iter().map(|write| (write, write.acknowledged.as_ref().unwrap()));
        gone.map(|(write, one)| allowance.explain(write, one, &account, server)).collect()
    };
    assert_eq!(why(2_500, &[0, 1, 4]), [Why::LackedByTheReplica, Why::LackedByTheReplica]);
    assert_eq!(why(2_500, &[0, 2, 4]), [Why::Broken, Why::LackedByTheReplica], "a hole");
    assert_eq!(why(3_500, &[0, 1, 4]), [Why::Broken, Why::LackedByTheReplica], "it was there before the disaster");
    assert_eq!(why(0, &[4]), [Why::LackedByTheReplica; 4]);
}
