//! What a program needs to be started.

use anyhow::{Context, Result, bail};
use object::read::elf::{ElfFile64, ProgramHeader};
use object::{Endianness, elf};

/// Checks that a program needs nothing but the kernel: an image from scratch has no loader and no libraries.
///
/// # Errors
/// No ELF executable of 64 bits, or one that names an interpreter.
pub(crate) fn must_be_static(name: &str, bytes: &[u8]) -> Result<()> {
    let file = ElfFile64::<Endianness>::parse(bytes).with_context(|| format!("'{name}' is no executable"))?;
    let mut headers = file.elf_program_headers().iter();
    if headers.any(|header| header.p_type(file.endian()) == elf::PT_INTERP) {
        bail!("'{name}' is not statically linked");
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The head of an ELF executable with one program header of that type.
    pub(crate) fn executable(kind: u32) -> Vec<u8> {
        let mut file = b"\x7fELF\x02\x01\x01".to_vec();
        file.resize(16, 0);
        file.extend([2, 0, 62, 0, 1, 0, 0, 0]); // type EXEC, machine x86-64, version
        file.extend([0; 8]); // entry
        file.extend(64_u64.to_le_bytes()); // program headers
        file.extend([0; 8 + 4]); // section headers, flags
        file.extend([64, 0, 56, 0, 1, 0, 64, 0, 0, 0, 0, 0]); // sizes and counts
        file.extend(kind.to_le_bytes());
        file.resize(64 + 56, 0);
        file
    }

    #[test]
    fn a_program_that_needs_a_loader_is_refused() {
        must_be_static("x", &executable(elf::PT_LOAD)).unwrap();
        let words = must_be_static("x", &executable(elf::PT_INTERP)).unwrap_err().to_string();
        assert_eq!(words, "'x' is not statically linked");
    }

    #[test]
    fn what_is_no_program_is_refused() {
        assert!(must_be_static("x", b"#!/bin/sh").unwrap_err().to_string().contains("no executable"));
    }
}
