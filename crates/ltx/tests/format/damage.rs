//! Every damage is an error, and none takes more memory than the file had.

use std::io::Read;

use ltx::{Error, Header, decode_frame, read_index};
use lz4_flex::frame::FrameInfo;

use crate::support::{Contents, decode, decode_in_batches};

/// Four pages of each kind, as blocks and as frames.
fn files() -> Vec<(Contents, Vec<u8>)> {
    let text: Vec<u8> = b"a row of a table ".iter().copied().cycle().take(512).collect();
    let noise: Vec<u8> = (0..512_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let contents = Contents::snapshot(512, 3, vec![text, vec![0; 512], noise, vec![7; 512]]);
    let checked = FrameInfo::new().block_checksums(true).content_checksum(true).content_size(Some(512));
    [contents.encode().unwrap(), contents.encode_with_lz4_frames(&checked)].map(|file| (contents.clone(), file)).into()
}

#[test]
fn every_truncation_is_an_error() {
    for (_, file) in files() {
        for length in 0..file.len() {
            let error = decode(&file[..length]).unwrap_err();
            assert!(matches!(error, Error::Truncated { .. }), "{length}: {error:?}");
            assert!(decode_in_batches(&file[..length], 2).is_err(), "{length}");
            let index = read_index(&file[..length], length as u64);
            assert!(index.is_err(), "{length}: {index:?}");
        }
    }
}

#[test]
fn every_changed_byte_is_an_error() {
    for (contents, mut file) in files() {
        for at in 0..file.len() {
            for change in [1, 2, 4, 8, 16, 32, 64, 128, 255] {
                file[at] ^= change;
                match (decode(file.as_slice()), decode_in_batches(&file, 3)) {
                    (Err(_), Err(_)) => {}
                    // The checksum covers the pages and not how they were compressed: the same bytes may
                    // be a match at another distance.
                    (Ok(found), Ok(again)) => assert_eq!((&found, &again), (&contents, &contents), "{at} {change}"),
                    other => panic!("{at} {change}: {other:?}"),
                }
                file[at] ^= change;
            }
        }
    }
}

#[test]
fn a_byte_behind_the_trailer_is_an_error() {
    for (_, mut file) in files() {
        file.push(0);
        assert!(matches!(decode(file.as_slice()), Err(Error::Trailing { .. })));
    }
}

#[test]
fn what_a_frame_claims_is_not_allocated() {
    let header = Header { page_size: 512, commit: 9, min_txid: 1, max_txid: 1, ..Header::default() }.encode();
    let block = [0, 0, 0, 1, 0, 1, 0xff, 0xff, 0xff, 0xff];
    let frame = [0, 0, 0, 1, 0, 0, 0x04, 0x22, 0x4d, 0x18, 0x60, 0x70, 0x73, 0xff, 0xff, 0xff, 0x7f];
    for page in [block.as_slice(), frame.as_slice()] {
        let endless = header.chain(page).chain(std::io::repeat(0));
        let error = decode(endless).unwrap_err();
        assert!(matches!(error, Error::FrameSize { page: 1, .. }), "{error:?}");
        assert!(matches!(decode_frame(page, 512, &mut Vec::new()), Err(Error::FrameSize { .. })));
    }
}

#[test]
fn an_index_with_an_absurd_size_is_an_error() {
    for (_, file) in files() {
        let length = file.len();
        for size in [0, 1, length as u64, u64::MAX] {
            let mut file = file.clone();
            file[length - 24..][..8].copy_from_slice(&size.to_be_bytes());
            let index = read_index(&file, length as u64);
            assert!(matches!(index, Err(Error::Index { .. })), "{size}: {index:?}");
        }
    }
}

#[test]
fn an_error_says_where() {
    let (_, file) = files().remove(0);
    let mut damaged = file.clone();
    damaged[4] = 9;
    assert_eq!(decode(damaged.as_slice()).unwrap_err().to_string(), "the LTX header is invalid: flags is 150994944");
    assert_eq!(decode(&file[..120]).unwrap_err().to_string(), "the LTX file ends too early, at byte 110");
    assert_eq!(
        decode(b"age-encryption.org/v1\n".repeat(9).as_slice()).unwrap_err().to_string(),
        "not an LTX file: it does not begin with 'LTX1'"
    );
}
