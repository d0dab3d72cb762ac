//! Active mode: the server connects to this machine.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use super::Examination;
use super::session::{Failure, Move, Session};
use super::wire::Wire;

/// How often to look whether the server has come.
const LOOK: Duration = Duration::from_millis(10);

impl Examination<'_> {
    pub(super) fn active(&mut self, session: &mut Session) {
        if !self.wishes.active {
            let cure = "--active tries it; behind NAT it can't work";
            return self.report.advise(
                "active",
                "not tried: active mode, in which the server connects to the client",
                cure,
            );
        }
        match self.called(session) {
            Ok(peer) => self.report.ok("active", format!("active mode works: the server came from {peer}")),
            Err(Failure::Refused(reply)) if matches!(reply.code, 500 | 502 | 504) => self.report.advise(
                "active",
                format!("the server takes no part in active mode: {}", reply.said()),
                "most clients need passive mode alone; `server.active` is for old devices",
            ),
            Err(error) => self.report.warning(
                "active",
                format!("active mode does not work: {error}"),
                "a firewall or NAT keeps the server from connecting to this machine; use passive mode",
            ),
        }
    }

    fn called(&self, session: &mut Session) -> Result<IpAddr, Failure> {
        let data = |error: io::Error| Failure::Data(super::words(&error));
        // This machine as the server sees it, if nothing translates addresses.
        let mut local = session.wire().local().map_err(data)?;
        let server = session.peer_ip().map_err(data)?;
        local.set_port(0);
        let listener = TcpListener::bind(local).map_err(data)?;
        listener.set_nonblocking(true).map_err(data)?;
        let here = listener.local_addr().map_err(data)?;
        let reply = session.command(&command(here))?;
        if !reply.is_fine() {
            return Err(Failure::Refused(reply));
        }
        session.send("LIST")?;
        let reply = session.reply()?;
        if !reply.has_begun() {
            return Err(Failure::Refused(reply));
        }
        let accepted = accept(&listener, server, self.wishes.timeout);
        drop(listener);
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // It belongs to no later command. If none comes, the session is lost.
                let _that_it_failed = session.reply();
                return Err(data(error));
            }
        };
        session.through(Wire::over(stream, self.wishes.timeout), Move::Receive)?;
        Ok(peer.ip().to_canonical())
    }
}

fn command(here: SocketAddr) -> String {
    match here.ip().to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, c, d] = ip.octets();
            let [high, low] = here.port().to_be_bytes();
            format!("PORT {a},{b},{c},{d},{high},{low}")
        }
        IpAddr::V6(ip) => format!("EPRT |2|{ip}|{}|", here.port()),
    }
}

/// The server's connection; those of others are closed.
fn accept(listener: &TcpListener, server: IpAddr, within: Duration) -> io::Result<(TcpStream, SocketAddr)> {
    let deadline = Instant::now() + within;
    while Instant::now() < deadline {
        match listener.accept() {
            Ok((stream, peer)) if peer.ip().to_canonical() == server => {
                stream.set_nonblocking(false)?;
                return Ok((stream, peer));
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(LOOK),
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}
