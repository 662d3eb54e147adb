//! One run: does the steps that the [`Machine`] names, until it names none.

use std::time::Instant;

use engine::restore::{self, Mode, Plan, Prepared};
use pra_core::point::Point;
use pra_core::{Code, Error, Result};
use tokio::sync::watch;

use super::events::{Events, Reason};
use super::lease::Held;
use super::machine::{Happened, Machine, Step};
use super::report::{Quiesced, Report};
use super::state::{Identity, Phase, Remembered, State};
use super::{Done, Options, point, workloads};
use crate::Cluster;

/// Asked with the plan before anything is done; an error stops.
pub type Approve<'a> = &'a (dyn Fn(&Plan) -> Result<()> + Sync);

pub(super) struct Run<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) options: &'a Options,
    pub(super) approve: Approve<'a>,
    pub(super) stop: watch::Receiver<bool>,
    pub(super) held: &'a Held<'a>,
    pub(super) events: Events<'a>,
    pub(super) machine: Machine,
    /// An earlier pod of this Job has begun.
    pub(super) again: bool,
    pub(super) prepared: Option<Prepared>,
    /// What is said in the end.
    pub(super) report: Option<Report>,
    /// Why the restore failed, or is not whole.
    pub(super) error: Option<Error>,
    /// Why not all is back.
    pub(super) stuck: Option<Error>,
}

impl Run<'_> {
    /// Goes on until there is nothing left to do.
    pub(super) async fn go_on(&mut self) -> Result<Done> {
        loop {
            let step = self.machine.step();
            if step == Step::End {
                break;
            }
            let label = self.label(step);
            tracing::debug!(step = label, "next step");
            // Once the database is restored, that is recorded even after a request to stop.
            let may_stop = step.is_forward() && self.machine.report().is_none();
            let done = if may_stop && *self.stop.borrow() { Err(stopped()) } else { self.perform(step).await };
            let happened = match done {
                Ok(happened) => happened,
                Err(error) => {
                    self.suffer(step, error);
                    Happened::Failed
                }
            };
            super::crash::after(&label, self.again);
            self.machine.next(happened);
        }
        let done = self.outcome();
        if let Err(error) | Ok(Done { error: Some(error), .. }) = &done {
            self.events.tell(Reason::RestoreFailed, format!("{}: {}", self.options.job.name, error.chain())).await;
        }
        done
    }

    /// The step's name; of a write with what is written.
    fn label(&self, step: Step) -> String {
        match (step, self.machine.state().map(|state| state.phase)) {
            (Step::Write, Some(Phase::Chosen)) => "write-chosen".to_owned(),
            (Step::Write, Some(Phase::Quiescing)) => "write-quiescing".to_owned(),
            (Step::Write, Some(Phase::Quiesced)) => "write-quiesced".to_owned(),
            (Step::Write, Some(Phase::Restored)) => "write-restored".to_owned(),
            _ => step.name().to_owned(),
        }
    }

    async fn perform(&mut self, step: Step) -> Result<Happened> {
        let Options { job, point_from, point, deployments, cronjobs, .. } = self.options;
        let was = self.machine.was();
        match step {
            Step::Choose => return self.choose().await,
            Step::RestoreInPlace | Step::Replace => return self.restore(step).await,
            Step::Look => {
                let seen = workloads::see(self.cluster, deployments, cronjobs).await?;
                return Ok(Happened::Seen { seen, now: disk::clock::now() });
            }
            Step::Write => {
                if let Some(state) = self.machine.state() {
                    self.held.write(state).await?;
                }
            }
            Step::NotePoint => {
                if let (Some(configmap), None, Some(state)) = (point_from, point, self.machine.state()) {
                    point::note(self.cluster, configmap, &job.uid, &state.point).await?;
                }
            }
            Step::Suspend => workloads::suspend(self.cluster, &was).await?,
            Step::ScaleDown => workloads::scale_down(self.cluster, &was).await?,
            Step::AwaitGone => self.await_gone(&was).await?,
            Step::ScaleUp => workloads::scale_up(self.cluster, &was).await?,
            Step::Resume => workloads::resume(self.cluster, &was).await?,
            Step::AwaitReady => self.await_ready(&was).await?,
            Step::Clear => {
                self.report = self.make_report();
                self.held.clear(self.report.as_ref()).await?;
            }
            Step::End => {}
        }
        Ok(Happened::Done)
    }

    /// Finds the point, verifies it, plans.
    async fn choose(&mut self) -> Result<Happened> {
        let Options { job, point, point_from, .. } = self.options;
        let mode = self.options.restore.mode;
        let (text, plan) = match self.machine.chosen_before().cloned() {
            Some(before) => {
                let plan = self.plan_again(&before, mode).await?;
                (before.point, plan)
            }
            None => {
                let (text, point) = match (point, point_from) {
                    (Some(point), _) => (point.to_string(), point.clone()),
                    (None, Some(configmap)) => point::read(self.cluster, configmap, &job.uid).await?,
                    (None, None) => (Point::Latest.to_string(), Point::Latest),
                };
                (text, self.plan(point, mode).await?)
            }
        };
        (self.approve)(&plan)?;
        let Plan { point: means, mode: how, reached, why, .. } = plan;
        let started = format!("{}: restoring {means} ({reached}), {}: {why}", job.name, how.as_str());
        self.events.tell(Reason::RestoreStarted, started).await;
        Ok(Happened::Chosen { point: text, means, reached, how, now: disk::clock::now() })
    }

    async fn plan(&mut self, point: Point, mode: Mode) -> Result<Plan> {
        let options = restore::Options { point, mode, ..self.options.restore.clone() };
        let prepared = blocking(move || restore::plan(&options)).await?;
        Ok(self.prepared.insert(prepared).plan().clone())
    }

    /// Plans what was chosen before: that very point. Where it has gone meanwhile (retention, compaction) and was not
    /// asked for by its name, what was asked for is looked for again, as of then.
    async fn plan_again(&mut self, before: &State, mode: Mode) -> Result<Plan> {
        let gone = match self.plan(written(&before.means)?, mode).await {
            Err(error) if error.code() == Code::NotFound && before.point != before.means => error,
            planned => return planned,
        };
        tracing::warn!(error = gone.chain(), "the restore point that was chosen has gone: another one is looked for");
        let again = match written(&before.point)? {
            Point::Latest => Point::Latest,
            _ => written(&before.reached)?,
        };
        self.plan(again, mode).await
    }

    async fn restore(&mut self, step: Step) -> Result<Happened> {
        let asked_for_auto = self.options.restore.mode == Mode::Auto;
        let prepared = match (self.prepared.take(), self.machine.state().cloned()) {
            (Some(prepared), _) => prepared,
            (None, Some(state)) => {
                // Planned in place, which turned out to be impossible.
                self.plan_again(&state, Mode::Replace).await?;
                self.prepared.take().ok_or_else(|| Error::new(Code::Failed, "nothing is planned"))?
            }
            (None, None) => return Err(Error::new(Code::Failed, "nothing is planned")),
        };
        let report = match blocking(move || prepared.apply_and_tell()).await {
            Err(error) if step == Step::RestoreInPlace && asked_for_auto && error.code() == Code::Damaged => {
                tracing::warn!(error = error.chain(), "the database is damaged: it is replaced");
                return Ok(Happened::NotInPlace);
            }
            report => report?,
        };
        let restore::Report { point, reached, mode, seconds, .. } = &report;
        let message =
            format!("{}: {point} ({reached}) is restored, {}, {seconds:.2} s", self.options.job.name, mode.as_str());
        self.events.tell(Reason::Restored, message).await;
        Ok(Happened::Restored(report))
    }

    async fn await_gone(&mut self, was: &Remembered) -> Result<()> {
        let begun = Instant::now();
        tokio::select! {
            gone = workloads::await_gone(self.cluster, was, self.options.timeout) => gone?,
            () = until_stopped(&mut self.stop) => return Err(stopped()),
        }
        let message =
            format!("{}: stopped {was}, pods gone after {:.1} s", self.options.job.name, begun.elapsed().as_secs_f64());
        self.events.tell(Reason::Quiesced, message).await;
        Ok(())
    }

    async fn await_ready(&mut self, was: &Remembered) -> Result<()> {
        let begun = Instant::now();
        tokio::select! {
            ready = workloads::await_ready(self.cluster, was, self.options.timeout) => ready?,
            // Everything is put back; after a request to stop, do not wait until it is ready.
            () = until_stopped(&mut self.stop) => return Ok(()),
        }
        let message =
            format!("{}: {was} is back, ready after {:.1} s", self.options.job.name, begun.elapsed().as_secs_f64());
        self.events.tell(Reason::Resumed, message).await;
        Ok(())
    }

    fn suffer(&mut self, step: Step, error: Error) {
        tracing::debug!(step = step.name(), error = error.chain(), "failed");
        let restored = self.machine.report().is_some();
        match step {
            Step::ScaleUp | Step::Resume => {
                self.stuck.get_or_insert(error);
            }
            // Everything is back, but the next run would not know: it would bring it back again, although it may have
            // changed since.
            Step::Clear if !self.machine.was().is_empty() => {
                self.stuck.get_or_insert(error);
            }
            Step::Clear | Step::Write if restored => {
                tracing::warn!(error = error.chain(), "the database is restored; that could not be written down");
            }
            _ => {
                self.error.get_or_insert(error);
            }
        }
    }

    fn make_report(&self) -> Option<Report> {
        let restore = self.machine.report()?.clone();
        let now = disk::clock::now();
        let quiesced = self.machine.state().and_then(|state| {
            let since = state.stopped_at.filter(|_| !state.was.is_empty())?;
            Some(Quiesced {
                deployments: state.was.deployments.clone(),
                seconds: now.duration_since(since).as_secs_f64(),
            })
        });
        let Identity { name: job, uid: job_uid } = self.options.job.clone();
        Some(Report { restore, quiesced, job, job_uid, at: now })
    }

    fn outcome(&mut self) -> Result<Done> {
        match (self.report.take(), self.error.take(), self.stuck.take()) {
            (_, error, Some(stuck)) => Err(self.not_back(error, stuck)),
            (Some(report), error, None) => Ok(Done { report, error }),
            (None, Some(error), None) => Err(error),
            (None, None, None) => Err(Error::new(Code::Failed, "the restore ended without a result")),
        }
    }

    fn not_back(&self, error: Option<Error>, stuck: Error) -> Error {
        let was = self.machine.was();
        let before = match (self.machine.report(), error) {
            (Some(report), _) => format!("{} is restored", report.point),
            (None, Some(error)) => format!("the restore failed ({})", error.chain()),
            (None, None) => "the restore failed".to_owned(),
        };
        Error::new(stuck.code(), format!("{before}, and this may not be back as it was: {was}"))
            .hint(format!("run the restore again: the lease '{}' remembers what to bring back", self.options.lease))
            .because(stuck)
    }
}

/// A point as it is written on the Lease.
fn written(text: &str) -> Result<Point> {
    text.parse().map_err(|e| {
        Error::new(Code::Usage, format!("the lease names '{text}', which is no restore point"))
            .hint("another version wrote it: bring back by hand what its annotation names, then remove the annotation")
            .because(e)
    })
}

fn stopped() -> Error {
    Error::new(Code::Stopped, "stopped by a signal before the database was restored").hint("run it again")
}

async fn until_stopped(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        // The sender is gone: no request to stop can come.
        std::future::pending::<()>().await;
    }
}

/// SQLite and files, away from the async thread.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| Error::new(Code::Failed, "the restoring thread ended before its work").because(e))?
}
