//! For tests: a database made of LTX files, page by page, as simply as can be.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "it is part of tests")]

use std::path::Path;

use rusqlite::Connection;

#[cfg(test)]
use super::outbox::{Next, Outbox};

/// A replica made of what the engine hands out: an image of the database, page by page.
#[derive(Default)]
pub struct Image {
    pub txid: u64,
    pub page_size: u32,
    pub timestamp_ms: i64,
    pages: Vec<Vec<u8>>,
    pub files: Vec<String>,
}

impl Image {
    pub fn apply(&mut self, path: &Path) {
        let mut decoder = ltx::Decoder::new(std::fs::File::open(path).unwrap()).unwrap();
        let header = *decoder.header();
        assert!(header.min_txid <= self.txid + 1, "a hole before {}", header.min_txid);
        self.page_size = header.page_size;
        self.pages.resize(header.commit as usize, vec![0; header.page_size as usize]);
        let mut page = Vec::new();
        while let Some(number) = decoder.next_page(&mut page).unwrap() {
            self.pages[number as usize - 1] = page.clone();
        }
        decoder.finish().unwrap();
        (self.txid, self.timestamp_ms) = (header.max_txid, header.timestamp_ms);
        if header.post_apply_checksum != 0 {
            let sum = (1..).zip(&self.pages).fold(0, |sum, (number, page)| sum ^ ltx::page_checksum(number, page));
            assert_eq!(sum | ltx::CHECKSUM_FLAG, header.post_apply_checksum, "after {}", header.max_txid);
        }
        self.files.push(path.file_name().unwrap().to_string_lossy().into_owned());
    }

    /// Takes whatever waits for the store.
    #[cfg(test)]
    pub(super) fn drain(&mut self, outbox: &Outbox) {
        while let Next::File(staged) = outbox.next(0) {
            if staged.name.level == 0 || staged.name.max == 1 || self.txid == 0 {
                self.apply(&staged.path);
            } else {
                self.files.push(staged.name.to_string());
            }
            let epoch = outbox.epoch().0.unwrap().epoch;
            for dropped in outbox.delivered(0, epoch, staged.name, 0) {
                std::fs::remove_file(dropped.path).unwrap();
            }
        }
    }

    /// Rows of the table `t`, in a database that is whole.
    pub fn rows(&self) -> u64 {
        self.query("SELECT count(*) FROM t")
    }

    pub fn query(&self, statement: &str) -> u64 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("image.db");
        std::fs::write(&path, self.pages.concat()).unwrap();
        let connection = Connection::open(&path).unwrap();
        let check: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(check, "ok");
        connection.query_row(statement, [], |row| row.get(0)).unwrap()
    }

    /// What a folder's epoch holds, in the order of its transactions.
    pub fn of_folder(epoch: &Path) -> Self {
        let mut files: Vec<(ltx::FileName, std::path::PathBuf)> = Vec::new();
        for level in ["9", "0"] {
            let Ok(entries) = std::fs::read_dir(epoch.join("ltx").join(level)) else { continue };
            for entry in entries {
                let path = entry.unwrap().path();
                files.push((path.file_name().unwrap().to_str().unwrap().parse().unwrap(), path));
            }
        }
        files.sort_by_key(|(name, _)| (name.max, std::cmp::Reverse(name.min)));
        let mut image = Self::default();
        for (name, path) in files {
            if name.max > image.txid {
                image.apply(&path);
            }
        }
        image
    }
}
