//! Files in memory.

use std::io::{Read, Write};

use ltx::{Decoder, Encoder, Header, PageSums, Result, Trailer, lock_page, page_checksum};

/// The header and the pages of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Contents {
    pub(crate) header: Header,
    pub(crate) pages: Vec<(u32, Vec<u8>)>,
    pub(crate) post_apply_checksum: u64,
}

impl Contents {
    /// A snapshot with database checksums: 1 to `max_txid`.
    pub(crate) fn snapshot(page_size: u32, max_txid: u64, pages: Vec<Vec<u8>>) -> Self {
        let numbers = (1..).filter(|number| *number != lock_page(page_size));
        let pages: Vec<_> = numbers.zip(pages).collect();
        let commit = pages.last().map_or(0, |(number, _)| *number);
        let header =
            Header { page_size, commit, min_txid: 1, max_txid, timestamp_ms: 1_764_000_000_000, ..Header::default() };
        Self { header, post_apply_checksum: database_checksum(&pages), pages }
    }

    /// The file, written page by page.
    pub(crate) fn encode(&self) -> Result<Vec<u8>> {
        let mut encoder = Encoder::new(Vec::new(), &self.header)?;
        for (number, page) in &self.pages {
            encoder.page(*number, page)?;
        }
        Ok(encoder.finish(self.post_apply_checksum)?.0)
    }

    /// The file as Litestream wrote it before 0.5.16: pages in LZ4 frames, flag 0.
    pub(crate) fn encode_with_lz4_frames(&self, info: &lz4_flex::frame::FrameInfo) -> Vec<u8> {
        let mut hashed = self.header.encode().to_vec();
        let mut file = hashed.clone();
        let mut index = Vec::new();
        for (number, page) in &self.pages {
            let offset = file.len() as u64;
            for bytes in [&mut file, &mut hashed] {
                bytes.extend(number.to_be_bytes());
                bytes.extend([0, 0]);
            }
            let mut frame = lz4_flex::frame::FrameEncoder::with_frame_info(info.clone(), &mut file);
            frame.write_all(page).unwrap();
            frame.finish().unwrap();
            hashed.extend(page);
            for value in [u64::from(*number), offset, file.len() as u64 - offset] {
                uvarint(&mut index, value);
            }
        }
        index.push(0);
        index.extend((index.len() as u64).to_be_bytes());
        for bytes in [&mut file, &mut hashed] {
            bytes.extend([0; 6]);
            bytes.extend(&index);
            bytes.extend((self.post_apply_checksum ^ self.header.post_apply_checksum).to_be_bytes());
        }
        file.extend((crc(&hashed) | ltx::CHECKSUM_FLAG).to_be_bytes());
        file
    }
}

/// Reads a whole file.
pub(crate) fn decode(file: impl Read) -> Result<Contents> {
    decode_with_trailer(file).map(|(contents, _)| contents)
}

/// Reads a whole file and its trailer.
pub(crate) fn decode_with_trailer(file: impl Read) -> Result<(Contents, Trailer)> {
    let mut decoder = Decoder::new(file)?;
    let header = *decoder.header();
    let (mut page, mut pages) = (Vec::new(), Vec::new());
    while let Some(number) = decoder.next_page(&mut page)? {
        pages.push((number, page.clone()));
    }
    let trailer = decoder.finish()?;
    Ok((Contents { header, pages, post_apply_checksum: trailer.post_apply_checksum }, trailer))
}

/// Reads a whole file in batches of `frames` frames, each summed apart.
pub(crate) fn decode_in_batches(file: &[u8], frames: usize) -> Result<Contents> {
    let mut reader = ltx::FrameReader::new(file)?;
    let header = *reader.header();
    let (mut numbers, mut pages, mut sums) = (Vec::new(), Vec::new(), PageSums::default());
    let mut more = true;
    while more {
        let mut batch = Vec::new();
        for _ in 0..frames {
            more = more && reader.next_frame(&mut batch)?.is_some();
        }
        let mut part = PageSums::default();
        ltx::decode_frames(&batch, header.page_size, &mut numbers, &mut pages, &mut part)?;
        sums.append(&part);
    }
    let post_apply_checksum = reader.tail()?.verify(&sums)?.post_apply_checksum;
    let pages = pages.chunks(header.page_size as usize).map(<[u8]>::to_vec);
    Ok(Contents { header, pages: numbers.into_iter().zip(pages).collect(), post_apply_checksum })
}

/// The database checksum of `pages`.
pub(crate) fn database_checksum(pages: &[(u32, Vec<u8>)]) -> u64 {
    pages.iter().fold(0, |sum, (number, page)| sum ^ page_checksum(*number, page)) | ltx::CHECKSUM_FLAG
}

/// CRC-64/GO-ISO, bit by bit: slow and plain.
pub(crate) fn crc(bytes: &[u8]) -> u64 {
    !bytes.iter().fold(u64::MAX, |state, byte| {
        (0..8).fold(state ^ u64::from(*byte), |state, _| (state >> 1) ^ if state & 1 == 1 { 0xd8 << 56 } else { 0 })
    })
}

fn uvarint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}
