//! A system log: messages of RFC 5424, in datagrams (RFC 5426, and the socket of this machine), or over TCP with their length in front
//! (RFC 6587, section 3.4.1).

use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::record;
use super::sink::{Output, Written};
use crate::config::SyslogAddress;

/// How long a connection may take to come about, a message to be taken, and the other machine to confirm that it has it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Security messages that are for few eyes (`authpriv`).
const FACILITY: u8 = 10;

/// What begins each message of this process.
#[derive(Debug)]
pub(super) struct Header {
    host: String,
    process: u32,
}

impl Header {
    pub(super) fn of_this_process() -> Self {
        let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let host: String = host.trim().chars().filter(char::is_ascii_graphic).take(255).collect();
        Self { host: if host.is_empty() { "-".to_owned() } else { host }, process: std::process::id() }
    }

    /// A message that says this.
    pub(super) fn message(&self, time: SystemTime, id: &str, is_warning: bool, text: &str) -> String {
        // Warning, or informational.
        let priority = FACILITY * 8 + if is_warning { 4 } else { 6 };
        let (time, Self { host, process }) = (record::at(time), self);
        format!("<{priority}>1 {time} {host} wharf {process} {id} - {text}")
    }
}

/// A connection, or a socket that knows where to send.
enum Link {
    Datagrams(UnixDatagram),
    Udp(UdpSocket),
    /// Whose messages end with a line end.
    Stream(UnixStream),
    /// Whose messages begin with their length.
    Tcp(TcpStream),
}

/// A system log.
pub(super) struct Syslog {
    address: SyslogAddress,
    link: Option<Link>,
}

impl Syslog {
    pub(super) fn new(address: SyslogAddress) -> Self {
        Self { address, link: None }
    }

    fn connect(&self) -> io::Result<Link> {
        match &self.address {
            SyslogAddress::Unix(path) => unix(path),
            SyslogAddress::Udp(place) => {
                let to = resolve(place)?;
                let from: SocketAddr = if to.is_ipv4() { ([0; 4], 0).into() } else { ([0; 16], 0).into() };
                let socket = UdpSocket::bind(from)?;
                socket.connect(to)?;
                Ok(Link::Udp(socket))
            }
            SyslogAddress::Tcp(place) => {
                let stream = TcpStream::connect_timeout(&resolve(place)?, PATIENCE)?;
                stream.set_write_timeout(Some(PATIENCE))?;
                stream.set_nodelay(true)?;
                // A machine that is gone says nothing: without this, what is sent to it would wait for a quarter of an hour before it is
                // an error, and with it what was sent meanwhile is lost.
                let patience = u32::try_from(PATIENCE.as_millis()).unwrap_or(u32::MAX);
                rustix::net::sockopt::set_tcp_user_timeout(&stream, patience)?;
                Ok(Link::Tcp(stream))
            }
        }
    }
}

fn unix(path: &Path) -> io::Result<Link> {
    let socket = UnixDatagram::unbound()?;
    match socket.connect(path) {
        Ok(()) => {
            socket.set_write_timeout(Some(PATIENCE))?;
            Ok(Link::Datagrams(socket))
        }
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::PROTOTYPE.raw_os_error()) => {
            let stream = UnixStream::connect(path)?;
            stream.set_write_timeout(Some(PATIENCE))?;
            Ok(Link::Stream(stream))
        }
        Err(error) => Err(error),
    }
}

fn resolve(place: &str) -> io::Result<SocketAddr> {
    place.to_socket_addrs()?.next().ok_or_else(|| io::ErrorKind::NotFound.into())
}

impl Output for Syslog {
    fn write(&mut self, lines: &[Vec<u8>]) -> Written {
        let mut written = Written::default();
        for line in lines {
            let message = line.strip_suffix(b"\n").unwrap_or(line);
            // One that went away since shows it with the next message, which is not sent there.
            if self.link.as_mut().is_some_and(is_gone) {
                self.link = None;
            }
            let sent = match &mut self.link {
                Some(link) => send(link, message),
                None => self.connect().and_then(|link| send(self.link.insert(link), message)),
            };
            match sent {
                Ok(()) => written.lines += 1,
                // No other try makes it shorter.
                Err(error) if error.raw_os_error() == Some(rustix::io::Errno::MSGSIZE.raw_os_error()) => {
                    written.lines += 1;
                    written.lost += 1;
                }
                Err(error) => {
                    self.link = None;
                    written.failure = Some(error);
                    break;
                }
            }
        }
        written
    }
}

fn send(link: &mut Link, message: &[u8]) -> io::Result<()> {
    match link {
        Link::Datagrams(socket) => socket.send(message).map(drop),
        Link::Udp(socket) => socket.send(message).map(drop),
        Link::Stream(stream) => stream.write_all(&[message, b"\n"].concat()),
        Link::Tcp(stream) => {
            let length = format!("{} ", message.len());
            stream.write_all(&[length.as_bytes(), message].concat())
        }
    }
}

/// Whether the other end has closed the connection: what is written then goes nowhere, without an error.
fn is_gone(link: &mut Link) -> bool {
    let ends = |read: io::Result<usize>| match read {
        Ok(count) => count == 0,
        Err(error) => error.kind() != io::ErrorKind::WouldBlock,
    };
    match link {
        Link::Datagrams(_) | Link::Udp(_) => false,
        Link::Stream(stream) => {
            let _ = stream.set_nonblocking(true);
            let gone = ends(stream.read(&mut [0; 64]));
            let _ = stream.set_nonblocking(false);
            gone
        }
        Link::Tcp(stream) => {
            let _ = stream.set_nonblocking(true);
            let gone = ends(stream.read(&mut [0; 64]));
            let _ = stream.set_nonblocking(false);
            gone
        }
    }
}
