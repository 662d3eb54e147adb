//! The log's checksums: each frame's covers all of the log before it.

use std::io::{Read, Seek, SeekFrom};

use super::{FRAME_HEADER_SIZE, WAL_HEADER_SIZE, WalError, WalHeader, fill, u32_at};

/// Whether the first `frames` frames of `wal` are what SQLite wrote: their salts and checksums are those of this run.
///
/// # Errors
/// [`WalError::NotALog`], and what reading meets.
pub fn is_whole(wal: &mut (impl Read + Seek), frames: u64) -> Result<bool, WalError> {
    wal.seek(SeekFrom::Start(0))?;
    let mut bytes = [0; WAL_HEADER_SIZE];
    if !fill(wal, &mut bytes)? {
        return Ok(frames == 0);
    }
    let header = WalHeader::parse(&bytes)?;
    let mut sums = Sums { big_endian: header.big_endian_checksums, pair: (0, 0) };
    sums.add(&bytes[..24]);
    if sums.pair != (u32_at(&bytes, 24), u32_at(&bytes, 28)) {
        return Ok(false);
    }
    let mut frame = vec![0; FRAME_HEADER_SIZE + header.page_size as usize];
    for _ in 0..frames {
        if !fill(wal, &mut frame)? || (u32_at(&frame, 8), u32_at(&frame, 12)) != header.salts {
            return Ok(false);
        }
        sums.add(&frame[..8]);
        sums.add(&frame[FRAME_HEADER_SIZE..]);
        if sums.pair != (u32_at(&frame, 16), u32_at(&frame, 20)) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The running checksum (file format, 4.2).
struct Sums {
    big_endian: bool,
    pair: (u32, u32),
}

impl Sums {
    /// Adds bytes, whose number is a multiple of eight.
    fn add(&mut self, bytes: &[u8]) {
        let number = |four: [u8; 4]| match self.big_endian {
            true => u32::from_be_bytes(four),
            false => u32::from_le_bytes(four),
        };
        let (mut s0, mut s1) = self.pair;
        for eight in bytes.chunks_exact(8) {
            s0 = s0.wrapping_add(number([eight[0], eight[1], eight[2], eight[3]])).wrapping_add(s1);
            s1 = s1.wrapping_add(number([eight[4], eight[5], eight[6], eight[7]])).wrapping_add(s0);
        }
        self.pair = (s0, s1);
    }
}
