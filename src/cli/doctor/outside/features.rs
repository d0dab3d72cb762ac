//! What the server says of itself (RFC 2389), and what clients need of it.

use super::reply::Reply;
use super::session::Session;
use super::{Examination, Step};

/// The lines of FEAT.
#[derive(Debug, Default, Clone)]
pub(super) struct Offered(Vec<String>);

impl Offered {
    fn of(reply: &Reply) -> Self {
        let inner = reply.lines.get(1..reply.lines.len().saturating_sub(1)).unwrap_or_default();
        Self(inner.iter().map(|line| line.trim().to_ascii_uppercase()).collect())
    }

    pub(super) fn has(&self, feature: &str) -> bool {
        self.0.iter().any(|line| {
            line.strip_prefix(feature).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        })
    }
}

/// What clients look for, and what they miss without it.
const WANTED: [(&str, &str); 5] = [
    ("MLST", "exact listings (MLSD): clients guess at dates and names in lines of LIST"),
    ("UTF8", "names with letters beyond ASCII: each client guesses at their encoding"),
    ("REST", "resuming: a broken transfer begins anew"),
    ("SIZE", "sizes of files: no progress is shown, and nothing is resumed"),
    ("MDTM", "times of files: a mirror copies all again"),
];

impl Examination<'_> {
    /// Without a whole answer, the next command would get the rest of this one.
    pub(super) fn features(&mut self, session: &mut Session) -> Step<Offered> {
        let reply = session.command("FEAT");
        let reply = self.heard("features", reply)?;
        Ok(if reply.code == 211 { Offered::of(&reply) } else { Offered::default() })
    }

    /// Some servers tell only who is logged in.
    pub(super) fn features_after_login(&mut self, session: &mut Session, before: Offered) -> Step<Offered> {
        let mut offered = self.features(session)?;
        offered.0.extend(before.0);
        let missing: Vec<_> = WANTED.iter().filter(|(feature, _)| !offered.has(feature)).collect();
        if missing.is_empty() {
            let names = WANTED.map(|(feature, _)| feature).join(", ");
            self.report.ok("features", format!("FEAT has what clients look for: {names}"));
        }
        for (feature, without) in missing {
            self.report.advise(
                "features",
                format!("FEAT has no {feature}"),
                format!("clients have to do without {without}"),
            );
        }
        Ok(offered)
    }

    /// UTF8 and REST as they are used, not only as they are announced.
    pub(super) fn names(&mut self, session: &mut Session, offered: &Offered) {
        if offered.has("UTF8") {
            match session.command("OPTS UTF8 ON") {
                Ok(reply) if reply.is_fine() => {}
                Ok(reply) => {
                    self.report.note("features", format!("OPTS UTF8 ON is answered with {}", reply.said()))
                }
                Err(error) => self.report.note("features", format!("OPTS UTF8 ON was not answered: {error}")),
            }
        }
        let resumes = session.command("TYPE I").and_then(|_| session.command("REST 1"));
        match resumes {
            Ok(reply) if reply.code == 350 => {
                // Nothing may begin there.
                let _reset = session.command("REST 0");
            }
            Ok(reply) if offered.has("REST") => self.report.warning(
                "features",
                format!("FEAT has REST, but REST 1 is answered with {}", reply.said()),
                "clients that resume will fail",
            ),
            _ => {}
        }
    }
}
