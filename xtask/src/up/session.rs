//! One run of `up`: start, a backup now and then, end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::application::Application;
use super::backup::Backup;
use super::folder::Folder;
use super::server::Program;
use super::words;

/// How often the children and the clock are looked at.
const TICK: Duration = Duration::from_millis(50);

/// Runs until it is interrupted (which is a success) or a vital child ends (which is not).
pub(super) fn run(folder: Folder, program: &Program, port: u16, every: Duration) -> Result<()> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&interrupted);
    ctrlc::set_handler(move || flag.store(true, Ordering::SeqCst)).context("failed to listen for Ctrl-C")?;

    let mut application = match Application::launch(folder, program, port, &interrupted) {
        Err(_) if interrupted.load(Ordering::SeqCst) => return Ok(()),
        started => started?,
    };
    println!("{}", words::welcome(application.address(), application.folder(), every));
    let outcome = back_up(&mut application, every, &interrupted);
    let ended = application.stop();
    outcome.and(ended)
}

/// Makes a backup now and then. One that takes longer than the interval delays the next and is never overlapped by it.
fn back_up(application: &mut Application, every: Duration, interrupted: &AtomicBool) -> Result<()> {
    let mut running: Option<Backup> = None;
    let mut due = Instant::now();
    let outcome = loop {
        if interrupted.load(Ordering::SeqCst) {
            break Ok(());
        }
        match application.check() {
            Ok(None) => {}
            Ok(Some(line)) => eprintln!("{line}"),
            Err(error) => break Err(error),
        }
        if let Some(backup) = &mut running {
            if let Some(line) = backup.line()? {
                println!("{line}");
                running = None;
            }
        } else if Instant::now() >= due {
            due = Instant::now() + every;
            running = Some(Backup::start(application.folder())?);
        }
        std::thread::sleep(TICK);
    };
    let stopped = running.as_mut().map_or(Ok(()), Backup::stop);
    outcome.and(stopped)
}
