//! Prints what is in an LTX file: its header, its pages and its checksums.
//!
//! ```console
//! $ cargo run --release --package examples --bin read-ltx -- replica/*/ltx/0/*.ltx
//! ```
//! It shows the crate `ltx`, which knows no file and no clock: a `Decoder` reads from any `Read`. No page is to be trusted
//! before `finish` has checked the index and the checksums.

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use ltx::{Decoder, page_checksum};

fn main() -> Result<()> {
    let mut files = std::env::args_os().skip(1).map(PathBuf::from).peekable();
    if files.peek().is_none() {
        bail!("usage: read-ltx FILE…");
    }
    files.try_for_each(|path| print(&path).with_context(|| format!("failed to read '{}'", path.display())))
}

fn print(path: &std::path::Path) -> Result<()> {
    let mut decoder = Decoder::new(BufReader::new(File::open(path)?))?;
    let header = *decoder.header();
    let kind = if header.is_snapshot() { "snapshot" } else { "changes" };
    println!("{}: {kind}", path.display());
    println!("  transactions {:016x} to {:016x}", header.min_txid, header.max_txid);
    println!("  made at {}", jiff::Timestamp::from_millisecond(header.timestamp_ms)?);
    println!("  {} pages of {} bytes in the database afterwards", header.commit, header.page_size);

    let mut page = Vec::new();
    while let Some(number) = decoder.next_page(&mut page)? {
        println!("  page {number}: {:016x}", page_checksum(number, &page));
    }
    let trailer = decoder.finish()?;
    // A writer may leave the database's checksum out: it is 0 then.
    println!("  database {:016x}, file {:016x}: verified", trailer.post_apply_checksum, trailer.file_checksum);
    Ok(())
}
