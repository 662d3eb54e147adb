//! schemathesis: thousands of requests made up from the API's own description, every answer held against it.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::{python, shown};
use crate::{tools, up, workspace};

const SCHEMATHESIS: &str = "schemathesis==4.32.5";

pub(super) fn check(_filter: Option<&str>) -> Result<()> {
    tools::from_system("python3", "python3")?;
    let schemathesis = python::program("schemathesis", SCHEMATHESIS)?;
    let scratch = workspace::target_dir().join("fuzz");
    clear(&scratch)?;
    let mut application = up::Application::start(&scratch)?;
    let description = format!("http://{}/openapi.json", application.address());
    let settings = workspace::root().join("components/events");
    let result = shown(
        Command::new(schemathesis)
            .arg("--config-file")
            .arg(settings.join("schemathesis.toml"))
            .args(["run", &description, "--checks", "all", "--max-examples", "400", "--seed", "1"])
            // Its hooks are a module beside the settings.
            .env("PYTHONPATH", &settings)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            // Its caches land in the current folder.
            .current_dir(&scratch),
    );
    application.stop().and(result)
}

fn clear(folder: &Path) -> Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).with_context(|| format!("failed to remove '{}'", folder.display()))?;
    }
    std::fs::create_dir_all(folder).with_context(|| format!("failed to make the folder '{}'", folder.display()))
}
