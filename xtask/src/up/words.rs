//! What `up` says once everything runs.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::folder::Folder;
use crate::workspace::{self, shown};

/// The URL, three commands to try, and where the data is.
pub(crate) fn welcome(address: SocketAddr, folder: &Folder, every: Duration) -> String {
    let database = quoted(&shown(&folder.database()));
    let backups = quoted(&shown(&folder.backups()));
    let restore = job("restore", folder);
    let every = humantime::format_duration(every);
    format!(
        "\nServing http://{address}, to be ended with Ctrl-C. Try:\n\n  \
           curl 'http://{address}/add?message=hello'\n  \
           curl http://{address}/status\n  \
           {restore} --point latest\n\n\
         database  {database}\n\
         backups   {backups}, one every {every}:\n"
    )
}

/// `backup-job VERB` on the folder, as one types it.
pub(super) fn job(verb: &str, folder: &Folder) -> String {
    let [program, database, backups] =
        [workspace::bin("backup-job"), folder.database(), folder.backups()].map(|path| quoted(&shown(&path)));
    format!("{program} {verb} --database {database} --backups {backups}")
}

/// `path` as a shell reads it back.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |character: char| character.is_ascii_alphanumeric() || "/._-+:@".contains(character);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_quoted_path_comes_back_from_the_shell_as_it_was() {
        for path in ["var/data/app.db", "with space", "it's", "$HOME `x` \"y\"", "*"] {
            let script = format!("printf %s {}", quoted(Path::new(path)));
            let output = Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), path);
        }
    }
}
