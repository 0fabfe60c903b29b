//! The parser accepts or rejects a text and never panics. An accepted token is assembled again from its parts and compared.
#![no_main]

use latchkey::keys::server::Token;
use latchkey::shared::Kind;
use libfuzzer_sys::fuzz_target;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Random input never has a valid CRC, so this adds one.
fn with_checksum(body: &str) -> String {
    let sum = crc(body.as_bytes());
    body.chars().chain((0..6).rev().map(|place| digit(sum / 62_u32.pow(place)))).collect()
}

/// CRC-32, computed bit by bit, independently of the library that the parser uses.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xEDB8_8320 & (sum & 1).wrapping_neg()))
    })
}

fn digit(number: u32) -> char {
    char::from(BASE62[number as usize % 62])
}

/// Turns arbitrary bytes into a text of the right form.
fn well_formed(bytes: &[u8]) -> String {
    let kind = Kind::ALL[usize::from(bytes.first().copied().unwrap_or(0)) % Kind::ALL.len()];
    let mut rest = bytes.iter().skip(1).map(|byte| digit(u32::from(*byte))).chain(std::iter::repeat('0'));
    let id: String = rest.by_ref().take(12).collect();
    let secret: String = rest.take(43).collect();
    with_checksum(&format!("{}_{id}_{secret}", kind.prefix()))
}

fn check(text: &str) {
    let Some(token) = Token::parse(text) else { return };
    let sum = &text[text.len() - 6..];
    assert_eq!(text, format!("{}_{}_{}{sum}", token.kind().prefix(), token.id(), token.secret()));
    assert_eq!(text, with_checksum(&text[..text.len() - 6]));
    assert_eq!(format!("{}{sum}", token.body()), text);
    assert!(!format!("{token:?}").contains(token.secret()));
}

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    check(&text);
    check(&with_checksum(&text));
    let token = well_formed(bytes);
    assert!(Token::parse(&token).is_some(), "{token}");
    check(&token);
    // A token with any one character replaced is rejected.
    let at = bytes.len() % token.len();
    let mut changed = token.clone();
    changed.replace_range(at..=at, text.chars().next().unwrap_or('é').encode_utf8(&mut [0; 4]));
    assert_eq!(Token::parse(&changed).is_some(), changed == token, "{changed}");
});
