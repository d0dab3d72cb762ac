//! What stands in the spool: records, one behind the other, each with a length and a checksum.
//!
//! A record may be cut off, by the end of the process or of the machine, and what stands there may be damaged. So each begins with
//! four bytes by which the next one is found behind one that can't be read.

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use crate::events::id::Id;
use crate::events::model::{Draft, Outcome, Question};

const MAGIC: [u8; 4] = [0xd7, b'W', b'e', b'v'];
const CHECK: usize = 8;
const HEAD: usize = MAGIC.len() + 4 + CHECK;
/// Longer than the record of two of the longest paths.
const LONGEST: usize = 1 << 20;

/// A fact of the spool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "r", rename_all = "snake_case")]
pub(crate) enum Record {
    /// Something is about to happen, and will be told to these.
    Intent { event: Box<Draft>, ask: Question, to: Vec<String> },
    /// It has happened, or not.
    Ended { id: Id, end: End },
    /// Somebody has it, or nobody wants to send it to them any more.
    Settled { id: Id, to: String },
    /// It can't be delivered to somebody, for this reason.
    Dead { id: Id, to: String, cause: String },
    /// It is tried again.
    Again { id: Id, to: String },
    /// All that is known of an event at once.
    Whole {
        event: Box<Draft>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ask: Option<Question>,
        to: Vec<String>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        dead: Vec<(String, String)>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        end: Option<End>,
    },
}

/// How something ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum End {
    /// It did not happen, or nobody needs to hear of it.
    Dropped,
    /// It is told when the file has its name.
    Parked(Outcome),
    /// It is told.
    Told(Outcome),
}

impl Record {
    /// The record as it stands in the spool.
    pub(crate) fn framed(&self) -> Vec<u8> {
        let mut frame = vec![0; HEAD];
        // Only a map whose keys are no texts makes it fail.
        let _ = serde_json::to_writer(&mut frame, self);
        let length = u32::try_from(frame.len() - HEAD).unwrap_or(u32::MAX);
        let check = check_of(&frame[HEAD..]);
        frame[..4].copy_from_slice(&MAGIC);
        frame[4..8].copy_from_slice(&length.to_le_bytes());
        frame[8..HEAD].copy_from_slice(&check);
        frame
    }
}

fn check_of(content: &[u8]) -> [u8; CHECK] {
    let mut check = [0; CHECK];
    check.copy_from_slice(&digest(&SHA256, content).as_ref()[..CHECK]);
    check
}

/// The records in some bytes, each with its place and its length, and how many bytes belong to none.
pub(crate) struct Records<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Bytes that belong to no record that can be read.
    pub(crate) lost: usize,
}

impl<'a> Records<'a> {
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, lost: 0 }
    }

    fn read(&self) -> Option<(Record, usize)> {
        let rest = &self.bytes[self.at..];
        let head = rest.get(..HEAD)?;
        if head[..4] != MAGIC {
            return None;
        }
        let length = usize::try_from(u32::from_le_bytes(head[4..8].try_into().ok()?)).ok()?;
        let content = rest.get(HEAD..HEAD.checked_add(length).filter(|_| length <= LONGEST)?)?;
        if check_of(content) != head[8..HEAD] {
            return None;
        }
        Some((serde_json::from_slice(content).ok()?, HEAD + length))
    }
}

impl Iterator for Records<'_> {
    type Item = (Record, usize, usize);

    fn next(&mut self) -> Option<Self::Item> {
        while self.at < self.bytes.len() {
            if let Some((record, length)) = self.read() {
                let at = self.at;
                self.at += length;
                return Some((record, at, length));
            }
            let rest = &self.bytes[self.at + 1..];
            let next = rest.windows(MAGIC.len()).position(|bytes| bytes == MAGIC);
            let skipped = 1 + next.unwrap_or(rest.len());
            self.lost += skipped;
            self.at += skipped;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(to: &str) -> Record {
        Record::Settled { id: Id::new(std::time::SystemTime::UNIX_EPOCH), to: to.to_owned() }
    }

    fn names(bytes: &[u8]) -> (Vec<String>, usize) {
        let mut records = Records::of(bytes);
        let names = records.by_ref().map(|(record, ..)| match record {
            Record::Settled { to, .. } => to,
            other => panic!("{other:?}"),
        });
        (names.collect(), records.lost)
    }

    #[test]
    fn what_is_cut_off_or_damaged_takes_nothing_else_along() {
        let [one, two, three] = ["one", "two", "three"].map(|name| settled(name).framed());
        let all = [one.clone(), two.clone(), three.clone()].concat();
        assert_eq!(names(&all), (["one", "two", "three"].map(str::to_owned).to_vec(), 0));
        for end in one.len() + two.len()..all.len() {
            let (found, lost) = names(&all[..end]);
            assert_eq!((found.len(), lost), (2, end - one.len() - two.len()));
        }
        for at in one.len()..one.len() + two.len() {
            let mut damaged = all.clone();
            damaged[at] ^= 0x10;
            assert_eq!(names(&damaged).0, ["one", "three"], "byte {at}");
        }
    }
}
