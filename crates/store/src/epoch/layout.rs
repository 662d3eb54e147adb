//! Where things are below a replica's URL.

use pra_core::EpochId;

use crate::url::Scheme;

/// Who writes.
pub const LEASE_KEY: &str = "lease.json";

/// What an epoch is.
pub fn manifest_key(epoch: &EpochId) -> String {
    format!("{epoch}/epoch.json")
}

/// The folder of an epoch's LTX files of one level, as Litestream 0.5 has it: with `<url>/<epoch>` for its replica it
/// finds them. Its S3 client has a layout of its own.
pub fn level_folder(scheme: Scheme, epoch: &EpochId, level: u8) -> String {
    match scheme {
        Scheme::S3 => format!("{epoch}/{level:04x}"),
        Scheme::Gs | Scheme::Az | Scheme::File => format!("{epoch}/ltx/{level}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_levels_lie_where_litestream_looks_for_them() {
        let epoch = "20261125T202345Z-1a2b3c4d".parse().unwrap();
        assert_eq!(level_folder(Scheme::S3, &epoch, 9), "20261125T202345Z-1a2b3c4d/0009");
        assert_eq!(level_folder(Scheme::File, &epoch, 9), "20261125T202345Z-1a2b3c4d/ltx/9");
        assert_eq!(manifest_key(&epoch), "20261125T202345Z-1a2b3c4d/epoch.json");
    }
}
