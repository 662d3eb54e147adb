//! The last 16 bytes of a file: post-apply checksum and file checksum, each a big-endian `u64`.

use crate::checksum::CHECKSUM_FLAG;
use crate::error::{Error, Result};
use crate::header::Header;

/// Size of the trailer in bytes.
pub const TRAILER_SIZE: usize = 16;

/// The checksums at a file's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trailer {
    /// The database's checksum after this file; 0 where the header says that there is none *here*.
    pub post_apply_checksum: u64,
    /// The file's own.
    pub file_checksum: u64,
}

impl Trailer {
    /// The trailer's bytes.
    pub fn encode(&self) -> [u8; TRAILER_SIZE] {
        let mut bytes = [0; TRAILER_SIZE];
        bytes[..8].copy_from_slice(&self.post_apply_checksum.to_be_bytes());
        bytes[8..].copy_from_slice(&self.file_checksum.to_be_bytes());
        bytes
    }

    /// Reads a trailer and holds it against its file's header.
    ///
    /// # Errors
    /// [`Error::Trailer`] with the checksum that cannot be.
    pub fn decode(bytes: &[u8; TRAILER_SIZE], header: &Header) -> Result<Self> {
        let mut halves = [[0; 8]; 2];
        halves[0].copy_from_slice(&bytes[..8]);
        halves[1].copy_from_slice(&bytes[8..]);
        let [post_apply_checksum, file_checksum] = halves.map(u64::from_be_bytes);
        let trailer = Self { post_apply_checksum, file_checksum };
        trailer.validate(header)?;
        Ok(trailer)
    }

    pub(crate) fn validate(&self, header: &Header) -> Result<()> {
        let post = self.post_apply_checksum;
        let fits = match (header.has_checksum(), header.commit) {
            (false, _) => post == 0,
            (true, 0) => post == CHECKSUM_FLAG,
            (true, _) => post & CHECKSUM_FLAG != 0,
        };
        if !fits {
            return Err(Error::Trailer { field: "post-apply checksum", value: post });
        }
        if self.file_checksum & CHECKSUM_FLAG == 0 {
            return Err(Error::Trailer { field: "file checksum", value: self.file_checksum });
        }
        Ok(())
    }
}
