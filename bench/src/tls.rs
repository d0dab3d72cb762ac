//! TLS of the client, on the part of rustls that leaves the buffers to its caller: records are read a megabyte at a
//! time. The usual one reads 4 KiB at a time, and then the client is what is measured.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;

use rustls::client::UnbufferedClientConnection;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::unbuffered::{ConnectionState, EncryptError, UnbufferedStatus};
use rustls::{ClientConfig, RootCertStore};

use crate::problem::{Doing, Result};

const INCOMING: usize = 1 << 20;
/// How much is encrypted before it is sent.
const OUTGOING: usize = 256 << 10;
/// Room for what each record of 16 KiB has around its content.
const OVERHEAD: usize = 8 << 10;
/// The longest record there is.
const MESSAGE: usize = 17 << 10;

/// A client that trusts this certificate. It offers one cipher for each version, so that all servers encrypt alike:
/// the one that clients and servers of today agree on by themselves.
pub fn client(certificate: &CertificateDer<'static>) -> Result<Arc<ClientConfig>> {
    let suites = vec![
        aws_lc_rs::cipher_suite::TLS13_AES_256_GCM_SHA384,
        aws_lc_rs::cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    ];
    let provider = CryptoProvider { cipher_suites: suites, ..aws_lc_rs::default_provider() };
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).doing(|| "trusting the certificate".to_owned())?;
    let config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .doing(|| "setting up TLS".to_owned())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// What a turn of the machinery ended with.
enum Turn {
    /// It has something for us, or for itself, to go on with.
    Again,
    /// It needs more from the server.
    Starved,
    /// The server said that this was all.
    Closed,
}

pub struct Tls {
    connection: UnbufferedClientConnection,
    tcp: TcpStream,
    incoming: Vec<u8>,
    /// What of `incoming` was received and not yet used.
    start: usize,
    end: usize,
    outgoing: Vec<u8>,
    /// Messages of the protocol's own that wait for being sent.
    messages: Vec<u8>,
    handshaking: bool,
}

impl Tls {
    /// Shakes hands.
    pub fn start(tcp: TcpStream, config: &Arc<ClientConfig>) -> io::Result<Self> {
        let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
        let connection =
            UnbufferedClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
        let mut tls = Self {
            connection,
            tcp,
            incoming: vec![0; INCOMING],
            start: 0,
            end: 0,
            outgoing: Vec::new(),
            messages: Vec::new(),
            handshaking: true,
        };
        while tls.handshaking {
            match tls.turn(&mut |_| {})? {
                Turn::Again => {}
                Turn::Starved if tls.handshaking => {
                    if !tls.fill()? {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Turn::Starved => {}
                Turn::Closed => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
        Ok(tls)
    }

    /// Hands over what came next; false at the end. A server that closes without saying so is believed: whether all
    /// has come is told by the size and by the reply.
    pub fn receive(&mut self, take: &mut dyn FnMut(&[u8])) -> io::Result<bool> {
        let mut came = false;
        loop {
            match self.turn(&mut |bytes| {
                came = true;
                take(bytes);
            })? {
                Turn::Again if came => return Ok(true),
                Turn::Again => {}
                Turn::Starved => {
                    if !self.fill()? {
                        return Ok(false);
                    }
                }
                Turn::Closed => return Ok(false),
            }
        }
    }

    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        for part in bytes.chunks(OUTGOING) {
            self.write(Some(part))?;
        }
        Ok(())
    }

    /// Says that this was all, and waits for the server to close: tickets that it sent and nobody read would make the
    /// system reset the connection, and take the end of the upload with it.
    pub fn finish(&mut self) -> io::Result<()> {
        self.write(None)?;
        self.tcp.shutdown(Shutdown::Write)?;
        while self.fill()? {
            self.start = 0;
            self.end = 0;
        }
        Ok(())
    }

    /// Encrypts and sends, or says goodbye.
    fn write(&mut self, bytes: Option<&[u8]>) -> io::Result<()> {
        self.outgoing.resize(OUTGOING + OVERHEAD, 0);
        loop {
            let UnbufferedStatus { discard, state, .. } =
                self.connection.process_tls_records(&mut self.incoming[self.start..self.end]);
            let mut written = 0;
            let done = match state.map_err(io::Error::other)? {
                ConnectionState::WriteTraffic(mut traffic) => {
                    written = match bytes {
                        Some(bytes) => traffic.encrypt(bytes, &mut self.outgoing),
                        None => traffic.queue_close_notify(&mut self.outgoing),
                    }
                    .map_err(|error: EncryptError| io::Error::other(error))?;
                    true
                }
                ConnectionState::EncodeTlsData(mut data) => {
                    written = data.encode(&mut self.outgoing).map_err(io::Error::other)?;
                    false
                }
                ConnectionState::TransmitTlsData(data) => {
                    data.done();
                    false
                }
                // The server closed its half; ours is open still.
                ConnectionState::PeerClosed => false,
                other => return Err(io::Error::other(format!("can't send now: {other:?}"))),
            };
            self.start += discard;
            self.tcp.write_all(&self.outgoing[..written])?;
            if done {
                return Ok(());
            }
        }
    }

    fn turn(&mut self, take: &mut dyn FnMut(&[u8])) -> io::Result<Turn> {
        let UnbufferedStatus { mut discard, state, .. } =
            self.connection.process_tls_records(&mut self.incoming[self.start..self.end]);
        let turn = match state.map_err(io::Error::other)? {
            ConnectionState::ReadTraffic(mut traffic) => {
                while let Some(record) = traffic.next_record() {
                    let record = record.map_err(io::Error::other)?;
                    discard += record.discard;
                    take(record.payload);
                }
                Turn::Again
            }
            ConnectionState::EncodeTlsData(mut data) => {
                let length = self.messages.len();
                self.messages.resize(length + MESSAGE, 0);
                let written = data.encode(&mut self.messages[length..]).map_err(io::Error::other)?;
                self.messages.truncate(length + written);
                Turn::Again
            }
            ConnectionState::TransmitTlsData(data) => {
                self.tcp.write_all(&self.messages)?;
                self.messages.clear();
                data.done();
                Turn::Again
            }
            ConnectionState::WriteTraffic(_) => {
                self.handshaking = false;
                Turn::Starved
            }
            ConnectionState::BlockedHandshake => Turn::Starved,
            ConnectionState::PeerClosed | ConnectionState::Closed => Turn::Closed,
            other => return Err(io::Error::other(format!("unexpected: {other:?}"))),
        };
        self.start += discard;
        Ok(turn)
    }

    /// Reads more; false at the end.
    fn fill(&mut self) -> io::Result<bool> {
        self.incoming.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let count = self.tcp.read(&mut self.incoming[self.end..])?;
        self.end += count;
        Ok(count > 0)
    }
}
