//! One page as a file holds it: number, flags, compressed bytes.

use std::io::{ErrorKind, Read};
use std::ops::Range;

use lz4_flex::block;

use crate::checksum::PageSums;
use crate::error::{Error, Result};
use crate::lz4_frame;

/// Number and flags.
pub(crate) const PAGE_HEADER_SIZE: usize = 6;

/// Flag: a size and an LZ4 block follow.
const BLOCK: u16 = 1;

/// The bytes that a frame is taken from, front to back.
pub(crate) trait Source {
    /// The next `length` bytes.
    fn take(&mut self, length: usize) -> Result<&[u8]>;
}

/// A source in memory.
struct Slice<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl Source for Slice<'_> {
    fn take(&mut self, length: usize) -> Result<&[u8]> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        let taken = rest.get(..length).ok_or(Error::Truncated { offset: self.bytes.len() as u64 })?;
        self.position += length;
        Ok(taken)
    }
}

/// A source that keeps what is taken from a reader.
pub(crate) struct Kept<'a, R> {
    pub(crate) reader: &'a mut R,
    /// Of the next byte, in the file.
    pub(crate) offset: &'a mut u64,
    pub(crate) into: &'a mut Vec<u8>,
}

impl<R: Read> Source for Kept<'_, R> {
    fn take(&mut self, length: usize) -> Result<&[u8]> {
        let start = self.into.len();
        self.into.resize(start + length, 0);
        let taken = &mut self.into[start..];
        read_exact(self.reader, self.offset, taken)?;
        Ok(taken)
    }
}

/// Fills `bytes` and moves `offset` on.
pub(crate) fn read_exact(reader: &mut impl Read, offset: &mut u64, bytes: &mut [u8]) -> Result<()> {
    reader.read_exact(bytes).map_err(|source| match source.kind() {
        ErrorKind::UnexpectedEof => Error::Truncated { offset: *offset },
        _ => Error::Read { offset: *offset, source },
    })?;
    *offset += bytes.len() as u64;
    Ok(())
}

/// Where the parts of one frame are, counted from its first byte.
pub(crate) struct Frame {
    pub(crate) number: u32,
    kind: Kind,
    length: usize,
}

enum Kind {
    Block(Range<usize>),
    Lz4Frame(lz4_frame::Shape),
}

impl Frame {
    /// The next frame, or `None` where the frames end. Nothing is decompressed.
    pub(crate) fn parse(source: &mut impl Source, page_size: u32) -> Result<Option<Self>> {
        let mut head = [0; PAGE_HEADER_SIZE];
        head.copy_from_slice(source.take(PAGE_HEADER_SIZE)?);
        let [n0, n1, n2, n3, f0, f1] = head;
        let (number, flags) = (u32::from_be_bytes([n0, n1, n2, n3]), u16::from_be_bytes([f0, f1]));
        match flags {
            0 if number == 0 => Ok(None),
            0 => {
                let shape = lz4_frame::parse(source, number, page_size, PAGE_HEADER_SIZE)?;
                Ok(Some(Self { number, length: shape.end, kind: Kind::Lz4Frame(shape) }))
            }
            BLOCK => {
                let mut size = [0; 4];
                size.copy_from_slice(source.take(4)?);
                let size = checked_size(number, u32::from_be_bytes(size), page_size)?;
                source.take(size)?;
                let data = PAGE_HEADER_SIZE + 4..PAGE_HEADER_SIZE + 4 + size;
                Ok(Some(Self { number, length: data.end, kind: Kind::Block(data) }))
            }
            _ => Err(Error::PageFlags { page: number, flags }),
        }
    }

    /// Decompresses the page; `bytes` are the frame's.
    fn decompress(&self, bytes: &[u8], page: &mut [u8]) -> Result<()> {
        let found = match &self.kind {
            Kind::Block(data) => decompress_block(self.number, &bytes[data.clone()], page)?,
            Kind::Lz4Frame(shape) => lz4_frame::decompress(shape, self.number, bytes, page)?,
        };
        if found == page.len() {
            return Ok(());
        }
        Err(Error::PageSize { page: self.number, expected: page.len(), found })
    }

    /// What the file checksum covers of the frame itself.
    fn head<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        match &self.kind {
            Kind::Block(data) => &bytes[..data.start],
            Kind::Lz4Frame(_) => &bytes[..PAGE_HEADER_SIZE],
        }
    }
}

/// A size that a compressed page can have.
pub(crate) fn checked_size(page: u32, size: u32, page_size: u32) -> Result<usize> {
    let largest = block::get_maximum_output_size(page_size as usize);
    let fits = usize::try_from(size).ok().filter(|size| *size <= largest);
    fits.ok_or(Error::FrameSize { page, size: size.into() })
}

/// Decompresses an LZ4 block and returns the size of what came out.
pub(crate) fn decompress_block(page: u32, block: &[u8], into: &mut [u8]) -> Result<usize> {
    block::decompress_into(block, into).map_err(|source| Error::Lz4Block { page, source })
}

/// Appends page `number` to `frames` as a frame with an LZ4 block.
///
/// # Errors
/// [`Error::Compress`]; no page of a database should bring it about.
pub fn compress(number: u32, page: &[u8], frames: &mut Vec<u8>) -> Result<()> {
    let start = frames.len();
    let data = start + PAGE_HEADER_SIZE + 4;
    frames.extend_from_slice(&number.to_be_bytes());
    frames.extend_from_slice(&BLOCK.to_be_bytes());
    frames.resize(data + block::get_maximum_output_size(page.len()), 0);
    let size =
        block::compress_into(page, &mut frames[data..]).map_err(|source| Error::Compress { page: number, source })?;
    let written = u32::try_from(size).map_err(|_too_large| Error::FrameSize { page: number, size: size as u64 })?;
    frames[data - 4..data].copy_from_slice(&written.to_be_bytes());
    frames.truncate(data + size);
    Ok(())
}

/// Decompresses exactly one frame into `page`, whose old content is dropped, and returns the page's number.
///
/// # Errors
/// Damage, and [`Error::NotOneFrame`] where `frame` is more or less than that.
pub fn decode_frame(frame: &[u8], page_size: u32, page: &mut Vec<u8>) -> Result<u32> {
    let parsed = Frame::parse(&mut Slice { bytes: frame, position: 0 }, page_size)?;
    let parsed = parsed.filter(|parsed| parsed.length == frame.len()).ok_or(Error::NotOneFrame { page: 0 })?;
    page.resize(page_size as usize, 0);
    parsed.decompress(frame, page)?;
    Ok(parsed.number)
}

/// Decompresses frames in a row: appends the pages to `pages` and their numbers to `numbers`, and adds them to
/// `sums`.
///
/// # Errors
/// Damage.
pub fn decode_frames(
    mut frames: &[u8],
    page_size: u32,
    numbers: &mut Vec<u32>,
    pages: &mut Vec<u8>,
    sums: &mut PageSums,
) -> Result<()> {
    while !frames.is_empty() {
        let frame = Frame::parse(&mut Slice { bytes: frames, position: 0 }, page_size)?;
        let frame = frame.ok_or(Error::NotOneFrame { page: 0 })?;
        let start = pages.len();
        pages.resize(start + page_size as usize, 0);
        let page = &mut pages[start..];
        frame.decompress(frames, page)?;
        sums.add(frame.number, frame.head(frames), page);
        numbers.push(frame.number);
        frames = &frames[frame.length..];
    }
    Ok(())
}

/// Checks that `frame` is one frame with an LZ4 block of page `number`, and returns its head.
pub(crate) fn block_head(number: u32, frame: &[u8], page_size: u32) -> Result<&[u8]> {
    let parsed = Frame::parse(&mut Slice { bytes: frame, position: 0 }, page_size)?;
    match parsed {
        Some(Frame { number: found, length, kind: Kind::Block(data) }) if found == number && length == frame.len() => {
            Ok(&frame[..data.start])
        }
        _ => Err(Error::NotOneFrame { page: number }),
    }
}
