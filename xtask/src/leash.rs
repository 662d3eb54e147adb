//! A child that does not outlive its parent.
//!
//! The kernel can signal a process when its parent dies, but only the process itself can ask for it, and
//! between fork and exec only unsafe code can. So xtask starts itself as `xtask leash`, which asks and then
//! becomes the real program; what was asked survives the exec.

use std::convert::Infallible;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The process that must be alive.
    #[arg(long)]
    parent: i32,
    /// The program and its arguments.
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

/// The command that runs `program` on a leash; arguments of the program may be added to it.
pub(crate) fn command(program: &Path) -> Result<Command> {
    let mut command = Command::new(own_program()?);
    command.args(["leash", "--parent", &std::process::id().to_string(), "--"]).arg(program);
    Ok(command)
}

/// Ourselves, also when cargo has put a newer xtask in our place since we were started.
fn own_program() -> Result<PathBuf> {
    let running = Path::new("/proc/self/exe");
    if running.exists() {
        return Ok(running.to_path_buf());
    }
    std::env::current_exe().context("failed to find the path of xtask")
}

pub(crate) fn run(args: Args) -> Result<()> {
    let Args { parent, command } = args;
    match become_program(parent, &command)? {}
}

fn become_program(parent: i32, command: &[OsString]) -> Result<Infallible> {
    let [program, arguments @ ..] = command else { anyhow::bail!("no program to run") };
    die_with_parent(parent)?;
    let error = Command::new(program).args(arguments).exec();
    Err(error).with_context(|| format!("failed to run '{}'", program.display()))
}

#[cfg(target_os = "linux")]
fn die_with_parent(parent: i32) -> Result<()> {
    use nix::sys::{prctl, signal::Signal};

    prctl::set_pdeathsig(Signal::SIGTERM).context("failed to ask for a signal at the parent's death")?;
    // The parent may have died before we asked.
    let now = nix::unistd::getppid().as_raw();
    anyhow::ensure!(now == parent, "the parent {parent} is gone");
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn die_with_parent(_parent: i32) -> Result<()> {
    Ok(())
}
