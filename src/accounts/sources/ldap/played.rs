//! A directory that a test plays.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::ber::{ENUMERATED, INTEGER, OCTETS, Reader, SEQUENCE, SET, element, put, put_number};
use super::messages::{self, BOUND, FOUND, SEARCHED};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
pub(super) const BIND: u8 = 0x60;
pub(super) const SEARCH: u8 = 0x63;
/// As whom Wharf searches.
pub(super) const SERVICE: &str = "cn=wharf";

/// A request that came.
pub(super) struct Asks {
    pub(super) connection: usize,
    pub(super) number: u32,
    pub(super) tag: u8,
    pub(super) content: Vec<u8>,
}

impl Asks {
    /// An answer to it.
    pub(super) fn answer(&self, tag: u8, content: &[u8]) -> Vec<u8> {
        message(self.number, tag, content)
    }

    pub(super) fn outcome(&self, tag: u8, code: u32, text: &str) -> Vec<u8> {
        self.answer(tag, &outcome(code, text))
    }

    pub(super) fn says(&self, text: &str) -> bool {
        self.content.windows(text.len()).any(|part| part == text.as_bytes())
    }

    /// What a directory answers that has one user, Anna, whose password is `apple`.
    pub(super) fn usual(&self) -> Option<Vec<u8>> {
        Some(match self.tag {
            BIND if self.says("apple") || self.says(SERVICE) => self.outcome(BOUND, 0, ""),
            BIND => self.outcome(BOUND, 49, ""),
            SEARCH if self.says("anna") => [
                self.answer(FOUND, &entry("uid=anna,dc=x", &[("uid", "anna")])),
                self.outcome(SEARCHED, 0, ""),
            ]
            .concat(),
            SEARCH => self.outcome(SEARCHED, 0, ""),
            _ => return None,
        })
    }
}

pub(super) fn message(number: u32, tag: u8, content: &[u8]) -> Vec<u8> {
    let whole = element(SEQUENCE, |bytes| {
        put_number(bytes, INTEGER, number);
        put(bytes, tag, content);
    });
    whole.to_vec()
}

pub(super) fn outcome(code: u32, text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_number(&mut bytes, ENUMERATED, code);
    put(&mut bytes, OCTETS, b"");
    put(&mut bytes, OCTETS, text.as_bytes());
    bytes
}

pub(super) fn entry(dn: &str, attributes: &[(&str, &str)]) -> Vec<u8> {
    let mut list = Vec::new();
    for (name, value) in attributes {
        let attribute = element(SEQUENCE, |bytes| {
            put(bytes, OCTETS, name.as_bytes());
            put(bytes, SET, &element(OCTETS, |bytes| bytes.extend(value.as_bytes())));
        });
        list.extend_from_slice(&attribute);
    }
    let mut bytes = Vec::new();
    put(&mut bytes, OCTETS, dn.as_bytes());
    put(&mut bytes, SEQUENCE, &list);
    bytes
}

/// A directory that a test plays: it ends a connection where it has no answer.
pub(super) struct Played {
    pub(super) port: u16,
    /// The connection of each request, and its kind.
    seen: Arc<Mutex<Vec<(usize, u8)>>>,
}

impl Played {
    pub(super) async fn new(play: impl Fn(&Asks) -> Option<Vec<u8>> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((HERE, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (seen, play) = (Arc::<Mutex<Vec<(usize, u8)>>>::default(), Arc::new(play));
        let sees = Arc::clone(&seen);
        tokio::spawn(async move {
            for connection in 1.. {
                let Ok((mut stream, _)) = listener.accept().await else { return };
                let (sees, play) = (Arc::clone(&sees), Arc::clone(&play));
                tokio::spawn(async move {
                    let mut bytes = Vec::new();
                    while stream.read_buf(&mut bytes).await.is_ok_and(|count| count > 0) {
                        let mut all = Reader(&bytes);
                        let Some(whole) = all.expect(SEQUENCE) else { continue };
                        let (number, asked) = messages::parse(whole).unwrap();
                        let (tag, content) = (asked.tag, asked.content.to_vec());
                        let asks = Asks { connection, number, tag, content };
                        bytes.clear();
                        sees.lock().unwrap().push((connection, tag));
                        let Some(answer) = play(&asks) else { return };
                        if stream.write_all(&answer).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Self { port, seen }
    }

    /// The requests, but for those that end a connection.
    pub(super) fn seen(&self) -> Vec<(usize, u8)> {
        let seen = self.seen.lock().unwrap();
        seen.iter().copied().filter(|(_, tag)| [BIND, SEARCH].contains(tag)).collect()
    }
}
