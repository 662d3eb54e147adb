//! A running `backup-job replicate`.

use mini_pra_tests::{Data, Job, Process, Store};
use nix::sys::signal::Signal;

pub(crate) struct Replicator {
    process: Process,
}

impl Replicator {
    /// Starts it.
    #[track_caller]
    pub(crate) fn start(data: &Data, stores: &[&Store], arguments: &[&str]) -> Self {
        let job = stores.iter().fold(Job::new("replicate", data), |job, store| store.given_to(job));
        Self { process: job.args(arguments).start(data) }
    }

    /// Waits until it has reached the store.
    #[track_caller]
    pub(crate) fn reaches(&mut self, store: &Store) {
        self.process.line(&format!(r#"{{"replica":"{}""#, store.url));
    }

    /// Kills it; it may be still dying.
    pub(crate) fn strike(&mut self) {
        self.process.signal(Signal::SIGKILL);
    }

    /// Kills it.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Asks it to end, which it does well and with everything in its stores.
    #[track_caller]
    pub(crate) fn stop(mut self) {
        let status = self.process.stop();
        assert_eq!(status.code(), Some(0), "{}", self.process.output());
    }

    /// Waits for its end: the code and what it has printed.
    #[track_caller]
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        (self.process.wait().code(), self.process.output())
    }
}
