//! A file page by page.

use std::io::Read;

use crate::checksum::PageSums;
use crate::error::Result;
use crate::frame::decode_frames;
use crate::header::Header;
use crate::reader::FrameReader;
use crate::trailer::Trailer;

/// Reads and verifies one file. `R` should be buffered.
///
/// A page is not to be trusted before [`Decoder::finish`] has returned the trailer.
pub struct Decoder<R> {
    frames: FrameReader<R>,
    frame: Vec<u8>,
    numbers: Vec<u32>,
    sums: PageSums,
}

impl<R: Read> Decoder<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// Where it cannot be read or is none.
    pub fn new(reader: R) -> Result<Self> {
        let (frame, numbers, sums) = (Vec::new(), Vec::new(), PageSums::default());
        Ok(Self { frames: FrameReader::new(reader)?, frame, numbers, sums })
    }

    /// The header.
    pub fn header(&self) -> &Header {
        self.frames.header()
    }

    /// Reads the next page into `page`, whose old content is dropped, and returns its number; `None` after
    /// the last.
    ///
    /// # Errors
    /// If the page is damaged or not allowed here.
    pub fn next_page(&mut self, page: &mut Vec<u8>) -> Result<Option<u32>> {
        self.frame.clear();
        self.numbers.clear();
        page.clear();
        let Some(number) = self.frames.next_frame(&mut self.frame)? else { return Ok(None) };
        let page_size = self.header().page_size;
        decode_frames(&self.frame, page_size, &mut self.numbers, page, &mut self.sums)?;
        Ok(Some(number))
    }

    /// Reads the rest of the file, and verifies index and checksums.
    ///
    /// # Errors
    /// Where anything in the file is not as it has to be.
    pub fn finish(mut self) -> Result<Trailer> {
        let mut page = Vec::new();
        while self.next_page(&mut page)?.is_some() {}
        self.frames.tail()?.verify(&self.sums)
    }
}
