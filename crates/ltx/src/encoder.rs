//! Writing a file.

use std::io::Write;

use crc_fast::Digest;

use crate::checksum::{CHECKSUM_FLAG, PageSums, digest};
use crate::error::{Error, Result};
use crate::frame::{PAGE_HEADER_SIZE, block_head, compress};
use crate::header::{HEADER_SIZE, Header};
use crate::index::{Builder, IndexEntry};
use crate::order::Order;
use crate::reader::check_snapshot;
use crate::trailer::Trailer;

/// Writes one file. `W` should be buffered.
pub struct Encoder<W> {
    writer: W,
    offset: u64,
    header: Header,
    order: Order,
    index: Builder,
    file: Digest,
    sums: PageSums,
    frame: Vec<u8>,
}

impl<W: Write> Encoder<W> {
    /// Writes the header.
    ///
    /// # Errors
    /// Where it is invalid or cannot be written.
    pub fn new(writer: W, header: &Header) -> Result<Self> {
        header.validate()?;
        let bytes = header.encode();
        let (order, index, sums) = (Order::new(header), Builder::default(), PageSums::default());
        let mut encoder =
            Self { writer, offset: 0, header: *header, order, index, file: digest(), sums, frame: Vec::new() };
        encoder.write(&bytes)?;
        encoder.file.update(&bytes);
        debug_assert_eq!(encoder.offset, HEADER_SIZE as u64);
        Ok(encoder)
    }

    /// Compresses and writes the next page. Pages ascend; the lock page is left out.
    ///
    /// # Errors
    /// If the page is not allowed here, has the wrong size or cannot be written.
    pub fn page(&mut self, number: u32, page: &[u8]) -> Result<()> {
        let mut frame = std::mem::take(&mut self.frame);
        frame.clear();
        compress(number, page, &mut frame)?;
        self.compressed_page(number, page, &frame)?;
        self.frame = frame;
        Ok(())
    }

    /// Writes the next page, which [`compress`] has made into `frame`: by another thread, say.
    ///
    /// # Errors
    /// If the page is not allowed here, has the wrong size, `frame` is not its frame, or it cannot be
    /// written.
    pub fn compressed_page(&mut self, number: u32, page: &[u8], frame: &[u8]) -> Result<()> {
        let expected = self.header.page_size as usize;
        if page.len() != expected {
            return Err(Error::PageSize { page: number, expected, found: page.len() });
        }
        let head = block_head(number, frame, self.header.page_size)?;
        self.order.next(number)?;
        self.index.add(IndexEntry { page: number, offset: self.offset, size: frame.len() as u64 });
        self.sums.add(number, head, page);
        self.write(frame)
    }

    /// Writes what follows the pages and flushes.
    ///
    /// `post_apply_checksum` is the database's after this file. With [`NO_CHECKSUM`](crate::NO_CHECKSUM) it is the
    /// one that the header already holds, or 0.
    ///
    /// # Errors
    /// Where a snapshot lacks a page, the checksum cannot be that of the database, or writing fails.
    pub fn finish(mut self, post_apply_checksum: u64) -> Result<(W, Trailer)> {
        self.order.finish()?;
        check_snapshot(&self.header, post_apply_checksum, &self.sums)?;
        let in_trailer = if self.header.has_checksum() {
            post_apply_checksum
        } else if post_apply_checksum == self.header.post_apply_checksum {
            0
        } else {
            return Err(Error::Trailer { field: "post-apply checksum", value: post_apply_checksum });
        };
        let index = std::mem::take(&mut self.index).finish();
        self.file.combine(self.sums.file());
        self.file.update(&[0; PAGE_HEADER_SIZE]);
        self.file.update(&index);
        self.file.update(&in_trailer.to_be_bytes());
        let trailer = Trailer { post_apply_checksum: in_trailer, file_checksum: self.file.finalize() | CHECKSUM_FLAG };
        trailer.validate(&self.header)?;

        self.write(&[0; PAGE_HEADER_SIZE])?;
        self.write(&index)?;
        self.write(&trailer.encode())?;
        self.writer.flush().map_err(|source| Error::Write { offset: self.offset, source })?;
        Ok((self.writer, Trailer { post_apply_checksum, ..trailer }))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.writer.write_all(bytes).map_err(|source| Error::Write { offset: self.offset, source })?;
        self.offset += bytes.len() as u64;
        Ok(())
    }
}
