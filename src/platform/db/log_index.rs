//! Parses SQLite's index (`-shm`) of its write-ahead log (`-wal`). https://sqlite.org/walformat.html describes the format.

use std::fs::File;
use std::os::unix::fs::FileExt;

/// The version of the index, in its first four bytes.
const VERSION: u32 = 3_007_000;
/// The index begins with two copies of a header of this length.
const HEADER: usize = 48;
/// The offsets of two numbers: how many frames were copied into the database, and how many will have been after the copy that is
/// running or was aborted.
const COPIED: usize = 96;
const COPYING: usize = 128;
const LENGTH: usize = 136;

/// The sizes of the log's header and of the header in front of the page of each frame.
const LOG_HEADER: u64 = 32;
const FRAME_HEADER: u64 = 24;
/// The first four bytes of the log, except for the last bit, which selects how its checksums are computed.
const LOG_MAGIC: u32 = 0x377f_0682;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogIndex {
    /// The number of valid frames in the log. 0 after all of them were copied and the log starts again.
    frames: u32,
    page_size: u64,
    /// Random; different each time the log starts again.
    salts: [u8; 8],
    copied: u32,
    copying: u32,
}

/// Changes whenever frames of the log are copied into the database: the salts, and how many frames of that log were copied.
pub type CopyState = ([u8; 8], u32);

impl LogIndex {
    /// None while the index is being written, and if it is in another format.
    pub fn read(file: &File) -> Option<Self> {
        let mut bytes = [0; LENGTH];
        file.read_exact_at(&mut bytes, 0).ok()?;
        Self::parse(&bytes)
    }

    fn parse(bytes: &[u8; LENGTH]) -> Option<Self> {
        let number =
            |at: usize| bytes[at..].first_chunk().map_or(0, |bytes: &[u8; 4]| u32::from_ne_bytes(*bytes));
        if number(0) != VERSION || bytes[..HEADER] != bytes[HEADER..2 * HEADER] {
            return None;
        }
        let page_size = u64::from(u16::from_ne_bytes([bytes[14], bytes[15]]));
        Some(Self {
            frames: number(16),
            // The largest size does not fit into two bytes and is written as 1.
            page_size: if page_size == 1 { 65_536 } else { page_size },
            salts: *bytes[32..].first_chunk()?,
            copied: number(COPIED),
            copying: number(COPYING),
        })
    }

    /// Whether this log is long enough and begins with the salts of the index.
    pub fn is_matched_by(&self, log: &File) -> bool {
        if self.frames == 0 {
            return true;
        }
        let min_length = LOG_HEADER + u64::from(self.frames) * (FRAME_HEADER + self.page_size);
        let mut header = [0; LOG_HEADER as usize];
        log.metadata().is_ok_and(|about| about.len() >= min_length)
            && log.read_exact_at(&mut header, 0).is_ok()
            && header.first_chunk().is_some_and(|magic| u32::from_be_bytes(*magic) & !1 == LOG_MAGIC)
            && header[16..24] == self.salts
    }

    /// None while frames are being copied, after a copy was aborted, and for an empty log, because its salts may change.
    pub fn copy_state(&self) -> Option<CopyState> {
        (self.frames > 0 && self.copied == self.copying).then_some((self.salts, self.copied))
    }
}
