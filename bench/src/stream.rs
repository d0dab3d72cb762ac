//! One connection, plain or encrypted.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use rustix::net::{RecvFlags, recv};

use crate::tls::Tls;

/// How long a server may say nothing, as a rule. An upload is answered when the disk has it, so this is long.
pub const SILENCE: Duration = Duration::from_secs(60);

pub enum Stream {
    Plain(TcpStream),
    Tls(Box<Tls>),
}

/// Connects to a server that may then say and take nothing for so long.
pub fn dial(address: SocketAddr, silence: Duration) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, Duration::from_secs(10))?;
    stream.set_read_timeout(Some(silence))?;
    stream.set_write_timeout(Some(silence))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

impl Stream {
    /// Hands over what came next; false at the end.
    pub fn receive(&mut self, buffer: &mut [u8], take: &mut dyn FnMut(&[u8])) -> io::Result<bool> {
        match self {
            Self::Plain(tcp) => {
                let count = tcp.read(buffer)?;
                take(&buffer[..count]);
                Ok(count > 0)
            }
            Self::Tls(tls) => tls.receive(take),
        }
    }

    /// How much came next, which is thrown away; zero at the end. The system is told not to copy what nobody looks
    /// at: the server's work is to be measured, and the client shares the processor with it.
    pub fn discard(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => Ok(recv(&*tcp, buffer, RecvFlags::TRUNC)?.1),
            Self::Tls(tls) => {
                let mut count = 0;
                tls.receive(&mut |bytes| count += bytes.len())?;
                Ok(count)
            }
        }
    }

    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(tcp) => tcp.write_all(bytes),
            Self::Tls(tls) => tls.send(bytes),
        }
    }

    /// Says that this was all.
    pub fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(tcp) => tcp.shutdown(Shutdown::Write),
            Self::Tls(tls) => tls.finish(),
        }
    }
}
