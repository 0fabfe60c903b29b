//! A quick hash of what is chance already, for tables whose entries nobody outside can choose.

use std::hash::Hasher;

/// Spreads one number over all bits: what is hashed so is hashed by one number.
#[derive(Default)]
pub struct Spread(u64);

impl Hasher for Spread {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(self.0 ^ u64::from(*byte)));
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(self.0 ^ u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        let wide = u128::from(number) * 0x9E37_79B9_7F4A_7C15;
        self.0 = wide as u64 ^ (wide >> 64) as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
