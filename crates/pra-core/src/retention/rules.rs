//! The rules that count periods, over instants alone.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::super::age;
use super::{Keep, window};

/// A period's number: equal for two instants of the same period, different for any others.
type Period = fn(DateTime) -> (i16, i64);

fn minute(at: DateTime) -> (i16, i64) {
    let (year, hour) = hour(at);
    (year, hour * 60 + i64::from(at.minute()))
}

fn hour(at: DateTime) -> (i16, i64) {
    let (year, day) = day(at);
    (year, day * 24 + i64::from(at.hour()))
}

fn day(at: DateTime) -> (i16, i64) {
    (at.year(), i64::from(at.day_of_year()))
}

fn week(at: DateTime) -> (i16, i64) {
    let week = at.date().iso_week_date();
    (week.year(), i64::from(week.week()))
}

fn month(at: DateTime) -> (i16, i64) {
    (at.year(), i64::from(at.month()))
}

fn year(at: DateTime) -> (i16, i64) {
    (at.year(), 0)
}

/// The names of the rules of time that keep each of `times`, which are newest first.
pub(super) fn apply(times: &[Timestamp], keep: &Keep) -> Vec<Vec<String>> {
    let Keep { last: _, minutely, hourly, daily, weekly, monthly, yearly, within, keep_pre_restore: _ } = keep;
    let mut reasons: Vec<Vec<String>> = vec![Vec::new(); times.len()];
    let periodic: [(&str, usize, Period); 6] = [
        ("minutely", *minutely, minute),
        ("hourly", *hourly, hour),
        ("daily", *daily, day),
        ("weekly", *weekly, week),
        ("monthly", *monthly, month),
        ("yearly", *yearly, year),
    ];
    for (name, count, period) in periodic {
        for index in newest_of_each(times, count, period) {
            reasons[index].push(name.to_owned());
        }
    }
    if let Some(within) = within
        && let Some(limit) = window::start(times, *within)
    {
        for (reasons, _) in reasons.iter_mut().zip(times).filter(|(_, at)| **at >= limit) {
            reasons.push(format!("within {}", age::display(*within)));
        }
    }
    reasons
}

/// The newest instant of each of the newest `count` periods that have one, and the oldest instant of
/// all while the count is not used up.
fn newest_of_each(times: &[Timestamp], count: usize, period: Period) -> Vec<usize> {
    let mut kept = Vec::new();
    let mut previous = None;
    for (index, at) in times.iter().enumerate() {
        if kept.len() == count {
            break;
        }
        let current = Some(period(Offset::UTC.to_datetime(*at)));
        if current != previous || index + 1 == times.len() {
            kept.push(index);
            previous = current;
        }
    }
    kept
}
