//! The keyed hash under which the caches of this process know a token.

/// 96 bits of the BLAKE3 hash of a token, keyed with a random key of this process.
pub type TokenDigest = [u8; 12];
