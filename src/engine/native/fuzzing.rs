//! Ways in for the fuzzer, to what is private otherwise.

use bytes::Bytes;

use super::codec::{Decoded, Decoder, MAX_LINE};
use super::commands;
use super::data::convert::{Form, Incoming};
use super::facts;
use crate::charset::Charset;

/// Reads lines, and checks that nothing is held for long.
pub fn control_lines(pieces: &[Vec<u8>]) {
    let mut decoder = Decoder::default();
    for piece in pieces {
        decoder.buffer().extend_from_slice(piece);
        let mut most = piece.len() + 2;
        while let Some(decoded) = decoder.decode() {
            assert!(most > 0, "more lines than bytes");
            most -= 1;
            match decoded {
                Decoded::Line(line) => {
                    assert!(line.verb.len() + line.argument.len() <= MAX_LINE.max(piece.len()));
                    assert!(!line.argument.contains(&b'\n'));
                }
                Decoded::TooLong => {}
                Decoded::Endless | Decoded::Tls => return,
            }
        }
    }
}

/// Reads an argument in every way that a command does.
pub fn arguments(bytes: &[u8]) {
    for charset in ["utf-8", "windows-1252", "shift_jis", "gb18030"] {
        let Some(charset) = Charset::named(charset) else { continue };
        let Some(text) = charset.decode(bytes) else { continue };
        let _ = charset.encode_lossy(&text);
        commands::fuzz_arguments(&text);
        let _ = facts::Facts::parse(&text).feature();
        if let Some(time) = facts::parse_time(&text) {
            let whole = text.split('.').next().unwrap_or_default();
            // A leap second is the first one of the next minute.
            assert!(whole.ends_with("60") || facts::time(time).as_deref() == Some(whole));
        }
    }
}

/// Converts what is received, and checks that no piece is large.
pub fn upload_data(ascii: bool, deflate: bool, pieces: &[Vec<u8>]) {
    let mut incoming = Incoming::new(Form { ascii, deflate: deflate.then_some(6) });
    for piece in pieces {
        let mut input = Bytes::copy_from_slice(piece);
        loop {
            let before = input.len();
            match incoming.convert(&mut input) {
                Ok(Some(converted)) => {
                    assert!(converted.len() <= (256 * 1024).max(before) + 1);
                    assert!(input.len() < before || !converted.is_empty() || ascii);
                }
                Ok(None) => break,
                Err(_) => return,
            }
        }
    }
    let _ = incoming.end();
}
