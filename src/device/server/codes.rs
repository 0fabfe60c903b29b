//! Generates device codes and user codes.

use data_encoding::BASE64URL_NOPAD;

use crate::device::{ALPHABET, UserCode};
use crate::platform::{Random, Secret};

/// Generates a device code of 256 random bits. It cannot be guessed, so a plain hash of it is stored.
pub fn device_code(random: &Random) -> Secret {
    Secret::new(BASE64URL_NOPAD.encode(&random.bytes::<32>()))
}

/// Generates a user code. Each letter is equally likely.
pub fn user_code(random: &Random) -> UserCode {
    let mut letters = String::new();
    loop {
        // 240 is the largest multiple of 20 in a byte. Larger values would make some letters more likely.
        let block: [u8; 16] = random.bytes();
        let unbiased = block.iter().filter(|byte| **byte < 240);
        letters.extend(unbiased.map(|byte| char::from(ALPHABET[usize::from(byte % 20)])));
        letters.truncate(8);
        if let Some(code) = UserCode::parse(&letters) {
            return code;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_the_right_length_and_use_every_letter_equally() {
        let random = Random::seeded(3);
        let device = device_code(&random);
        assert_eq!(device.expose().len(), 43);
        assert_ne!(device.expose(), device_code(&random).expose());
        let text: String = (0..1_000).map(|_| user_code(&random).as_str().to_owned()).collect();
        for letter in ALPHABET {
            let count = text.bytes().filter(|byte| byte == letter).count();
            assert!((300..500).contains(&count), "{} came {count} times", char::from(*letter));
        }
    }
}
