//! The peer: Flask and gunicorn from PyPI, in a virtual environment that is made once.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::process::{Says, Server, run};

const REQUIREMENTS: &str = include_str!("flask/requirements.txt");

/// The workshop runs gunicorn with as many.
const WORKERS: &str = "2";

/// An environment in which the peer runs.
pub(crate) struct Flask {
    venv: PathBuf,
}

impl Flask {
    /// Finds the environment below `cache`, or makes it, which takes half a minute and PyPI.
    pub(crate) fn install(cache: &Path) -> Result<Self> {
        let venv = cache.join("bench-flask");
        let installed = venv.join("installed.txt");
        if std::fs::read_to_string(&installed).is_ok_and(|text| text == REQUIREMENTS) {
            return Ok(Self { venv });
        }
        eprintln!("installing Flask and gunicorn into '{}'", venv.display());
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))
            .context("failed to make a Python environment: python3 with its venv module is needed")?;
        let requirements = source().join("requirements.txt");
        run(Command::new(venv.join("bin/pip")).args(["install", "--quiet", "--requirement"]).arg(requirements))?;
        // Written last: an environment without it is made again.
        std::fs::write(&installed, REQUIREMENTS).context("failed to note what was installed")?;
        Ok(Self { venv })
    }

    /// Serves `database`, which has the table `events`.
    pub(crate) fn serve(&self, database: &Path) -> Result<Server> {
        Server::start(&mut self.command(database), &Says::OnStderr)
    }

    fn command(&self, database: &Path) -> Command {
        let mut command = Command::new(self.venv.join("bin/gunicorn"));
        command.args(["--workers", WORKERS, "--bind", "127.0.0.1:0", "app:app"]);
        command.arg("--chdir").arg(source());
        command.env("DATABASE", database).env("PYTHONPYCACHEPREFIX", self.venv.join("pycache"));
        command
    }
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/flask")
}
