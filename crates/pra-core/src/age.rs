//! Lengths of time as people type them: `90s`, `15m`, `2h`, `1h30m`, `1d`, `2w`.
//!
//! `m` is minutes. A day is 24 hours and a week seven days, whatever the clocks of some zone do.
//! Months and years are refused: they have no fixed length.

use std::time::Duration;

use jiff::{SignedDuration, Span, SpanRelativeTo};

/// Why a text is not a length of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AgeError {
    /// Digits alone.
    #[error("'{0}' has no unit")]
    NoUnit(String),
    /// A sign, or the word `ago`.
    #[error("'{0}' is negative")]
    Negative(String),
    /// Months and years.
    #[error("'{0}' has no fixed length")]
    NoFixedLength(String),
    /// Anything else.
    #[error("'{0}' is not a length of time")]
    NotALength(String),
}

impl AgeError {
    /// What to type instead.
    pub fn hint(&self) -> String {
        match self {
            Self::NoUnit(text) => format!("add a unit: {text}s, {text}m, {text}h or {text}d"),
            Self::Negative(_) => "write 15m for fifteen minutes ago, without a sign".to_owned(),
            Self::NoFixedLength(_) => "count in weeks (4w) or days (31d); m is minutes".to_owned(),
            Self::NotALength(_) => "write 90s, 15m, 2h, 1h30m, 1d or 2w".to_owned(),
        }
    }
}

/// Reads a length of time.
pub fn parse(text: &str) -> Result<Duration, AgeError> {
    let refused = |kind: fn(String) -> AgeError| kind(text.to_owned());
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(refused(AgeError::NoUnit));
    }
    let Ok(span) = text.parse::<Span>() else {
        return Err(refused(AgeError::NotALength));
    };
    if span.is_negative() {
        return Err(refused(AgeError::Negative));
    }
    if span.get_years() != 0 || span.get_months() != 0 {
        return Err(refused(AgeError::NoFixedLength));
    }
    let exact = span.to_duration(SpanRelativeTo::days_are_24_hours()).map(Duration::try_from);
    match exact {
        Ok(Ok(length)) => Ok(length),
        _ => Err(refused(AgeError::NotALength)),
    }
}

/// Writes a length of time so that [`parse`] reads it back: `1h30m`, `2d`.
pub fn display(length: Duration) -> String {
    let (days, rest) = (length.as_secs() / 86_400, length.as_secs() % 86_400);
    let rest = SignedDuration::try_from(Duration::new(rest, length.subsec_nanos())).unwrap_or_default();
    let rest = format!("{rest:#}").replace(' ', "");
    match (days, length.is_zero() || rest != "0s") {
        (0, _) => rest,
        (days, false) => format!("{days}d"),
        (days, true) => format!("{days}d{rest}"),
    }
}

#[cfg(test)]
mod tests;
