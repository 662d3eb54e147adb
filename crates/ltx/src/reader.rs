//! A file frame by frame, without decompressing: other threads can do that.

use std::io::Read;

use crc_fast::Digest;

use crate::checksum::{CHECKSUM_FLAG, PageSums, digest};
use crate::error::{Error, Result};
use crate::frame::{Frame, Kept, PAGE_HEADER_SIZE, read_exact};
use crate::header::{HEADER_SIZE, Header};
use crate::index::{Builder, IndexEntry};
use crate::order::Order;
use crate::trailer::{TRAILER_SIZE, Trailer};

/// Reads the frames of one file in order. `R` should be buffered.
pub struct FrameReader<R> {
    reader: R,
    offset: u64,
    header: Header,
    header_bytes: [u8; HEADER_SIZE],
    order: Order,
    index: Builder,
    ended: bool,
}

impl<R: Read> FrameReader<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// Where it cannot be read or is none.
    pub fn new(mut reader: R) -> Result<Self> {
        let mut offset = 0;
        let mut header_bytes = [0; HEADER_SIZE];
        read_exact(&mut reader, &mut offset, &mut header_bytes)?;
        let header = Header::decode(&header_bytes)?;
        let (order, index) = (Order::new(&header), Builder::default());
        Ok(Self { reader, offset, header, header_bytes, order, index, ended: false })
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Appends the next frame to `frames` and returns its page's number; `None` after the last.
    ///
    /// # Errors
    /// If the frame is damaged in its outer form or not allowed here.
    pub fn next_frame(&mut self, frames: &mut Vec<u8>) -> Result<Option<u32>> {
        if self.ended {
            return Ok(None);
        }
        let (offset, length) = (self.offset, frames.len());
        let mut source = Kept { reader: &mut self.reader, offset: &mut self.offset, into: frames };
        let Some(frame) = Frame::parse(&mut source, self.header.page_size)? else {
            frames.truncate(length);
            self.order.finish()?;
            self.ended = true;
            return Ok(None);
        };
        self.order.next(frame.number)?;
        self.index.add(IndexEntry { page: frame.number, offset, size: self.offset - offset });
        Ok(Some(frame.number))
    }

    /// Reads what follows the frames, to the end of the file.
    ///
    /// # Errors
    /// Where there are more frames, or the index, the trailer or the end is not as it has to be.
    pub fn tail(mut self) -> Result<Tail> {
        if !self.ended {
            return Err(Error::PagesLeft { offset: self.offset });
        }
        let index = std::mem::take(&mut self.index).finish();
        self.read_index(&index)?;
        let mut trailer = [0; TRAILER_SIZE];
        read_exact(&mut self.reader, &mut self.offset, &mut trailer)?;
        self.read_end()?;

        let (mut before, mut after) = (digest(), digest());
        before.update(&self.header_bytes);
        after.update(&[0; PAGE_HEADER_SIZE]);
        after.update(&index);
        after.update(&trailer[..8]);
        Ok(Tail { header: self.header, trailer: Trailer::decode(&trailer, &self.header)?, before, after })
    }

    /// The index must be the one that the frames have.
    fn read_index(&mut self, expected: &[u8]) -> Result<()> {
        let mut found = [0; 4096];
        for part in expected.chunks(found.len()) {
            let found = &mut found[..part.len()];
            let offset = self.offset;
            read_exact(&mut self.reader, &mut self.offset, found)?;
            if let Some(at) = part.iter().zip(found.iter()).position(|(expected, found)| expected != found) {
                return Err(Error::Index { offset: offset + at as u64 });
            }
        }
        Ok(())
    }

    fn read_end(&mut self) -> Result<()> {
        let offset = self.offset;
        match read_exact(&mut self.reader, &mut self.offset, &mut [0]) {
            Ok(()) => Err(Error::Trailing { offset }),
            Err(Error::Truncated { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// A file that was read to its end, but for the sums of its pages: these may come later, from other threads.
#[derive(Debug)]
pub struct Tail {
    header: Header,
    trailer: Trailer,
    before: Digest,
    after: Digest,
}

impl Tail {
    /// Holds the checksums against `pages`: the sums of all frames, in order. Where the post-apply checksum stands
    /// in the header, it is returned as the trailer's.
    ///
    /// # Errors
    /// [`Error::FileChecksum`], and [`Error::DatabaseChecksum`] for a snapshot.
    pub fn verify(&self, pages: &PageSums) -> Result<Trailer> {
        let mut file = self.before;
        file.combine(pages.file());
        file.combine(&self.after);
        let (expected, found) = (self.trailer.file_checksum, file.finalize() | CHECKSUM_FLAG);
        if found != expected {
            return Err(Error::FileChecksum { expected, found });
        }
        let in_trailer = self.header.has_checksum();
        let post_apply_checksum =
            if in_trailer { self.trailer.post_apply_checksum } else { self.header.post_apply_checksum };
        check_snapshot(&self.header, post_apply_checksum, pages)?;
        Ok(Trailer { post_apply_checksum, ..self.trailer })
    }
}

/// The pages of a snapshot must have the database checksum that is claimed, if one is.
pub(crate) fn check_snapshot(header: &Header, expected: u64, pages: &PageSums) -> Result<()> {
    let found = pages.database();
    if header.is_snapshot() && expected != 0 && expected != found {
        return Err(Error::DatabaseChecksum { expected, found });
    }
    Ok(())
}
