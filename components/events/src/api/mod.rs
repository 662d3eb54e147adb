//! One handler per route: from a checked request to an answer.

mod add;
mod events;
mod failure;
mod health;
mod home;
mod metrics;
mod recovery;
mod status;
mod workshop;

pub(crate) use add::add;
pub(crate) use events::{append, list, one};
pub(crate) use failure::authorise;
pub(crate) use health::{health, ready};
pub(crate) use home::home;
pub(crate) use metrics::metrics;
pub(crate) use recovery::recovery;
pub(crate) use status::status;
pub(crate) use workshop::{consultation, count};

/// What a handler gives: an answer, or the problem to tell.
pub(crate) type Answer = Result<crate::http::Response, crate::http::Problem>;
