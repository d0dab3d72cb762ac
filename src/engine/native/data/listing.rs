//! The entries of a directory on their way to a client: page by page, never all at once.

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use wharf_backends::{Entry, EntryStream, Error, ErrorKind, StoragePath};

use super::super::facts::{self, Facts};
use super::convert::{Form, Outgoing};
use super::send::{Flow, send_all, send_converted};
use super::{DataConnection, TransferError};
use crate::charset::Charset;
use crate::listing_time::ListingTime;
use crate::visit::Permissions;

/// How many bytes are sent at a time.
const BLOCK: usize = 32 * 1024;

/// The format of a listing's lines.
#[derive(Debug, Clone)]
pub(in super::super) enum Style {
    /// LIST: the format of `ls -l`, which most clients can read, with times in this zone.
    Long(ListingTime),
    /// NLST: names after this prefix, so that a line can be the argument of the next command (RFC 1123, section
    /// 4.1.2.7).
    Names(String),
    /// MLSD (RFC 3659, section 7).
    Facts(Facts),
}

/// How entries become lines.
#[derive(Debug, Clone)]
pub(in super::super) struct Lines {
    pub(in super::super) style: Style,
    pub(in super::super) charset: Charset,
    /// The directory of the entries, for the fact `unique`.
    pub(in super::super) directory: StoragePath,
    /// What the user may do in this directory.
    pub(in super::super) permissions: Permissions,
    /// The mounts in it, and what the user may do there.
    pub(in super::super) mounts: Vec<(String, Permissions)>,
    /// Only names that match are listed.
    pub(in super::super) patterns: Vec<glob::Pattern>,
}

impl Lines {
    /// Appends the line of an entry; returns whether its name could be written.
    pub(in super::super) fn put(&self, entry: &Entry, out: &mut BytesMut) -> bool {
        // A name with a missing letter would be another name.
        let Some(name) = self.charset.encode(&entry.name) else { return false };
        let mount = self.mounts.iter().find(|(mount, _)| *mount == entry.name);
        let permissions = mount.map_or(self.permissions, |(_, permissions)| *permissions);
        match &self.style {
            Style::Long(listing_time) => {
                let line = facts::long(&entry.metadata, permissions, listing_time);
                out.extend_from_slice(line.as_bytes());
            }
            Style::Names(before) => out.extend_from_slice(&self.charset.encode_lossy(before)),
            Style::Facts(wanted) => {
                let path = self.directory.child(&entry.name);
                let identity = path.as_ref().map_or(entry.name.as_str(), StoragePath::as_str);
                let facts = facts::facts(&entry.metadata, identity, permissions, *wanted);
                out.extend_from_slice(facts.as_bytes());
            }
        }
        out.extend_from_slice(&name);
        if let (Style::Long(_), Some(target)) = (&self.style, &entry.metadata.link_target)
            && let Some(target) = self.charset.encode(target)
        {
            out.extend_from_slice(b" -> ");
            out.extend_from_slice(&target);
        }
        out.extend_from_slice(b"\r\n");
        true
    }

    /// Refuses an entry whose size is not known: LIST can only show a number, and clients that mirror replace a file
    /// whose size differs. Clients ignore the size of a directory.
    pub(in super::super) fn check(&self, entry: &Entry) -> Result<(), Error> {
        let is_known = !entry.metadata.is_unseen || entry.metadata.is_directory();
        if is_known || !matches!(self.style, Style::Long(_)) {
            return Ok(());
        }
        let path = self.directory.child(&entry.name)?;
        Err(Error::with_source(ErrorKind::Unavailable, &path, "it can't be looked at"))
    }

    /// Whether the client asked for the entry.
    pub(in super::super) fn wants(&self, entry: &Entry) -> bool {
        let fits = |pattern: &glob::Pattern| entry.name == pattern.as_str() || pattern.matches(&entry.name);
        self.patterns.is_empty() || self.patterns.iter().any(fits)
    }
}

/// Sends a listing; returns how many names could not be written in the client's character set.
pub(in super::super) async fn send_listing(
    connection: &mut DataConnection,
    mut entries: EntryStream,
    lines: &Lines,
    form: Form,
    flow: &Flow,
) -> Result<u64, TransferError> {
    // Lines end in CRLF whatever the type is.
    let mut outgoing = Outgoing::new(Form { ascii: false, ..form }, 0);
    let mut block = BytesMut::with_capacity(BLOCK);
    let mut left_out = 0;
    while let Some(entry) = entries.next().await {
        let entry = entry?;
        if lines.wants(&entry) {
            lines.check(&entry)?;
            left_out += u64::from(!lines.put(&entry, &mut block));
        }
        if block.len() >= BLOCK {
            let full: Bytes = block.split().freeze();
            outgoing = send_converted(connection, outgoing, full, flow).await?;
            block.reserve(BLOCK);
        }
    }
    outgoing = send_converted(connection, outgoing, block.freeze(), flow).await?;
    send_all(connection, outgoing.end(), flow).await?;
    flow.step(connection.finish()).await?;
    Ok(left_out)
}
