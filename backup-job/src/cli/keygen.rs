use std::path::PathBuf;

use pra_core::Result;
use serde::Serialize;
use store::encryption::NewKey;

use super::args::Format;
use super::output::Answer;

/// Makes a key to encrypt replicas with
///
/// The identity goes into a file that only its owner reads. Keep it away from the cluster: with it every replica can be
/// read, and without it none. The recipient is printed; it is not secret.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  backup-job keygen -o pra.key")]
pub(super) struct Args {
    /// The identity's file; it must not exist
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Debug, Serialize)]
struct Made {
    recipient: String,
    identity: PathBuf,
}

impl Args {
    #[expect(clippy::unused_self, reason = "as every verb")]
    pub(super) fn format(&self) -> Format {
        Format::Table
    }

    pub(super) fn run(self) -> Result<Answer> {
        let key = NewKey::generate();
        key.write(&self.out, disk::clock::now())?;
        let made = Made { recipient: key.recipient(), identity: self.out };
        Answer::new(&made, made.recipient.clone(), vec![made.recipient.clone()])
    }
}
