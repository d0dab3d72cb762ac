//! From outside: an examination of any FTP server, by being its client.

mod active;
mod certificate;
mod encryption;
mod features;
mod hello;
mod login;
mod passive;
mod ports;
mod reply;
mod reuse;
mod round_trip;
mod session;
mod target;
mod versions;
mod waiting;
mod wire;

use std::net::{SocketAddr, ToSocketAddrs};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use rustls::pki_types::ServerName;

use self::encryption::Witness;
pub(super) use self::ports::ranges;
use self::reply::{NoReply, Reply};
use self::session::{Encryption, Greeting, Session, words};
pub(super) use self::target::Target;
use self::target::{Consent, Password};
use self::wire::Wire;
use super::findings::{Report, quoted, visible};
use super::{Doctor, Outcome};

/// A greeting that takes longer makes clients give up, or people wonder.
const SLOW_GREETING: Duration = Duration::from_secs(2);

/// What was asked for.
#[derive(Debug)]
pub(super) struct Wishes {
    password: Password,
    witness: Arc<Witness>,
    timeout: Duration,
    consent: Consent,
    ports: Option<RangeInclusive<u16>>,
    active: bool,
    write: Option<String>,
    idle: Option<Duration>,
}

impl Wishes {
    /// # Errors
    /// A sentence: there is no password, or a file can't be read.
    pub(super) fn of(doctor: &Doctor, target: &Target) -> Result<Self, String> {
        let write = doctor.write.clone();
        if write.as_deref().is_some_and(target::breaks_lines) {
            return Err("--write: a directory has no line end in its name".to_owned());
        }
        Ok(Self {
            witness: Witness::new(doctor.authorities.as_deref())?,
            password: target.password(doctor)?,
            timeout: doctor.timeout,
            consent: Consent { plain_text: doctor.plain_text, insecure: doctor.insecure },
            ports: doctor.ports.clone(),
            active: doctor.active,
            write,
            idle: doctor.idle,
        })
    }
}

/// An examination under way.
struct Examination<'a> {
    target: &'a Target,
    wishes: &'a Wishes,
    report: &'a mut Report,
    /// Where the server answered.
    address: SocketAddr,
    name: ServerName<'static>,
    /// What the main session encrypts by, whose data connections resume it; `None` if nothing is encrypted.
    config: Option<Arc<ClientConfig>>,
    /// The certificate of the main session, to which a password may be sent.
    certificate: Option<Vec<u8>>,
}

pub(super) fn examine(target: &Target, wishes: &Wishes, mut report: Report) -> Outcome {
    let shown = target.shown();
    if target.has_password() {
        report.advise(
            "password",
            "the password stands in the URL, which others on this machine can see in the list of processes",
            "--password-file FILE, or the variable WHARF_DOCTOR_PASSWORD",
        );
    }
    if let Some((address, wire)) = reach(target, wishes, &mut report) {
        match ServerName::try_from(target.host.clone()) {
            Ok(name) => {
                let mut examination = Examination {
                    target,
                    wishes,
                    report: &mut report,
                    address,
                    name,
                    config: None,
                    certificate: None,
                };
                // Whatever ends it has been reported.
                let _ended_early = examination.run(wire);
            }
            Err(_) => report.problem(
                "name",
                format!("{} can't be the name of a server", quoted(&target.host)),
                "name the server by a host name or an address",
            ),
        }
    }
    report.end(&visible(&shown))
}

/// Connects to the first address of the server that answers; says of each that does not.
fn reach(target: &Target, wishes: &Wishes, report: &mut Report) -> Option<(SocketAddr, Wire)> {
    let resolved = (target.host.as_str(), target.port).to_socket_addrs();
    let addresses: Vec<SocketAddr> = match resolved {
        Ok(addresses) => addresses.take(8).collect(),
        Err(error) => {
            report.problem(
                "name",
                format!("{} can't be resolved: {error}", quoted(&target.host)),
                "look at the name, and at the DNS of this machine",
            );
            return None;
        }
    };
    let (mut reached, mut failed) = (None, Vec::new());
    for address in addresses {
        let began = Instant::now();
        match Wire::connect(address, wishes.timeout) {
            Ok(wire) => {
                report.ok("reachable", format!("{address} takes connections, after {}", took(began)));
                reached.get_or_insert((address, wire));
            }
            Err(error) => failed.push((address, error)),
        }
    }
    for (address, error) in failed {
        let cure = match error.kind() {
            std::io::ErrorKind::ConnectionRefused => {
                "nothing listens there: start the server, or look at its `server.listen`, the port, and what forwards it"
            }
            std::io::ErrorKind::TimedOut => {
                "a firewall may drop the connection: open the port from clients to the server"
            }
            _ => "look at the address, the route to it, and firewalls",
        };
        let says = format!("{address} can't be reached: {}", words(&error));
        match reached {
            Some(_) => {
                report.warning("reachable", says, format!("take the address out of the DNS, or: {cure}"))
            }
            None => report.problem("reachable", says, cure),
        }
    }
    reached
}

/// How long something took.
fn took(began: Instant) -> String {
    match began.elapsed().as_millis() {
        0 => "less than 1 ms".to_owned(),
        millis => format!("{millis} ms"),
    }
}

/// The examination has come to its end early, which was reported.
#[derive(Debug)]
struct Ended;

type Step<T> = Result<T, Ended>;

impl Examination<'_> {
    fn run(&mut self, wire: Wire) -> Step<()> {
        let mut session = Session::new(wire, self.wishes.timeout);
        if self.target.implicit {
            self.encrypt(&mut session)?;
        }
        self.greeting(&mut session)?;
        let offered = self.features(&mut session)?;
        if self.target.implicit {
            self.versions();
        } else {
            self.explicit(&mut session)?;
        }
        self.log_in(&mut session)?;
        let offered = self.features_after_login(&mut session, offered)?;
        self.protect_data(&mut session)?;
        self.names(&mut session, &offered);
        self.go_on(&session)?;
        if let Some(way) = self.passive(&mut session) {
            self.listing(&mut session, way, &offered);
            self.reuse(way);
            self.go_on(&session)?;
            self.several_ports(&mut session, way);
            self.round_trip(&mut session, way);
        }
        self.all_ports();
        self.go_on(&session)?;
        self.active(&mut session);
        self.go_on(&session)?;
        self.idle(&mut session);
        let _goodbye = session.command("QUIT");
        Ok(())
    }

    /// Nothing can be asked over a session that is lost.
    fn go_on(&mut self, session: &Session) -> Step<()> {
        if !session.is_lost() {
            return Ok(());
        }
        self.report.note("session", "the rest was not tried: the control connection is lost");
        Err(Ended)
    }

    /// Ends the examination.
    fn stop<T>(&mut self, check: &'static str, says: impl Into<String>, cure: impl Into<String>) -> Step<T> {
        self.report.problem(check, says, cure);
        Err(Ended)
    }

    /// The reply, or the end.
    fn heard(&mut self, check: &'static str, reply: Result<Reply, NoReply>) -> Step<Reply> {
        match reply {
            Ok(reply) if reply.code == 421 => self.stop(
                check,
                format!("the server hangs up: {}", reply.said()),
                "too many sessions, or it stops, or this address is locked out: look at the server's log",
            ),
            Ok(reply) => Ok(reply),
            Err(error) => {
                let cure = match &error {
                    NoReply::Late => {
                        "something on the way, or the server, drops what is sent: look at firewalls, and at the server's log"
                    }
                    NoReply::Closed | NoReply::Broken(_) => {
                        "the server's log says why it closed the connection, or something on the way did"
                    }
                    NoReply::NotFtp(_) | NoReply::TooLong if check == "greeting" => {
                        "another program listens there: look at the address and the port"
                    }
                    NoReply::NotFtp(_) | NoReply::TooLong => {
                        "clients can't go on either: look at the server, and at what changes its replies on the way"
                    }
                };
                self.stop(check, format!("{error}"), cure)
            }
        }
    }

    fn greeting(&mut self, session: &mut Session) -> Step<()> {
        let began = Instant::now();
        let Greeting { delay, reply } = session.greeting();
        let reply = match (&delay, reply) {
            (Some(delay), Err(NoReply::Late)) => {
                let says =
                    format!("the server is not ready within {:?}: {}", self.wishes.timeout, delay.said());
                return self.stop("greeting", says, "try again later, or wait longer: --timeout");
            }
            (None, Err(NoReply::Late)) if !self.target.implicit => {
                let says = format!("the server says nothing for {:?}", self.wishes.timeout);
                let cure = "if the port is for implicit TLS: ftps:// instead of ftp://; otherwise the server hangs, or waits for \
                            a balancer's PROXY header (`server.proxy_protocol`)";
                return self.stop("greeting", says, cure);
            }
            (None, Err(NoReply::NotFtp(text))) if text.contains("SSH-") => {
                return self.stop(
                    "greeting",
                    "an SSH server listens there (SFTP is another protocol than FTP)",
                    "look at the port",
                );
            }
            (_, heard) => self.heard("greeting", heard)?,
        };
        let (time, is_slow) = (took(began), began.elapsed() > SLOW_GREETING);
        if reply.code != 220 {
            let says = format!("the server greets with {}", reply.said());
            return self.stop("greeting", says, "the server does not serve: look at its log");
        }
        if let Some(delay) = delay {
            self.report.advise(
                "greeting",
                format!("the server let its client wait before the greeting: {}", delay.said()),
                "some clients give up at that: look at the load of the server",
            );
        }
        match is_slow {
            true => self.report.warning(
                "greeting",
                format!("the greeting took {time}: {}", reply.said()),
                "many servers look up the name of the client first: switch that off there, or mend their DNS; and look at the load",
            ),
            false => self.report.ok("greeting", format!("{} after {time}", reply.said())),
        }
        Ok(())
    }

    /// A connection like the first one, with the greeting read.
    fn another(&mut self, check: &'static str, config: Option<&Arc<ClientConfig>>) -> Step<Session> {
        let wire = match Wire::connect(self.address, self.wishes.timeout) {
            Ok(wire) => wire,
            Err(error) => {
                let says = format!("a further connection failed: {}", words(&error));
                self.report.warning(
                    check,
                    says,
                    "the server, or a firewall, limits connections from one address",
                );
                return Err(Ended);
            }
        };
        let mut session = Session::new(wire, self.wishes.timeout);
        let encryption = config.map(|config| self.encryption(config));
        if self.target.implicit
            && let Some(encryption) = &encryption
            && let Err(error) = session.encrypt(encryption)
        {
            self.report.note(check, format!("a further TLS connection failed: {}", words(&error)));
            return Err(Ended);
        }
        match session.greeting().reply {
            Ok(reply) if reply.code == 220 => {}
            Ok(reply) => {
                let says = format!("a further session was refused: {}", reply.said());
                self.report.warning(
                    check,
                    says,
                    "the server limits sessions from one address: transfers side by side fail",
                );
                return Err(Ended);
            }
            Err(error) => {
                self.report.note(check, format!("a further session had no greeting: {error}"));
                return Err(Ended);
            }
        }
        Ok(session)
    }

    fn encryption(&self, config: &Arc<ClientConfig>) -> Encryption {
        Encryption { config: Arc::clone(config), name: self.name.clone() }
    }
}
