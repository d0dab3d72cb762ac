//! Active mode: the server connects to this machine.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use super::Examination;
use super::passive::cure_of;
use super::reply::Reply;
use super::session::{Failure, Move, Session};
use super::wire::Wire;

/// How often to look whether the server has come.
const LOOK: Duration = Duration::from_millis(10);

/// Why the server did not come.
enum NotCalled {
    /// It takes no such address.
    Refused(Reply),
    Failed(Failure),
}

impl From<Failure> for NotCalled {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// Whether the server is on this machine.
fn is_own(session: &Session) -> bool {
    let local = session.wire().local().map(|local| local.ip().to_canonical());
    matches!((session.peer_ip(), local), (Ok(server), Ok(local)) if server == local || server.is_loopback())
}

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
            Err(NotCalled::Refused(reply)) if matches!(reply.code, 500 | 502) => self.report.advise(
                "active",
                format!("the server takes no part in active mode: {}", reply.said()),
                "most clients need passive mode alone; `server.active` is for old devices",
            ),
            Err(NotCalled::Refused(reply)) => {
                let says = match reply.code {
                    425 | 504 | 530 | 550 => {
                        format!("active mode is on, but not to this address: {}", reply.said())
                    }
                    _ => format!("the server refuses active mode: {}", reply.said()),
                };
                match is_own(session) {
                    // As it should be: somebody else could have the server knock on doors of its own machine.
                    true => self.report.advise(
                        "active",
                        says,
                        "try from another machine; for clients on this machine: `server.active_on_this_machine`",
                    ),
                    false => self.report.warning(
                        "active",
                        says,
                        "the server may see another address than this machine has, because of NAT: use passive mode; or try from \
                         another machine (for clients on the server's own: `server.active_on_this_machine`)",
                    ),
                }
            }
            Err(NotCalled::Failed(error @ Failure::Unencrypted(_))) => {
                self.report.problem("active", error.to_string(), cure_of(&error));
            }
            Err(NotCalled::Failed(error)) => self.report.warning(
                "active",
                format!("active mode does not work: {error}"),
                "a firewall or NAT keeps the server from connecting to this machine; use passive mode",
            ),
        }
    }

    fn called(&self, session: &mut Session) -> Result<IpAddr, NotCalled> {
        let data = |error: io::Error| Failure::Data(super::words(&error));
        // This machine as the server sees it, if nothing translates addresses.
        let mut local = session.wire().local().map_err(data)?;
        let server = session.peer_ip().map_err(data)?;
        local.set_port(0);
        let listener = TcpListener::bind(local).map_err(data)?;
        listener.set_nonblocking(true).map_err(data)?;
        let here = listener.local_addr().map_err(data)?;
        let reply = session.command(&command(here)).map_err(Failure::from)?;
        match reply.code {
            421 => return Err(Failure::Refused(reply).into()),
            _ if !reply.is_fine() => return Err(NotCalled::Refused(reply)),
            _ => {}
        }
        session.send("LIST").map_err(Failure::from)?;
        let reply = session.reply().map_err(Failure::from)?;
        if !reply.has_begun() {
            return Err(Failure::Refused(reply).into());
        }
        let accepted = accept(&listener, server, self.wishes.timeout);
        drop(listener);
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // It belongs to no later command. If none comes, the session is lost.
                let _that_it_failed = session.reply();
                return Err(data(error).into());
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
