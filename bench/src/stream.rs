//! The data connections of the measurements.

use std::io::{self, Read};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use rustix::net::{RecvFlags, recv};
use wharf_testing::ftp::{self, Stream};

/// How long a server may say nothing, as a rule. An upload is answered when the disk has it, so this is long.
pub const SILENCE: Duration = Duration::from_secs(60);

/// How long it may take to connect.
pub const CONNECT: Duration = Duration::from_secs(10);

/// Connects to a server that may then say and take nothing for so long.
pub fn dial(address: SocketAddr, silence: Duration) -> io::Result<TcpStream> {
    ftp::dial(address, CONNECT, silence)
}

/// Hands over what came next; false at the end.
pub fn receive(stream: &mut Stream, buffer: &mut [u8], take: &mut dyn FnMut(&[u8])) -> io::Result<bool> {
    match stream {
        Stream::Plain(tcp) => {
            let count = tcp.read(buffer)?;
            take(&buffer[..count]);
            Ok(count > 0)
        }
        Stream::Tls(tls) => tls.receive(take),
        Stream::Gone => Ok(false),
    }
}

/// How much came next, which is thrown away; zero at the end. The system is told not to copy what nobody looks
/// at: the server's work is to be measured, and the client shares the processor with it.
pub fn discard(stream: &mut Stream, buffer: &mut [u8]) -> io::Result<usize> {
    if let Stream::Plain(tcp) = stream {
        return Ok(recv(&*tcp, buffer, RecvFlags::TRUNC)?.1);
    }
    let mut count = 0;
    receive(stream, buffer, &mut |bytes| count += bytes.len())?;
    Ok(count)
}

/// Says that this was all; over TLS, waits for the server to close.
pub fn finish(stream: &mut Stream) -> io::Result<()> {
    stream.finish()?;
    match stream {
        Stream::Tls(tls) => tls.drain(),
        _ => Ok(()),
    }
}
