//! Under a paused clock, against an application of the test's own.

use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;

use super::*;
use crate::ledger::{Receipt, Refusal, Write};

/// An application that is away between two instants, and answers after `takes`.
struct Fake {
    clock: Clock,
    away: std::ops::Range<Duration>,
    takes: Duration,
    written: AtomicU64,
}

impl Writable for Fake {
    async fn write(&self, _message: &str) -> Result<Receipt, Refusal> {
        if self.away.contains(&self.clock.now()) {
            return Err(Refusal::ConnectionRefused);
        }
        sleep(self.takes).await;
        let id = self.written.fetch_add(1, Ordering::SeqCst);
        Ok(Receipt { id: i64::try_from(id).unwrap(), timestamp: Timestamp::UNIX_EPOCH })
    }
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Writes 20 times a second for `length`.
async fn write_for(length: Duration, away: std::ops::Range<Duration>, takes: Duration) -> Ledger {
    let clock = Clock::start();
    let fake = Arc::new(Fake { clock, away, takes, written: AtomicU64::new(0) });
    let writers = Writers::start(fake, Schedule::new(20), clock, "t-".to_owned());
    sleep_until(clock.instant(length)).await;
    writers.finish(ms(5_000)).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_application_that_is_well_gets_each_write_when_it_is_due_and_once() {
    let ledger = write_for(ms(2_010), ms(0)..ms(0), ms(5)).await;
    assert_eq!(ledger.writes().count(), 41);
    for (write, acknowledged) in ledger.acknowledgements() {
        assert_eq!((write.due, write.tries), (ms(50) * u32::try_from(write.sequence).unwrap(), 1));
        assert!(write.first_try - write.due <= ms(2), "{write:?}");
        assert!(acknowledged.at - acknowledged.sent >= ms(5), "{write:?}");
    }
    assert_eq!(ledger.acknowledgements().count(), 41);
    assert!(ledger.refusals().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_slow_application_gets_no_fewer_writes_than_a_fast_one() {
    let slow = write_for(ms(2_010), ms(0)..ms(0), ms(1_900)).await;
    assert_eq!(slow.writes().count(), 41, "the loop is open");
    assert_eq!(slow.acknowledgements().count(), 41);
}

#[tokio::test(start_paused = true)]
async fn a_refused_event_is_sent_again_until_acknowledged_and_recovery_is_seen_at_once() {
    let ledger = write_for(ms(4_010), ms(1_000)..ms(3_000), ms(1)).await;
    assert_eq!(ledger.writes().count(), ledger.acknowledgements().count());
    let during = |at: Duration| at >= ms(1_000) && at < ms(3_000);
    assert!(ledger.refusals().iter().all(|refused| during(refused.sent)));
    let late: Vec<&Write> = ledger.writes().filter(|write| during(write.due)).collect();
    assert_eq!(late.len(), 40);
    assert!(late.iter().all(|write| write.tries > 1));
    let first = ledger.acknowledgements().filter(|(_, one)| one.at >= ms(3_000)).map(|(_, one)| one.at).min();
    assert!(first.unwrap() <= ms(3_060), "{first:?}");
}

/// An application that never answers, and counts the waiting requests.
#[derive(Default)]
struct Stuck {
    now: AtomicU64,
    most: AtomicU64,
}

impl Writable for Stuck {
    async fn write(&self, _message: &str) -> Result<Receipt, Refusal> {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        sleep(ms(2_000)).await;
        self.now.fetch_sub(1, Ordering::SeqCst);
        Err(Refusal::TimedOut)
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_outage_does_not_end_in_a_flood_of_repeated_requests() {
    let (clock, stuck) = (Clock::start(), Arc::new(Stuck::default()));
    let writers = Writers::start(Arc::clone(&stuck), Schedule::new(20), clock, "t-".to_owned());
    sleep_until(clock.instant(ms(60_010))).await;
    let ledger = writers.finish(ms(0)).await.unwrap();
    assert_eq!(ledger.writes().count(), 1_201, "first requests are sent when they are due");
    // 20 a second for two seconds each, and the repeated ones.
    let most = stuck.most.load(Ordering::SeqCst);
    assert!((41..=49).contains(&most), "{most}");
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_an_application_that_stays_away_is_told_how_it_refuses() {
    let clock = Clock::start();
    let fake = Fake { clock, away: ms(0)..ms(60_000), takes: ms(1), written: AtomicU64::new(0) };
    let writers = Writers::start(Arc::new(fake), Schedule::new(20), clock, "t-".to_owned());
    let error = writers.acknowledged_since(ms(0), ms(3_000)).await.unwrap_err();
    assert_eq!(error.code(), Code::OutOfReach);
    assert!(error.to_string().contains("connection-refused"), "{error}");
    let ledger = writers.finish(ms(500)).await.unwrap();
    assert_eq!(ledger.acknowledgements().count(), 0, "what is not acknowledged by the end is given up");
}

#[test]
fn a_message_says_which_write_it_is_and_a_strange_one_none() {
    assert_eq!(sequence("drill-1-", &message("drill-1-", 42)), Some(42));
    assert_eq!(sequence("drill-1-", &message("drill-1-", 12_345_678)), Some(12_345_678));
    for strange in ["drill-2-000001", "drill-1-bad-0001", "hello"] {
        assert_eq!(sequence("drill-1-", strange), None);
    }
}
