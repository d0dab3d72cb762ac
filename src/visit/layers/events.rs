//! Events: what is about to be changed is written down, and told when it was.

use std::sync::Arc;

use async_trait::async_trait;
use wharf_backends::{Error, ErrorKind, Metadata, Result};

use super::{Change, Layer, Operation, Pending};
use crate::events::{
    By, DIRECTORY_CREATED, DIRECTORY_REMOVED, DIRECTORY_RENAMED, Draft, Events, Finding, Intent, LOCKED_OUT,
    LOGIN_FAILED, LOGIN_SUCCEEDED, Place, Question, REMOVED, RENAMED, STORED, Seen, UPLOAD_FAILED,
    UPLOAD_INFECTED,
};
use crate::visit::facts::{Fact, Reader, What};
use crate::visit::{Direction, Guest, Site};

/// Writes down each change right before it is made.
#[derive(Debug)]
pub(super) struct EventLayer(Arc<Events>);

impl EventLayer {
    pub(super) fn open(events: Option<&Arc<Events>>) -> Option<Arc<dyn Layer>> {
        Some(Arc::new(Self(Arc::clone(events?))))
    }

    fn by<'a>(&'a self, guest: &'a Guest) -> By<'a> {
        self.0.by(guest.session, &guest.name, guest.peer.ip())
    }
}

fn place(site: &Site) -> Place {
    Place {
        path: site.path.as_str().to_owned(),
        backend: site.backend.to_string(),
        mount: site.mount.as_str().to_owned(),
        key: site.stored_at.as_str().to_owned(),
    }
}

/// What is removed next, or gets another name.
///
/// # Errors
/// As those of [`look`].
async fn look_at_old(events: &Events, site: &Site) -> Result<Option<Seen>> {
    let metadata = stat(site).await?;
    if let Some(metadata) = &metadata {
        events.stands(&place(site), metadata).await;
    }
    Ok(metadata.as_ref().map(Seen::of))
}

/// What is there now.
///
/// # Errors
/// It can't be known, so that nobody could be told of a change.
async fn look(site: &Site) -> Result<Option<Seen>> {
    Ok(stat(site).await?.as_ref().map(Seen::of))
}

async fn stat(site: &Site) -> Result<Option<Metadata>> {
    match site.storage.stat(&site.stored_at).await {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error.at(&site.path)),
    }
}

#[async_trait]
impl Layer for EventLayer {
    fn follows(&self) -> bool {
        true
    }

    async fn changing(&self, guest: &Guest, change: &Change<'_>) -> Result<Option<Box<dyn Pending>>> {
        let (events, site) = (&self.0, change.site);
        let draft = |kind: &str, seen: Option<Seen>| {
            let (place, from) = (Some(place(site)), change.from.map(place));
            Draft { place, from, seen, ..Draft::new(kind, &self.by(guest)) }
        };
        // What can't be done by what is there now fails, unless somebody else changes that in this moment.
        let unexpected =
            |kind: &str| Some(Box::new(events.afterwards(draft(kind, None))) as Box<dyn Pending>);
        let (draft, question) = match (change.operation, change.from) {
            (Operation::Store(..), _) => {
                // Nobody who is not told has anything looked at.
                if !events.tells_of(STORED) {
                    return Ok(None);
                }
                // A mark is enough, and a look would take a request.
                let looked = change.mark.is_none();
                let before = if looked { look(site).await? } else { None };
                (draft(STORED, None), Question::Stored { mark: change.mark, before, looked })
            }
            (Operation::RemoveFile(_), _) => {
                let Some(before) = look_at_old(events, site).await? else { return Ok(unexpected(REMOVED)) };
                (draft(REMOVED, Some(before)), Question::Removed { before })
            }
            (Operation::RemoveDirectory(_), _) => {
                let before = Seen { is_directory: true, ..Seen::default() };
                (draft(DIRECTORY_REMOVED, None), Question::Removed { before })
            }
            (Operation::MakeDirectory(_), _) => {
                if events.tells_of(DIRECTORY_CREATED) && look(site).await?.is_some() {
                    return Ok(unexpected(DIRECTORY_CREATED));
                }
                (draft(DIRECTORY_CREATED, None), Question::Made)
            }
            (Operation::Rename { .. }, Some(from)) => {
                let Some(before) = look_at_old(events, from).await? else { return Ok(unexpected(RENAMED)) };
                let kind = match before.is_directory {
                    true => DIRECTORY_RENAMED,
                    // It is complete by now, and told of for the first time.
                    false if events.is_partial(from.path.as_str()) => STORED,
                    false => RENAMED,
                };
                (draft(kind, Some(before)), Question::Renamed { before })
            }
            _ => return Ok(None),
        };
        let intent = events.intend(draft, question, &site.path, change.slot).await?;
        Ok(Some(Box::new(intent)))
    }
}

impl Pending for Intent {
    fn ended(self: Box<Self>, result: std::result::Result<Option<&Metadata>, &Error>) {
        Intent::ended(*self, result);
    }
}

/// A place of which only the path is known.
fn path_alone(path: &str) -> Place {
    let empty = String::new;
    Place { path: path.to_owned(), backend: empty(), mount: empty(), key: empty() }
}

/// Tells of logins, and of uploads that failed.
#[derive(Debug)]
pub(crate) struct EventReader(pub(crate) Arc<Events>);

impl Reader for EventReader {
    fn hears(&self, fact: &Fact<'_>) {
        let events = &self.0;
        let new = |kind: &str| {
            let by = events.by(fact.who.session, fact.who.user, fact.who.peer.ip());
            events.tells_of(kind).then(|| Draft::new(kind, &by))
        };
        let draft = match fact.what {
            What::LoggedIn { host, .. } => {
                new(LOGIN_SUCCEEDED).map(|draft| Draft { host: host.map(ToString::to_string), ..draft })
            }
            What::LoginFailed { cause } | What::LoginRefused { cause } => {
                new(LOGIN_FAILED).map(|draft| Draft { cause: Some(cause.to_owned()), ..draft })
            }
            What::AddressLockedOut => {
                new(LOCKED_OUT).map(|draft| Draft { locked: Some("address".to_owned()), ..draft })
            }
            What::NameLockedOut => {
                new(LOCKED_OUT).map(|draft| Draft { locked: Some("user".to_owned()), ..draft })
            }
            What::TransferEnded { transfer, end } => {
                let Some(failure) = end.failure else { return };
                if !matches!(transfer.direction, Direction::Upload | Direction::Append) {
                    return;
                }
                let (place, cause) = (Some(path_alone(&transfer.path)), Some(failure.to_string()));
                new(UPLOAD_FAILED).map(|draft| Draft { place, cause, ..draft })
            }
            What::ScanFound { path, finding, scanner, quarantined } => {
                let [name, scanner] = [finding, scanner].map(str::to_owned);
                let finding = Some(Finding { name, scanner, copy: quarantined.map(str::to_owned) });
                let place = Some(path_alone(path.as_str()));
                new(UPLOAD_INFECTED).map(|draft| Draft { place, finding, ..draft })
            }
            _ => return,
        };
        if let Some(draft) = draft {
            events.tell(draft);
        }
    }
}
