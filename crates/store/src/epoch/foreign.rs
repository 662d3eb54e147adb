//! What lies in a store and is not ours. A store that holds any such thing is not empty.

use pra_core::{Code, EpochId, Error, Result};

use super::LEASE_KEY;
use crate::Store;
use crate::objects::Object;

/// Fails where a store without epochs holds anything but a lease: by a complete listing.
///
/// # Errors
/// [`Code::Usage`], which names what is there; and where the store cannot be listed.
pub async fn require_nothing_foreign(store: &Store) -> Result<()> {
    let objects = store.list("").await?;
    let foreign: Vec<&Object> = objects.iter().filter(|object| is_foreign(&object.key)).collect();
    let Some(first) = foreign.first() else { return Ok(()) };
    let whose =
        if foreign.iter().any(|object| is_litestream(&object.key)) { "a replica of Litestream" } else { "objects" };
    let more = if foreign.len() > 1 { format!(" and {} more", foreign.len() - 1) } else { String::new() };
    let message = format!("{} holds {whose}, and no replica of this program: '{}'{more}", store.url(), first.key);
    Err(Error::new(Code::Usage, message)
        .hint("name the right bucket and prefix, or give the replica a prefix of its own: nothing there was touched"))
}

/// Whether it is neither the lease nor within an epoch.
fn is_foreign(key: &str) -> bool {
    let top = key.split('/').next().unwrap_or(key);
    key != LEASE_KEY && top.parse::<EpochId>().is_err()
}

/// Whether it lies where Litestream puts things: `ltx/<level>/…` or, in S3, `<level>/….ltx`; before 0.5 `generations/`.
fn is_litestream(key: &str) -> bool {
    let is_level = |name: &str| name.len() == 4 && u16::from_str_radix(name, 16).is_ok();
    match key.split_once('/') {
        Some(("ltx" | "generations", _)) => true,
        Some((level, name)) => is_level(level) && name.ends_with(".ltx"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_neither_a_lease_nor_an_epochs_is_foreign_and_litestreams_is_told() {
        let ours = ["lease.json", "20261125T202345Z-1a2b3c4d/epoch.json", "20261125T202345Z-1a2b3c4d/other"];
        let litestreams = ["ltx/0/0000000000000001-0000000000000001.ltx", "0009/1-1.ltx", "generations/x/y"];
        let others = ["notes.txt", "lease.json.bak", "backup/app.db", "lease.json/x"];
        for key in ours {
            assert!(!is_foreign(key), "{key}");
        }
        for key in litestreams {
            assert!(is_foreign(key) && is_litestream(key), "{key}");
        }
        for key in others {
            assert!(is_foreign(key) && !is_litestream(key), "{key}");
        }
    }
}
