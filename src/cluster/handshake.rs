//! How replicas prove to each other that they know the secret.
//!
//! The plan. Whoever opens a connection is the *opener*, the replica that it looks for the *owner*.
//!
//! 1. The owner sends its name for the protocol and a nonce.
//! 2. The opener sends the name, a nonce of its own, what it wants, who it is and whom it looks for, what else there is to
//!    say of it, and a code (HMAC-SHA256 with the secret) of all of that and of the owner's nonce.
//! 3. The owner sends a verdict, and a code of it and of both nonces.
//! 4. The opener says that it goes on. Without this byte, a connection that the opener has given up meanwhile would be taken
//!    for one that a client has opened and ended: an empty file.
//!
//! So a recording of one handshake is of no use in another: each has a nonce of the side that has to be convinced. The codes
//! of the two sides differ in their purpose, so that none can be sent back to whoever has made it. Nothing is sent to
//! anybody who has not proven to know the secret, but for what is in 1 and 2, of which nothing is secret.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::keys::{CODE, ConnectionKey, Keys, NoRandomBytes, Nonce, Purpose, nonce};
use super::service::Kind;

/// The protocol and its version.
const NAME: [u8; 8] = *b"WHARF-R1";

/// What an opener says when it has read that it is welcome.
const GOES_ON: u8 = b'>';

/// What is said of a connection takes no more, in bytes.
pub(super) const MOST_SAID: usize = 1024;

/// The name, the nonce, the kind, two numbers of replicas and a length.
const OPENING: usize = NAME.len() + 32 + 1 + 2 + 2 + 2;

/// What an owner makes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is taken.
    Welcome,
    /// The opener looks for another replica, or for a port of another one.
    Elsewhere,
    /// This version does not know such connections.
    UnknownKind,
}

impl Verdict {
    const ALL: [Self; 3] = [Self::Welcome, Self::Elsewhere, Self::UnknownKind];

    fn byte(self) -> u8 {
        match self {
            Self::Welcome => 0,
            Self::Elsewhere => 1,
            Self::UnknownKind => 2,
        }
    }
}

/// Why a handshake did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum HandshakeError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    NoRandomBytes(#[from] NoRandomBytes),
    #[error("the other side does not speak the protocol of replicas")]
    Protocol,
    #[error("the other side does not know the secret of the cluster")]
    Secret,
    #[error(
        "it has another number than the one that was looked for, or other ports: all replicas need the same \
         `server.passive.ports` and `cluster.ports_per_replica`"
    )]
    Elsewhere,
    #[error(
        "replica {from} takes port {port} for one of this replica: all replicas need the same `server.passive.ports` and \
         `cluster.ports_per_replica`"
    )]
    Ports { from: u16, port: u16 },
    #[error("its version does not know such connections")]
    UnknownKind,
    #[error("there is no secret")]
    NoSecret,
}

/// What an opener wants.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opening<'a> {
    pub(super) kind: Kind,
    pub(super) from: u16,
    pub(super) to: u16,
    pub(super) said: &'a [u8],
}

/// The opener's side.
pub(super) async fn open(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    keys: &Keys,
    opening: Opening<'_>,
) -> Result<ConnectionKey, HandshakeError> {
    let key = keys.own().ok_or(HandshakeError::NoSecret)?;
    let of_owner = name_and_nonce(stream).await?;
    let of_opener = nonce()?;
    let Opening { kind, from, to, said } = opening;
    let length = u16::try_from(said.len()).ok().filter(|_| said.len() <= MOST_SAID);
    let length = length.ok_or(HandshakeError::Protocol)?;
    let mut message = Vec::with_capacity(OPENING + said.len() + CODE);
    message.extend(NAME);
    message.extend(of_opener);
    message.push(kind.byte());
    for number in [from, to, length] {
        message.extend(number.to_be_bytes());
    }
    message.extend(said);
    let code = key.code(Purpose::Opening, &[&of_owner, &message]);
    message.extend(code);
    stream.write_all(&message).await?;
    let mut answer = [0; 1 + CODE];
    stream.read_exact(&mut answer).await.map_err(|error| match error.kind() {
        // An owner says nothing to whoever does not know its secret.
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => HandshakeError::Secret,
        _ => error.into(),
    })?;
    let (verdict, code) = answer.split_at(1);
    if !key.is_right(Purpose::Verdict, &[&of_owner, &of_opener, verdict], code) {
        return Err(HandshakeError::Secret);
    }
    match Verdict::ALL.into_iter().find(|known| [known.byte()] == verdict) {
        Some(Verdict::Welcome) => {
            stream.write_all(&[GOES_ON]).await?;
            Ok(key.connection(&of_owner, &of_opener))
        }
        Some(Verdict::Elsewhere) => Err(HandshakeError::Elsewhere),
        Some(Verdict::UnknownKind) => Err(HandshakeError::UnknownKind),
        None => Err(HandshakeError::Protocol),
    }
}

/// What came from an opener that knows the secret.
#[derive(Debug)]
pub(super) struct Asked {
    /// `None`: this version does not know it.
    pub(super) kind: Option<Kind>,
    pub(super) from: u16,
    pub(super) to: u16,
    pub(super) said: Vec<u8>,
    of_owner: Nonce,
    of_opener: Nonce,
}

/// The owner's side, up to its verdict.
pub(super) async fn receive(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    keys: &Keys,
) -> Result<(Asked, Verdicts), HandshakeError> {
    let of_owner = nonce()?;
    let mut greeting = [0; NAME.len() + 32];
    greeting[..NAME.len()].copy_from_slice(&NAME);
    greeting[NAME.len()..].copy_from_slice(&of_owner);
    stream.write_all(&greeting).await?;
    let of_opener = name_and_nonce(stream).await?;
    let mut rest = [0; OPENING - NAME.len() - 32];
    stream.read_exact(&mut rest).await?;
    let [kind, from_high, from_low, to_high, to_low, high, low] = rest;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length > MOST_SAID {
        return Err(HandshakeError::Protocol);
    }
    let mut said = vec![0; length + CODE];
    stream.read_exact(&mut said).await?;
    let code = said.split_off(length);
    let parts: [&[u8]; 5] = [&of_owner, &NAME, &of_opener, &rest, &said];
    let key = keys.known_by(Purpose::Opening, &parts, &code).ok_or(HandshakeError::Secret)?;
    let asked = Asked {
        kind: Kind::of(kind),
        from: u16::from_be_bytes([from_high, from_low]),
        to: u16::from_be_bytes([to_high, to_low]),
        said,
        of_owner,
        of_opener,
    };
    let verdicts = Verdicts {
        codes: Verdict::ALL.map(|verdict| {
            let code = key.code(Purpose::Verdict, &[&asked.of_owner, &asked.of_opener, &[verdict.byte()]]);
            (verdict, code)
        }),
        connection: key.connection(&asked.of_owner, &asked.of_opener),
    };
    Ok((asked, verdicts))
}

/// What an owner may answer to whoever has proven to know the secret.
#[derive(Debug)]
pub(super) struct Verdicts {
    codes: [(Verdict, [u8; CODE]); Verdict::ALL.len()],
    connection: ConnectionKey,
}

impl Verdicts {
    /// Answers; what is left is the key of the connection.
    pub(super) async fn send(
        self,
        stream: &mut (impl AsyncWrite + Unpin),
        verdict: Verdict,
    ) -> io::Result<ConnectionKey> {
        let mut answer = [0; 1 + CODE];
        answer[0] = verdict.byte();
        for (known, code) in &self.codes {
            if *known == verdict {
                answer[1..].copy_from_slice(code);
            }
        }
        stream.write_all(&answer).await?;
        Ok(self.connection)
    }
}

/// Waits until the opener goes on, after it was welcomed.
pub(super) async fn goes_on(stream: &mut (impl AsyncRead + Unpin)) -> Result<(), HandshakeError> {
    match stream.read_u8().await? {
        GOES_ON => Ok(()),
        _ => Err(HandshakeError::Protocol),
    }
}

/// Reads the name first: whoever speaks another protocol is not waited for.
async fn name_and_nonce(stream: &mut (impl AsyncRead + Unpin)) -> Result<Nonce, HandshakeError> {
    let mut name = [0; NAME.len()];
    stream.read_exact(&mut name).await?;
    if name != NAME {
        return Err(HandshakeError::Protocol);
    }
    let mut nonce = [0; 32];
    stream.read_exact(&mut nonce).await?;
    Ok(nonce)
}

#[cfg(test)]
#[path = "handshake_tests.rs"]
mod tests;
