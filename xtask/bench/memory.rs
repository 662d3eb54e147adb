//! Memory that a virtual machine has from its host already, for a program that needs some.
//!
//! A host gives memory when it is first touched, which takes two seconds a gigabyte on some, more than a whole copy; and
//! it takes back free blocks of 2 MiB or more. So a figure would depend on the programs that ran before.
//! Here memory is touched and then freed, except some single pages: the memory between them stays, and the system
//! uses it before it takes larger blocks.

use std::fs::File;
use std::os::unix::fs::FileExt;

use anyhow::{Context, Result};
use nix::fcntl::{FallocateFlags, fallocate};
use nix::sys::memfd::{MFdFlags, memfd_create};

use crate::machine::Machine;

/// For the copies of a gigabyte that several processes have in memory, and what stays in the cache of those before.
const BLOCKS: u64 = 12 << 10;

/// Of so many bytes one page is kept.
const BLOCK: u32 = 1 << 20;
const PAGE: u32 = 4096;

/// The pages that are kept, until it is dropped.
pub(crate) struct Warm(#[expect(dead_code, reason = "it is held")] File);

impl Warm {
    /// Takes the memory, or half of what there is.
    ///
    /// # Errors
    /// Where the system has no files in memory.
    pub(crate) fn up(machine: &Machine) -> Result<Self> {
        let file = File::from(memfd_create("warm", MFdFlags::MFD_CLOEXEC).context("failed to take memory")?);
        let blocks = u32::try_from(BLOCKS.min(machine.memory_mib / 2))?;
        let bytes = vec![1; BLOCK as usize];
        for block in 0..blocks {
            file.write_all_at(&bytes, u64::from(block) * u64::from(BLOCK)).context("failed to touch memory")?;
        }
        let hole = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
        for block in 0..blocks {
            let start = i64::from(block) * i64::from(BLOCK) + i64::from(PAGE);
            fallocate(&file, hole, start, i64::from(BLOCK - PAGE)).context("failed to free memory")?;
        }
        Ok(Self(file))
    }
}
