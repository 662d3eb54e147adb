//! A page in an LZ4 frame, as Litestream wrote it before 0.5.16
//! (<https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md>). Numbers are little-endian.
//!
//! | size | field |
//! |---|---|
//! | 4 | magic 0x184D2204 |
//! | 1 | FLG: version 01 (bits 7, 6), blocks independent (5), block checksum (4), content size (3), content checksum (2), dictionary (0) |
//! | 1 | BD: largest size of a block |
//! | 0 or 8 | content size |
//! | 1 | header checksum: second byte of the XXH32 from FLG on |
//! | 4 | size of the block; top bit: stored as it is |
//! | … | the block |
//! | 0 or 4 | block checksum: XXH32 of the block as stored |
//! | 4 | zeros |
//! | 0 or 4 | content checksum: XXH32 of the page |
//!
//! The smallest of the largest block sizes is that of the largest page, so a page is one block, and the
//! question of linked blocks does not arise.

use std::ops::Range;

use twox_hash::XxHash32;

use crate::error::{Error, Result};
use crate::frame::{Source, checked_size, decompress_block};

const MAGIC: u32 = 0x184d_2204;
const VERSION_MASK: u8 = 0b1100_0000;
const VERSION: u8 = 0b0100_0000;
const BLOCK_CHECKSUM: u8 = 1 << 4;
const CONTENT_SIZE: u8 = 1 << 3;
const CONTENT_CHECKSUM: u8 = 1 << 2;
/// The reserved bit and the dictionary.
const REFUSED: u8 = 0b11;
const STORED: u32 = 1 << 31;

/// Where the parts are, counted from the start of the page's frame.
pub(crate) struct Shape {
    block: Range<usize>,
    stored: bool,
    content_checksum: Option<u32>,
    /// The end of the whole.
    pub(crate) end: usize,
}

/// Takes one LZ4 frame from `source`, `start` bytes into the page's frame. Nothing is decompressed.
pub(crate) fn parse(source: &mut impl Source, page: u32, page_size: u32, start: usize) -> Result<Shape> {
    let must = |holds: bool, what| if holds { Ok(()) } else { Err(Error::Lz4Frame { page, what }) };
    let mut end = start;

    must(number(source, &mut end)? == MAGIC, "its magic number is wrong")?;
    let flags = take::<2>(source, &mut end)?;
    let [flg, _largest_block] = flags;
    must(flg & VERSION_MASK == VERSION && flg & REFUSED == 0, "its flags are unknown")?;
    let mut described = flags.to_vec();
    if flg & CONTENT_SIZE != 0 {
        let size = take::<8>(source, &mut end)?;
        must(u64::from_le_bytes(size) == page_size.into(), "its content is not one page")?;
        described.extend_from_slice(&size);
    }
    let [checksum] = take(source, &mut end)?;
    must(checksum == xxh32(&described).to_le_bytes()[1], "its header checksum is wrong")?;

    let size = number(source, &mut end)?;
    let stored = size & STORED != 0;
    let size = checked_size(page, size & !STORED, page_size)?;
    must(size > 0, "it holds no block")?;
    let block = end..end + size;
    let block_sum = xxh32(source.take(size)?);
    end = block.end;
    if flg & BLOCK_CHECKSUM != 0 {
        must(number(source, &mut end)? == block_sum, "its block checksum is wrong")?;
    }
    must(number(source, &mut end)? == 0, "it holds more than one block")?;
    let content_checksum = if flg & CONTENT_CHECKSUM != 0 { Some(number(source, &mut end)?) } else { None };
    Ok(Shape { block, stored, content_checksum, end })
}

/// Decompresses into `into` and returns the size of what came out; `bytes` are the page's frame.
pub(crate) fn decompress(shape: &Shape, page: u32, bytes: &[u8], into: &mut [u8]) -> Result<usize> {
    let block = &bytes[shape.block.clone()];
    let size = match into.get_mut(..block.len()) {
        Some(whole) if shape.stored => {
            whole.copy_from_slice(block);
            block.len()
        }
        _ if shape.stored => block.len(),
        _ => decompress_block(page, block, into)?,
    };
    let sum = into.get(..size).map(xxh32);
    if shape.content_checksum.is_some_and(|expected| sum.is_some_and(|sum| sum != expected)) {
        return Err(Error::Lz4Frame { page, what: "its content checksum is wrong" });
    }
    Ok(size)
}

fn take<const N: usize>(source: &mut impl Source, end: &mut usize) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    bytes.copy_from_slice(source.take(N)?);
    *end += N;
    Ok(bytes)
}

fn number(source: &mut impl Source, end: &mut usize) -> Result<u32> {
    take(source, end).map(u32::from_le_bytes)
}

fn xxh32(bytes: &[u8]) -> u32 {
    XxHash32::oneshot(0, bytes)
}
