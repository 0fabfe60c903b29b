//! The keyed hash by which the caches of this process identify a token.

/// The BLAKE3 hash of a token, with a random key of this process, so that nobody outside can construct a collision. Hashes
/// are compared in constant time.
pub type TokenDigest = blake3::Hash;
