//! The scan of one upload.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{TryStreamExt, future};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout};
use wharf_backends::{CreateMode, Error, ErrorKind, Result, StoragePath, observe};

use super::Settings;
use super::found::{Found, quarantine_failed};
use super::quarantine::Spool;
use super::scanner::{Inquiry, Trouble, Verdict};
use crate::config::Unscanned;
use crate::ops::metrics::Scanned;
use crate::visit::Guest;
use crate::visit::layers::Tap;
use crate::visit::standing::Standing;

/// What a client is told of a file that is too large.
const TOO_LARGE: &str = "it is larger than what can be scanned";

/// The scan of one upload. Dropping it ends the scan, and leaves no copy behind.
pub(super) struct Scanning {
    settings: Arc<Settings>,
    guest: Guest,
    path: StoragePath,
    mode: CreateMode,
    /// What stands there already, and is the beginning of the file.
    standing: Option<Standing>,
    state: State,
    /// How many bytes of the file have come.
    bytes: u64,
    spool: Option<Spool>,
}

enum State {
    /// No byte has come.
    Before,
    /// The scanner gets the bytes.
    During { inquiry: Box<dyn Inquiry>, _turn: OwnedSemaphorePermit },
    /// There is a decision, and the rest of the file passes.
    Behind,
    /// The file is refused.
    Refused,
}

impl Scanning {
    pub(super) fn new(settings: Arc<Settings>, guest: Guest, path: StoragePath, mode: CreateMode) -> Self {
        let (state, spool) = (State::Before, None);
        Self { settings, guest, path, mode, standing: None, state, bytes: 0, spool }
    }

    /// Turns to the scanner, with what stands there already.
    async fn begin(&mut self) -> Result<()> {
        let settings = Arc::clone(&self.settings);
        let kept = self.standing.as_ref().map_or(0, Standing::bytes);
        if kept > settings.most && settings.over == Unscanned::Refuse {
            return Err(self.too_large(TOO_LARGE));
        }
        let begun = async {
            let turn = Arc::clone(&settings.turns).acquire_owned();
            let turn = timeout(settings.timeout, turn).await.ok().and_then(std::result::Result::ok);
            let turn =
                turn.ok_or_else(|| Trouble::silent("no connection to the scanner became free in time"))?;
            let inquiry = within(&settings, settings.scanner.begin(&self.path)).await?;
            Ok::<_, Trouble>(State::During { inquiry, _turn: turn })
        };
        match begun.await {
            Ok(state) => self.state = state,
            Err(trouble) => return self.no_verdict(trouble),
        }
        if let Some(quarantine) = &settings.quarantine {
            match quarantine.begin(&self.guest).await {
                Ok(spool) => self.spool = Some(spool),
                Err(error) => self.no_copy(&error),
            }
        }
        if kept > 0
            && let Some(standing) = &self.standing
        {
            let mut stream = standing.open().await?;
            while let Some(bytes) = stream.try_next().await? {
                self.next(&bytes).await?;
                if !matches!(self.state, State::During { .. }) {
                    break;
                }
            }
        }
        Ok(())
    }

    /// The next bytes of the whole file.
    async fn next(&mut self, bytes: &Bytes) -> Result<()> {
        if !matches!(self.state, State::During { .. }) {
            return self.is_allowed();
        }
        let settings = Arc::clone(&self.settings);
        let room = usize::try_from(settings.most - self.bytes.min(settings.most)).unwrap_or(usize::MAX);
        let is_over = bytes.len() > room;
        if is_over && settings.over == Unscanned::Refuse {
            return Err(self.too_large(TOO_LARGE));
        }
        let bytes = bytes.slice(..bytes.len().min(room));
        let given = bytes.len() as u64;
        self.bytes += given;
        settings.meter.gave(given);
        let State::During { inquiry, .. } = &mut self.state else { return Ok(()) };
        let copy = async {
            match (&mut self.spool, &settings.quarantine) {
                (Some(spool), Some(quarantine)) => quarantine.write(spool, &bytes).await,
                _ => Ok(()),
            }
        };
        let (heard, copied) = future::join(within(&settings, inquiry.bytes(&bytes)), copy).await;
        if let Err(error) = copied {
            self.no_copy(&error);
        }
        match heard {
            Ok(None) if is_over => self.first_bytes().await,
            Ok(None) => Ok(()),
            Ok(Some(verdict)) => self.decided(verdict, false).await,
            Err(trouble) => self.no_verdict(trouble),
        }
    }

    /// The file is larger than what is scanned: the verdict about its beginning decides.
    async fn first_bytes(&mut self) -> Result<()> {
        let State::During { inquiry, .. } = &mut self.state else { return self.is_allowed() };
        match within(&self.settings, inquiry.verdict()).await {
            Ok(Verdict::Clean) => {
                let cause =
                    format!("it is larger than {} bytes, and its first bytes are clean", self.settings.most);
                self.passes(&cause, Scanned::Partly);
                Ok(())
            }
            Ok(verdict) => self.decided(verdict, false).await,
            Err(trouble) => self.no_verdict(trouble),
        }
    }

    /// The scanner has said what it thinks.
    async fn decided(&mut self, verdict: Verdict, is_whole: bool) -> Result<()> {
        let finding = match verdict {
            Verdict::Clean => {
                self.settings.meter.count(Scanned::Clean);
                self.ends(State::Behind);
                return Ok(());
            }
            Verdict::Infected(finding) => finding,
        };
        self.settings.meter.count(Scanned::Infected);
        // The scanner has nothing more to do.
        self.state = State::Refused;
        let found = Found {
            settings: Arc::clone(&self.settings),
            guest: self.guest.clone(),
            path: self.path.clone(),
            finding: finding.clone(),
            bytes: self.bytes,
            is_whole,
        };
        let spool = self.spool.take();
        // A client that hangs up now ends this upload, and neither the copy half-way nor what there is to tell.
        if let Err(broken) = tokio::spawn(observe::carry(found.told(spool))).await {
            tracing::error!(cause = broken.to_string(), "what the scanner found could not be told");
        }
        let reason = format!("the scanner found {finding} in it");
        Err(Error::with_source(ErrorKind::PermissionDenied, &self.path, reason.clone()).advising(reason))
    }

    /// There is no verdict: the configuration decides.
    fn no_verdict(&mut self, trouble: Trouble) -> Result<()> {
        let may_pass = self.settings.unavailable == Unscanned::Pass;
        match trouble {
            Trouble::Silent(cause) if may_pass => {
                self.passes(&cause, Scanned::Passed);
                Ok(())
            }
            // Nothing of it was scanned, not even the first bytes.
            Trouble::TooLarge(cause) if may_pass && self.settings.over == Unscanned::Pass => {
                self.passes(&cause, Scanned::Passed);
                Ok(())
            }
            Trouble::TooLarge(cause) => Err(self.too_large(cause)),
            Trouble::Silent(cause) => {
                let advice = "it can't be scanned now, and is not stored; try again later";
                Err(self.refuse(ErrorKind::Unavailable, &cause, advice))
            }
            Trouble::Replaced(cause) => {
                let advice = "the scanner wants something else in its place, so it is not stored";
                Err(self.refuse(ErrorKind::PermissionDenied, &cause, advice))
            }
        }
    }

    fn refuse(&mut self, kind: ErrorKind, cause: &str, advice: &'static str) -> Error {
        self.settings.meter.count(Scanned::Unavailable);
        self.ends(State::Refused);
        self.guest.journal().scan_unavailable(&self.path, &self.settings.place, cause, false);
        let reason = format!("the scanner gives no verdict: {cause}");
        Error::with_source(kind, &self.path, reason).advising(advice)
    }

    fn passes(&mut self, cause: &str, as_what: Scanned) {
        self.settings.meter.count(as_what);
        self.ends(State::Behind);
        self.guest.journal().scan_unavailable(&self.path, &self.settings.place, cause, true);
    }

    fn too_large(&mut self, cause: impl Into<String>) -> Error {
        self.settings.meter.count(Scanned::Refused);
        self.ends(State::Refused);
        Error::with_source(ErrorKind::PermissionDenied, &self.path, cause.into()).advising(TOO_LARGE)
    }

    fn no_copy(&mut self, error: &Error) {
        self.spool = None;
        quarantine_failed(&self.guest, &self.path, error);
    }

    /// The scanner is left, and its copy given up.
    fn ends(&mut self, state: State) {
        self.state = state;
        if let Some(spool) = self.spool.take() {
            spool.give_up();
        }
    }

    /// Nothing of a file moves after its refusal.
    fn is_allowed(&self) -> Result<()> {
        match self.state {
            State::Refused => {
                Err(Error::with_source(ErrorKind::PermissionDenied, &self.path, "the scanner has refused it"))
            }
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Tap for Scanning {
    fn stands(&mut self, standing: &Standing) {
        self.standing = Some(standing.clone());
    }

    async fn bytes(&mut self, bytes: &Bytes) -> Result<()> {
        if matches!(self.state, State::Before) {
            self.begin().await?;
        }
        self.next(bytes).await
    }

    async fn complete(&mut self) -> Result<()> {
        if matches!(self.state, State::Before) {
            let kept = self.standing.as_ref().map_or(0, Standing::bytes);
            // There is nothing in a file without bytes, and an append of none changes nothing.
            if kept == 0 || self.mode == CreateMode::Append {
                self.settings.meter.count(Scanned::Clean);
                return Ok(());
            }
            self.begin().await?;
        }
        let State::During { inquiry, .. } = &mut self.state else { return self.is_allowed() };
        let asked = Instant::now();
        let verdict = within(&self.settings, inquiry.verdict()).await;
        self.settings.meter.waited(asked.elapsed());
        match verdict {
            Ok(verdict) => self.decided(verdict, true).await,
            Err(trouble) => self.no_verdict(trouble),
        }
    }
}

/// A step of the scanner, which may not take for ever.
async fn within<T>(
    settings: &Settings,
    step: impl Future<Output = std::result::Result<T, Trouble>>,
) -> std::result::Result<T, Trouble> {
    timeout(settings.timeout, step).await.unwrap_or_else(|_| {
        Err(Trouble::Silent(format!("the scanner does not answer within {:?}", settings.timeout)))
    })
}
