//! Crash points of a restore in a cluster, for the tests only (feature `crash-points`).
//!
//! `PRA_CRASH_AT_STEP=NAME` ends the process just after that step, as a kill would; once, since the Job's next pod has
//! the same environment: a pod that finds its own Job in the Lease goes on. Names: [`super::machine::Step::name`], and
//! `write-chosen`, `write-quiescing`, `write-quiesced`, `write-restored` for the four things that are written.

/// Ends the process if this is the step. Not by SIGKILL: the first process of a container cannot send itself that.
#[cfg(feature = "crash-points")]
pub(super) fn after(step: &str, again: bool) {
    if !again && std::env::var("PRA_CRASH_AT_STEP").is_ok_and(|name| name == step) {
        tracing::warn!(step, "crash point: the process ends here");
        std::process::exit(137);
    }
}

#[cfg(not(feature = "crash-points"))]
#[inline]
pub(super) fn after(_step: &str, _again: bool) {}
