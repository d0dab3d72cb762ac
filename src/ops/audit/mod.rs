//! The record of who did what: a reader of facts, which makes lines of them and gives these to each place that the configuration names.
//!
//! - `record`: what a line of JSON says, and `json` how; `xferlog`: a line as wu-ftpd wrote it;
//! - `sink`: a place with its queue and its thread; `file`, `syslog` and `stdout`: where its lines go.

mod file;
mod json;
mod record;
mod sink;
mod stdout;
mod syslog;
mod xferlog;

use std::collections::HashMap;
use std::fmt::Write;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use self::file::Lines;
use self::record::Record;
pub use self::sink::Load;
use self::sink::{Output, ROOM, ROOM_OF_REFUSALS, Sink};
use self::stdout::Stdout;
use self::syslog::{Header, Syslog};
use crate::config::{AuditFormat, AuditSink, AuditTo, SyslogAddress};
use crate::listing_time::ListingTime;
use crate::visit::facts::{Act, Fact, Reader, Standing, What};

/// A place can't be written to.
#[derive(Debug, thiserror::Error)]
#[error("the audit can't be written to {place}: {error}")]
pub struct AuditError {
    /// The place.
    pub place: String,
    /// What the system says.
    pub error: io::Error,
}

/// The record of who did what.
#[derive(Debug)]
pub struct Audit {
    places: Vec<Place>,
    /// The zone of lines that don't say theirs.
    zone: ListingTime,
    has_json: bool,
    has_xferlog: bool,
    /// The checksums of files whose transfer is not over, by session.
    digests: Mutex<HashMap<u64, Vec<u8>>>,
}

#[derive(Debug)]
struct Place {
    sink: Sink,
    format: AuditFormat,
    /// What begins a message, if it is a system log.
    header: Option<Header>,
    sha256: bool,
}

impl Audit {
    /// Opens all places; `None` if there are none.
    ///
    /// # Errors
    /// [`AuditError`]. A system log need not be there yet.
    pub fn start(sinks: &[AuditSink], zone: &ListingTime) -> Result<Option<Arc<Self>>, AuditError> {
        if sinks.is_empty() {
            return Ok(None);
        }
        let places = sinks.iter().map(|sink| {
            let name = name_of(&sink.to);
            open(sink, name.clone()).map_err(|error| AuditError { place: name, error })
        });
        let places = places.collect::<Result<Vec<_>, _>>()?;
        let has = |format| places.iter().any(|place| place.format == format);
        let (has_json, has_xferlog) = (has(AuditFormat::Json), has(AuditFormat::Xferlog));
        let (zone, digests) = (zone.clone(), Mutex::default());
        Ok(Some(Arc::new(Self { places, zone, has_json, has_xferlog, digests })))
    }

    /// Each place by its name.
    pub fn loads(&self) -> impl Iterator<Item = (&str, Load)> {
        self.places.iter().map(|place| (place.sink.name(), place.sink.load()))
    }

    /// The place, if there is one, for whose sake logins and changes are refused.
    pub fn failing(&self) -> Option<&str> {
        let sinks = self.places.iter().map(|place| &place.sink);
        sinks.filter(|sink| sink.standing() == Standing::Failing).map(Sink::name).next()
    }

    /// Writes the lines that wait, for a bounded time. Blocks.
    pub fn end(&self) {
        let deadline = Sink::deadline();
        self.places.iter().for_each(|place| place.sink.end());
        self.places.iter().for_each(|place| place.sink.wait(deadline));
    }

    fn digests(&self) -> MutexGuard<'_, HashMap<u64, Vec<u8>>> {
        self.digests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is kept of a file until its transfer is over.
    fn digest(&self, fact: &Fact<'_>) -> Option<Vec<u8>> {
        let session = fact.who.session;
        match fact.what {
            What::Digested { sha256, .. } => {
                self.digests().insert(session, sha256.to_owned());
                None
            }
            What::TransferEnded { transfer, end } => {
                let digest = self.digests().remove(&session)?;
                // Of a part, the checksum would be taken for that of the file.
                (end.failure.is_none() && transfer.offset == 0).then_some(digest)
            }
            What::SessionClosed { .. } => {
                self.digests().remove(&session);
                None
            }
            _ => None,
        }
    }

    fn put(
        &self,
        time: SystemTime,
        record: Option<&Record<'_>>,
        with_sha256: Option<&Record<'_>>,
        xferlog: Option<&str>,
    ) {
        let text = record.map(Record::text);
        let longer = with_sha256.map(Record::text);
        let room = if record.is_some_and(Record::says_of_a_refusal_only) { ROOM_OF_REFUSALS } else { ROOM };
        for place in &self.places {
            let json = if place.sha256 { longer.as_deref().or(text.as_deref()) } else { text.as_deref() };
            let text = match place.format {
                AuditFormat::Json => json,
                AuditFormat::Xferlog => xferlog,
            };
            let Some(text) = text else { continue };
            place.sink.put(room, |lost| {
                let mut text = text.to_owned();
                if lost > 0 && place.format == AuditFormat::Json {
                    text.pop();
                    let _ = write!(text, ",\"lost\":{lost}}}");
                }
                if let Some(header) = &place.header {
                    let (id, is_warning) = match (place.format, record) {
                        (AuditFormat::Json, Some(record)) => (record.event, record.is_warning()),
                        _ => ("transfer", xferlog::is_incomplete(&text)),
                    };
                    text = header.message(time, id, is_warning, &text);
                }
                text.push('\n');
                text.into_bytes()
            });
        }
    }
}

impl Reader for Audit {
    fn hears(&self, fact: &Fact<'_>) {
        let digest = self.digest(fact);
        let record = if self.has_json { Record::of(fact, None) } else { None };
        let with_sha256 =
            digest.as_deref().filter(|_| self.has_json).and_then(|sha256| Record::of(fact, Some(sha256)));
        let xferlog = if self.has_xferlog { xferlog::line(fact, &self.zone) } else { None };
        self.put(fact.time, record.as_ref(), with_sha256.as_ref(), xferlog.as_deref());
    }

    fn standing(&self) -> Standing {
        self.places.iter().map(|place| place.sink.standing()).max().unwrap_or(Standing::Ready)
    }

    fn hears_act(&self, time: SystemTime, act: &Act<'_>) {
        self.put(time, Some(&Record::of_act(time, act)), None, None);
        // Whoever has given a file another name has the configuration read again.
        if act.action == "reload" {
            self.places.iter().for_each(|place| place.sink.again());
        }
    }
}

fn name_of(to: &AuditTo) -> String {
    match to {
        AuditTo::Stdout => "stdout".to_owned(),
        AuditTo::File(path) => path.display().to_string(),
        AuditTo::Syslog(SyslogAddress::Unix(path)) => format!("unix:{}", path.display()),
        AuditTo::Syslog(SyslogAddress::Udp(place)) => format!("udp://{place}"),
        AuditTo::Syslog(SyslogAddress::Tcp(place)) => format!("tcp://{place}"),
    }
}

fn open(sink: &AuditSink, name: String) -> io::Result<Place> {
    let AuditSink { to, format, rotation, required, sha256 } = sink;
    let (output, header): (Box<dyn Output>, _) = match to {
        AuditTo::Stdout => (Box::new(Stdout::open()?), None),
        AuditTo::File(path) => (Box::new(Lines::open(path, *rotation)?), None),
        AuditTo::Syslog(address) => (Box::new(Syslog::new(address.clone())), Some(Header::of_this_process())),
    };
    let sink = Sink::start(name, *required, output)?;
    Ok(Place { sink, format: *format, header, sha256: *sha256 })
}

#[cfg(test)]
#[path = "audit_tests.rs"]
mod tests;
