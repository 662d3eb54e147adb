use super::*;
use crate::fixtures::{ledger, ms};
use crate::ledger::Refused;
use crate::svg::svg;
use crate::verdict::{Lag, Measure};

/// Ten writes a second for two seconds; a disaster after one of them, and half a second without an answer.
fn notes() -> Notes {
    let at = (0..20).map(|number: u64| number * 100 + 20);
    let writes: Vec<Option<u64>> = at.map(|at| Some(if (1_000..1_500).contains(&at) { 1_530 } else { at })).collect();
    let mut ledger = ledger(&writes);
    for how in [Refusal::ConnectionRefused, Refusal::ConnectionRefused, Refusal::KeptAliveCut] {
        ledger.refused(Refused { sent: ms(1_100), at: ms(1_101), how });
    }
    Notes {
        subject: Subject {
            drill: "volume-loss".into(),
            how: "restore".into(),
            id: "1".to_owned(),
            namespace: "pra".to_owned(),
            app: "events".to_owned(),
            replicas: 2,
        },
        started_at: Timestamp::UNIX_EPOCH,
        phases: vec![Phase { name: "lose the volume".into(), at_seconds: 1.0, seconds: 0.5 }],
        marks: vec![Mark { name: "disaster".into(), at_seconds: 1.0 }],
        disaster: ms(1_000),
        recovery: Some(ms(1_200)),
        end: ms(2_000),
        ledger,
        found: (0..5).chain(8..20).collect(),
        allowance: Allowance::After(Timestamp::from_millisecond(500).unwrap()),
        promised: Promised {
            loss: "lost: only what was written after the last backup",
            no_refusal: false,
            within: Some((Measure::Recovery, 10.0)),
            lag: None,
            bad_left: None,
        },
        restore_point: None,
    }
}

#[test]
fn it_says_how_long_it_took_and_exactly_what_was_lost() {
    let report = Report::new(notes());
    assert_eq!((report.written, report.acknowledged, report.lost, report.excluded), (20, 20, 3, 0));
    let lost: Vec<&str> = report.lost_events.iter().map(|event| event.message.as_str()).collect();
    assert_eq!(lost, ["drill-1-000005", "drill-1-000006", "drill-1-000007"]);
    assert_eq!(report.lost_events[0].id, 6);
    assert_eq!(report.lost_events[0].timestamp.to_string(), "1970-01-01T00:00:00.52Z");
    assert!((report.rto_seconds.unwrap() - 0.52).abs() < 1e-9, "{:?}", report.rto_seconds);
    assert!((report.recovery_seconds.unwrap() - 0.32).abs() < 1e-9);
    assert!((report.rpo_seconds - 0.48).abs() < 0.011, "{}", report.rpo_seconds);
    assert!((report.longest_gap_seconds - 0.6).abs() < 1e-9, "{}", report.longest_gap_seconds);
    assert!(report.verdict.held, "{:?}", report.verdict);
}

#[test]
fn connections_that_were_used_before_and_cut_are_counted_apart() {
    let report = Report::new(notes());
    assert_eq!((report.refused, report.kept_alive_cut), (2, 1));
    assert_eq!(report.refused_by_kind, BTreeMap::from([("connection-refused".to_owned(), 2)]));
}

#[test]
fn an_event_from_before_the_backup_that_is_lost_breaks_the_promise() {
    let report = Report::new(Notes { found: (1..20).collect(), ..notes() });
    assert!(!report.verdict.held);
    assert_eq!(report.lost_events[0].why, "it should be there");
    assert!(report.verdict.words.contains("not kept"), "{}", report.verdict.words);
}

#[test]
fn an_event_that_is_there_twice_breaks_the_promise() {
    let report = Report::new(Notes { found: (0..20).chain([3]).collect(), ..notes() });
    assert_eq!((report.doubled, report.verdict.held), (1, false));
}

#[test]
fn being_slow_is_said_and_breaks_nothing() {
    let promised = Promised { within: Some((Measure::Rto, 0.1)), ..notes().promised };
    let report = Report::new(Notes { promised, ..notes() });
    assert!(report.verdict.held);
    assert!(report.verdict.words.starts_with("slower than promised"), "{}", report.verdict.words);
}

#[test]
fn a_replica_that_lagged_for_longer_than_promised_is_said_and_breaks_nothing() {
    let words = |lag: Lag| {
        let promised = Promised { lag: Some(lag), ..notes().promised };
        let verdict = Report::new(Notes { promised, ..notes() }).verdict;
        assert!(verdict.held, "{verdict:?}");
        verdict.words
    };
    assert_eq!(words(Lag::Lost), "all promises were kept", "the oldest lost event is half a second old");
    assert_eq!(words(Lag::Point(0.9)), "all promises were kept");
    let late = words(Lag::Point(1.5));
    assert!(late.starts_with("slower than promised") && late.contains("1.50 s"), "{late}");
}

#[test]
fn a_refused_request_breaks_the_promise_only_where_none_may_be() {
    let promised = Promised { no_refusal: true, ..notes().promised };
    assert!(!Report::new(Notes { promised, ..notes() }).verdict.held);
}

#[test]
fn what_a_restore_point_excludes_is_not_lost_and_is_named_all_the_same() {
    let allowance = Allowance::Between(Timestamp::from_millisecond(500).unwrap(), ms(1_200));
    let report = Report::new(Notes { allowance, ..notes() });
    assert_eq!((report.lost, report.excluded, report.lost_events.len()), (0, 3, 3));
    assert_eq!(report.rpo_seconds, 0.0);
    assert!(report.verdict.held);
}

#[test]
fn every_acknowledgement_and_refusal_is_in_one_slice_of_the_timeline() {
    let report = Report::new(notes());
    assert_eq!(report.timeline.iter().map(|slice| slice.acknowledged).sum::<u64>(), report.acknowledged);
    assert_eq!(report.timeline.iter().map(|slice| slice.refused).sum::<u64>(), 3);
    assert_eq!(report.timeline.len(), 9);
}

#[test]
fn the_picture_says_in_words_what_it_shows_and_lets_no_name_out_of_its_place() {
    let mut notes = notes();
    notes.subject.app = "<b>&\"".to_owned();
    let picture = svg(&Report::new(notes));
    assert!(picture.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
    for part in ["<title id=\"title\">", "<desc id=\"desc\">RTO 0.52 s", "lose the volume", "disaster 1.0 s"] {
        assert!(picture.contains(part), "{part}");
    }
    assert!(picture.contains("&lt;b&gt;&amp;&quot;") && !picture.contains("<b>"));
    assert_eq!(picture.matches("<text").count(), picture.matches("</text>").count());
    assert!(!picture.contains("NaN") && !picture.contains("inf"));
}
