//! The state machine: the state on the Lease and the last outcome decide on the next step. No I/O.
//!
//! The order matters: what has to be put back is recorded before anything is stopped, a record is never overwritten by
//! a later observation, and it is removed only when everything is back.

use engine::restore::{How, Report};
use jiff::Timestamp;

use super::state::{Identity, Phase, Remembered, State};

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Find the restore point, verify it, plan. Changes nothing.
    Choose,
    /// Write [`Machine::state`] on the Lease.
    Write,
    /// Note in the ConfigMap that the point is used.
    NotePoint,
    /// Restore while the application runs (or before it is brought back).
    RestoreInPlace,
    /// See how many replicas there are, and what is suspended.
    Look,
    /// Suspend the CronJobs.
    Suspend,
    /// Scale the Deployments to zero.
    ScaleDown,
    /// Wait until their pods are gone.
    AwaitGone,
    /// Restore as a new file.
    Replace,
    /// Give the Deployments their replicas back.
    ScaleUp,
    /// Let the CronJobs go on that were not suspended before.
    Resume,
    /// Wait until the Deployments are ready.
    AwaitReady,
    /// Take the state off the Lease, and let go of it.
    Clear,
    /// Nothing.
    End,
}

impl Step {
    /// Its name, for logs and tests.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Choose => "choose",
            Self::Write => "write",
            Self::NotePoint => "note-point",
            Self::RestoreInPlace => "restore-in-place",
            Self::Look => "look",
            Self::Suspend => "suspend",
            Self::ScaleDown => "scale-down",
            Self::AwaitGone => "await-gone",
            Self::Replace => "replace",
            Self::ScaleUp => "scale-up",
            Self::Resume => "resume",
            Self::AwaitReady => "await-ready",
            Self::Clear => "clear",
            Self::End => "end",
        }
    }

    /// Whether it leads to the restore, and not back from it: after a request to stop, no such step begins.
    pub(super) fn is_forward(self) -> bool {
        match self {
            Self::ScaleUp | Self::Resume | Self::AwaitReady | Self::Clear | Self::End => false,
            Self::Choose
            | Self::Write
            | Self::NotePoint
            | Self::RestoreInPlace
            | Self::Look
            | Self::Suspend
            | Self::ScaleDown
            | Self::AwaitGone
            | Self::Replace => true,
        }
    }
}

/// The outcome of a step.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Happened {
    /// It was done, and there is nothing to say about it.
    Done,
    /// The point was found and the way planned.
    Chosen {
        /// As asked for.
        point: String,
        /// The one that it means.
        means: String,
        /// The instant of that one.
        reached: String,
        /// The way.
        how: How,
        /// The time now.
        now: Timestamp,
    },
    /// How things are.
    Seen {
        /// Replicas and suspensions.
        seen: Remembered,
        /// The time now.
        now: Timestamp,
    },
    /// The database is restored.
    Restored(Report),
    /// It cannot be done in place after all; nothing was changed.
    NotInPlace,
    /// It failed, or a stop was requested.
    Failed,
}

/// One run, from the Lease that it found to the Lease that it leaves.
#[derive(Debug, Clone)]
pub(super) struct Machine {
    us: Identity,
    state: Option<State>,
    how: How,
    report: Option<Report>,
    doing: Step,
    /// The restore has failed; things are put back.
    failed: bool,
    /// Putting back has failed: the state stays, for the next restore.
    stuck: bool,
}

impl Machine {
    /// A run by `us` that found this on the Lease.
    pub(super) fn new(us: Identity, found: Option<State>) -> Self {
        let ours_is_restored =
            found.as_ref().is_some_and(|found| found.job.uid == us.uid && found.phase == Phase::Restored);
        let doing = if ours_is_restored { Step::ScaleUp } else { Step::Choose };
        let report = found.as_ref().filter(|_| ours_is_restored).and_then(|found| found.report.clone());
        Self { us, state: found, how: How::InPlace, report, doing, failed: false, stuck: false }
    }

    /// The step to do.
    pub(super) fn step(&self) -> Step {
        self.doing
    }

    /// The state on the Lease, or to be written there now.
    pub(super) fn state(&self) -> Option<&State> {
        self.state.as_ref()
    }

    /// What an earlier pod of this Job has recorded.
    pub(super) fn chosen_before(&self) -> Option<&State> {
        self.state.as_ref().filter(|state| state.job.uid == self.us.uid)
    }

    /// What is to be brought back; empty where nothing was stopped.
    pub(super) fn was(&self) -> Remembered {
        self.state.as_ref().map(|state| state.was.clone()).unwrap_or_default()
    }

    /// What was done to the database, once it is restored.
    pub(super) fn report(&self) -> Option<&Report> {
        self.report.as_ref()
    }

    /// Takes the outcome of the step, and returns the next one.
    pub(super) fn next(&mut self, happened: Happened) -> Step {
        self.doing = match happened {
            Happened::Chosen { point, means, reached, how, now } => self.chosen((point, means, reached), how, now),
            Happened::Seen { seen, now } => self.seen(seen, now),
            Happened::Restored(report) => self.restored(report),
            Happened::NotInPlace => {
                self.how = How::Replace;
                Step::Look
            }
            Happened::Done => self.done(),
            Happened::Failed => self.went_wrong(),
        };
        self.doing
    }

    fn chosen(&mut self, (point, means, reached): (String, String, String), how: How, now: Timestamp) -> Step {
        let before = self.state.take();
        self.how = how;
        self.state = Some(State {
            job: self.us.clone(),
            phase: Phase::Chosen,
            point,
            means,
            reached,
            since: now,
            stopped_at: before.as_ref().and_then(|before| before.stopped_at),
            was: before.map(|before| before.was).unwrap_or_default(),
            report: None,
        });
        Step::Write
    }

    fn seen(&mut self, seen: Remembered, now: Timestamp) -> Step {
        if let Some(state) = &mut self.state {
            state.was.add(seen);
            state.stopped_at.get_or_insert(now);
        }
        self.write(Phase::Quiescing)
    }

    fn restored(&mut self, report: Report) -> Step {
        self.report = Some(report.clone());
        if self.was().is_empty() {
            return Step::Clear;
        }
        if let Some(state) = &mut self.state {
            state.report = Some(report);
        }
        self.write(Phase::Restored)
    }

    fn done(&mut self) -> Step {
        match self.doing {
            Step::Choose | Step::Look => self.went_wrong(), // these have something to say
            Step::Write => match self.state.as_ref().map(|state| state.phase) {
                Some(Phase::Chosen) => Step::NotePoint,
                Some(Phase::Quiescing) => Step::Suspend,
                Some(Phase::Quiesced) => Step::Replace,
                Some(Phase::Restored) => Step::ScaleUp,
                None => Step::Clear,
            },
            Step::NotePoint => match self.how {
                How::InPlace => Step::RestoreInPlace,
                How::Replace => Step::Look,
            },
            Step::Suspend => Step::ScaleDown,
            Step::ScaleDown => Step::AwaitGone,
            Step::AwaitGone => self.write(Phase::Quiesced),
            Step::RestoreInPlace | Step::Replace => self.went_wrong(), // these have a report
            Step::ScaleUp => Step::Resume,
            Step::Resume if self.stuck => Step::End,
            Step::Resume if self.failed => Step::Clear,
            Step::Resume => Step::AwaitReady,
            Step::AwaitReady => Step::Clear,
            Step::Clear | Step::End => Step::End,
        }
    }

    fn went_wrong(&mut self) -> Step {
        match self.doing {
            // The CronJobs can be resumed even if the Deployments cannot be scaled.
            Step::ScaleUp => {
                self.stuck = true;
                Step::Resume
            }
            Step::Resume | Step::Clear | Step::End => Step::End,
            // Everything is put back; a workload that does not become ready is not the restore's fault.
            Step::AwaitReady => Step::Clear,
            // The database is restored, even if that could not be recorded.
            Step::Write if self.report.is_some() => Step::ScaleUp,
            _ if self.was().is_empty() => {
                self.failed = true;
                Step::Clear
            }
            _ => {
                self.failed = true;
                Step::ScaleUp
            }
        }
    }

    fn write(&mut self, phase: Phase) -> Step {
        if let Some(state) = &mut self.state {
            state.phase = phase;
        }
        Step::Write
    }
}

#[cfg(test)]
mod tests;
