//! Whether a server speaks TLS 1.0 or 1.1, which the library does not: the first message of a handshake, made by hand, is all
//! that it takes to see.

use std::io::{self, Read, Write};

/// Suites that servers of that time have, with RSA and ECDSA; the last says that renegotiation is known (RFC 5746).
const SUITES: [u16; 9] = [0xc009, 0xc00a, 0xc013, 0xc014, 0x002f, 0x0035, 0x000a, 0xc008, 0x00ff];

/// An old version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Old {
    Tls10,
    Tls11,
}

impl Old {
    fn number(self) -> [u8; 2] {
        match self {
            Self::Tls10 => [3, 1],
            Self::Tls11 => [3, 2],
        }
    }
}

/// Whether the server goes on with a handshake of this version at most.
///
/// # Errors
/// It says nothing in time.
pub(super) fn is_spoken(stream: &mut (impl Read + Write), old: Old, host: Option<&str>) -> io::Result<bool> {
    stream.write_all(&hello(old, host))?;
    stream.flush()?;
    // A record: its type, its version, its length; then a handshake message: its type, its length, a version.
    let mut start = [0; 11];
    match stream.read_exact(&mut start) {
        // Closed without a word, or with an alert, which is shorter.
        Err(error)
            if matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset) =>
        {
            Ok(false)
        }
        Err(error) => Err(error),
        Ok(()) => Ok(start[0] == 22 && start[5] == 2 && start[9..11] == old.number()),
    }
}

fn with_length(bytes: &[u8], width: usize) -> Vec<u8> {
    let length = (bytes.len() as u64).to_be_bytes();
    [&length[length.len() - width..], bytes].concat()
}

fn hello(old: Old, host: Option<&str>) -> Vec<u8> {
    let mut extensions = Vec::new();
    let mut extension = |number: u16, content: &[u8]| {
        extensions.extend(number.to_be_bytes());
        extensions.extend(with_length(content, 2));
    };
    if let Some(host) = host.filter(|host| host.len() < 256) {
        let name = [&[0][..], &with_length(host.as_bytes(), 2)].concat();
        extension(0, &with_length(&name, 2));
    }
    // Groups: P-256, P-384, P-521. Points: uncompressed.
    extension(10, &with_length(&[0, 23, 0, 24, 0, 25], 2));
    extension(11, &[1, 0]);
    let suites: Vec<u8> = SUITES.iter().flat_map(|suite| suite.to_be_bytes()).collect();
    let body = [
        &old.number()[..],
        // Nothing is encrypted that would need this to be random.
        &[0x57; 32],
        &[0],
        &with_length(&suites, 2),
        &[1, 0],
        &with_length(&extensions, 2),
    ]
    .concat();
    let message = [&[1][..], &with_length(&body, 3)].concat();
    [&[22, 3, 1][..], &with_length(&message, 2)].concat()
}

#[cfg(test)]
mod tests {
    use rustls::server::Acceptor;

    use super::*;

    /// The library reads what is made here, to refuse it.
    #[test]
    fn the_message_is_well_formed() {
        for (old, host) in [(Old::Tls10, None), (Old::Tls11, Some("ftp.example.com"))] {
            let mut acceptor = Acceptor::default();
            acceptor.read_tls(&mut &hello(old, host)[..]).unwrap();
            let accepted = acceptor.accept();
            // Without signature algorithms, which those versions have not, it goes no further.
            let text = format!("{:?}", accepted.err().map(|(error, _)| error));
            assert!(!text.contains("InvalidMessage"), "{text}");
        }
    }

    struct Played(&'static [u8]);

    impl Read for Played {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.read(buffer)
        }
    }

    impl Write for Played {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn answers_are_told_apart() {
        let is = |answer| is_spoken(&mut Played(answer), Old::Tls10, None).unwrap();
        assert!(is(&[22, 3, 1, 0, 80, 2, 0, 0, 76, 3, 1, 0]));
        assert!(!is(&[22, 3, 3, 0, 80, 2, 0, 0, 76, 3, 3, 0]));
        assert!(!is(&[21, 3, 1, 0, 2, 2, 70]));
        assert!(!is(b"500 what?\r\n"));
        assert!(!is(&[]));
    }
}
