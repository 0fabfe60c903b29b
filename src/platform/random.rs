//! Randomness is passed to whatever needs it: the operating system's generator in the server, a seeded one in tests.

use std::sync::{Arc, Mutex, PoisonError};

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

#[derive(Clone)]
pub struct Random(RandomSource);

#[derive(Clone)]
enum RandomSource {
    System,
    Seeded(Arc<Mutex<u64>>),
}

impl Random {
    pub fn system() -> Self {
        Self(RandomSource::System)
    }

    /// A generator that returns the same bytes for the same seed. Only for tests, because its bytes can be guessed.
    pub fn seeded(seed: u64) -> Self {
        Self(RandomSource::Seeded(Arc::new(Mutex::new(seed))))
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that asks the operating system")]
    pub fn fill(&self, bytes: &mut [u8]) {
        match &self.0 {
            // Without randomness every secret could be guessed, so continuing would not be safe.
            RandomSource::System => getrandom::fill(bytes).expect("the operating system gives random bytes"),
            RandomSource::Seeded(state) => {
                let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
                for chunk in bytes.chunks_mut(8) {
                    let word = split_mix(&mut state).to_le_bytes();
                    chunk.copy_from_slice(&word[..chunk.len()]);
                }
            }
        }
    }

    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// `length` characters of 0-9A-Za-z, each equally likely.
    pub fn base62(&self, length: usize) -> String {
        let mut text = String::with_capacity(length);
        while text.len() < length {
            // 248 is the largest multiple of 62 that fits into a byte. Larger bytes would make the first characters more likely.
            let block: [u8; 32] = self.bytes();
            let characters =
                block.iter().filter(|byte| **byte < 248).map(|byte| BASE62[usize::from(byte % 62)]);
            text.extend(characters.take(length - text.len()).map(char::from));
        }
        text
    }
}

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut word = *state;
    word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_and_the_system_does_not() {
        assert_eq!(Random::seeded(7).base62(43), Random::seeded(7).base62(43));
        assert_ne!(Random::system().base62(43), Random::system().base62(43));
    }

    #[test]
    fn every_character_is_about_equally_likely() {
        let text = Random::seeded(1).base62(62_000);
        for character in BASE62 {
            let count = text.bytes().filter(|byte| byte == character).count();
            assert!((850..1_150).contains(&count), "{} came {count} times", char::from(*character));
        }
    }
}
