//! A small file is stored, looked at, read, resumed and removed.

use std::hash::{BuildHasher, RandomState};

use super::Examination;
use super::passive::{Way, cure_of};
use super::session::{Failure, Move, Moved, Session};

/// What is stored. Its lines would change in ASCII type.
const CONTENT: &[u8] = b"wharf doctor\nwas here\r\nand removes this file again\n";

impl Examination<'_> {
    pub(super) fn round_trip(&mut self, session: &mut Session, way: Way) {
        let Some(directory) = self.wishes.write.clone() else {
            return self.report.advise(
                "write",
                "not tried: nothing was stored",
                "--write DIR tries it with a small file in that directory",
            );
        };
        if session.sends_plain_data() {
            return self.report.note("write", "not tried: the server does not encrypt data");
        }
        let name = format!("wharf-doctor-{:016x}.txt", RandomState::new().hash_one(std::process::id()));
        let path = match directory.trim_end_matches('/') {
            "" if directory.starts_with('/') => format!("/{name}"),
            "" => name,
            directory => format!("{directory}/{name}"),
        };
        match self.moved(session, way, &format!("STOR {path}"), Move::Send(CONTENT)) {
            Ok(_) => self.report.ok("write", format!("stored {path}")),
            Err(error) => {
                let cure = match &error {
                    Failure::Refused(reply) if matches!(reply.code, 550 | 553) => {
                        "the user may not store there: look at the directory, and at `permissions`"
                    }
                    Failure::Refused(reply) if matches!(reply.code, 452 | 552) => {
                        "there is no room: look at the quota and the disk"
                    }
                    error => cure_of(error),
                };
                self.report.problem("write", format!("{path} can't be stored: {error}"), cure);
                // It may be there all the same.
                if !matches!(&error, Failure::Refused(reply) if reply.code / 100 == 5) {
                    let _gone = session.command(&format!("DELE {path}"));
                }
                return;
            }
        }
        self.read_back(session, way, &path);
        match session.command(&format!("DELE {path}")) {
            Ok(reply) if reply.is_fine() => self.report.ok("delete", format!("removed {path}")),
            Ok(reply) => self.report.warning(
                "delete",
                format!("{path} can't be removed: {}", reply.said()),
                "the file stays there: remove it by hand; a user that only uploads need not be able to",
            ),
            Err(error) => self.report.warning(
                "delete",
                format!("{path} may still be there: {error}"),
                "remove it by hand",
            ),
        }
    }

    fn read_back(&mut self, session: &mut Session, way: Way, path: &str) {
        if let Ok(reply) = session.command(&format!("SIZE {path}"))
            && reply.code == 213
            && reply.lines.last().map(String::as_str) != Some(&CONTENT.len().to_string())
        {
            let says = format!("the stored file has {} bytes instead of {}", reply.said(), CONTENT.len());
            self.report.problem(
                "size",
                says,
                "the server converts line ends of binary files: look at its settings",
            );
        }
        match self.moved(session, way, &format!("RETR {path}"), Move::Receive) {
            Ok(moved) if moved.bytes == CONTENT => {
                self.report.ok("read", "the file came back as it was stored")
            }
            Ok(_) => self.report.problem(
                "read",
                "the file came back other than it was stored",
                "something on the way changes data",
            ),
            Err(error) => {
                let says = format!("the file can't be read: {error}");
                return self.report.advise("read", says, "a user that only uploads need not be able to");
            }
        }
        let resumed = self.resumed(session, way, path);
        match resumed {
            Ok(moved) if moved.bytes == CONTENT[6..] => {
                self.report.ok("resume", "a download can be resumed in the middle of the file")
            }
            Ok(_) => self.report.problem(
                "resume",
                "a resumed download has other bytes than the file",
                "clients that resume damage files: switch REST off",
            ),
            Err(error) => self.report.advise(
                "resume",
                format!("a download can't be resumed: {error}"),
                "clients begin anew",
            ),
        }
    }

    fn resumed(&self, session: &mut Session, way: Way, path: &str) -> Result<Moved, Failure> {
        // Nothing stands between REST and its command (RFC 3659, section 5.3).
        let address = session.passive(way.is_extended())?;
        let reply = session.command("REST 6")?;
        if reply.code != 350 {
            return Err(Failure::Refused(reply));
        }
        session.transfer(address, &format!("RETR {path}"), Move::Receive)
    }

    fn moved(
        &self,
        session: &mut Session,
        way: Way,
        command: &str,
        what: Move<'_>,
    ) -> Result<Moved, Failure> {
        let address = session.passive(way.is_extended())?;
        session.transfer(address, command, what)
    }
}
