//! Shell completions and man pages, generated from the command line's own description.

use std::io;
use std::path::Path;

use clap::Command;
use clap_complete::Shell;
use pra_core::{Code, Error, Result};

use crate::output::Answer;

/// What can be generated.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Generate {
    /// Completions for a shell, on stdout
    #[command(after_help = "Example:\n  backup-job generate completions bash > /etc/bash_completion.d/backup-job")]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// A man page for the program and one for each verb
    #[command(after_help = "Example:\n  backup-job generate man /usr/local/share/man/man1")]
    Man {
        /// The folder that they are written into
        folder: std::path::PathBuf,
    },
}

impl Generate {
    /// Generates it for `command`.
    ///
    /// # Errors
    /// Where the folder cannot be written.
    pub fn run(&self, mut command: Command) -> Result<Answer> {
        match self {
            Self::Completions { shell } => {
                let name = command.get_name().to_owned();
                let mut text = Vec::new();
                clap_complete::generate(*shell, &mut command, name, &mut text);
                let text = String::from_utf8(text)
                    .map_err(|e| Error::new(Code::Failed, "the completions are no text").because(e))?;
                Answer::new(&text, text.trim_end().to_owned(), Vec::new())
            }
            Self::Man { folder } => {
                let failed = |e: io::Error| Error::io("write the man pages into", folder, e);
                clap_mangen::generate_to(command, folder).map_err(failed)?;
                let pages = pages(folder).map_err(failed)?;
                Answer::new(&pages, pages.join("\n"), pages.clone())
            }
        }
    }
}

fn pages(folder: &Path) -> io::Result<Vec<String>> {
    let names = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names: Vec<String> = names.collect::<io::Result<_>>()?;
    names.retain(|name| name.ends_with(".1"));
    names.sort();
    Ok(names)
}
