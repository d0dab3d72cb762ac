//! Copies inside of Azure. Most are complete when they are answered; a large one may go on behind the answer, and has to be
//! waited for, or called off.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, Method};
use percent_encoding::percent_decode_str;

use super::{Azure, object};
use crate::object::store::failure::Failure;
use crate::object::store::object::{Object, time_of};
use crate::object::wire::patience::patience;
use crate::object::wire::requests::path_of;
use crate::observe;

/// The first pause before the store is asked how far a copy is, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The store's report on the last copy to a place.
#[derive(Debug, Default)]
struct Report {
    id: Option<String>,
    status: Option<String>,
    source: Option<String>,
    /// When it was complete. That the blob is younger says less: metadata that are set later make it so.
    completed: Option<SystemTime>,
    reason: String,
}

impl Report {
    fn by(headers: &HeaderMap) -> Self {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Self {
            id: header("x-ms-copy-id"),
            status: header("x-ms-copy-status"),
            source: header("x-ms-copy-source"),
            completed: header("x-ms-copy-completion-time").as_deref().and_then(time_of),
            reason: header("x-ms-copy-status-description").unwrap_or_default(),
        }
    }

    fn is_of(&self, source: &str) -> bool {
        // A signature is not reported, or not whole.
        let decoded = |url: &str| {
            let url = url.split('?').next().unwrap_or_default();
            percent_decode_str(url).decode_utf8_lossy().into_owned()
        };
        self.source.as_deref().is_some_and(|reported| decoded(reported) == decoded(source))
    }
}

/// A copy of ours that is not complete. It is called off when nobody waits for it any more.
struct Pending {
    azure: Azure,
    to: String,
    id: Option<String>,
}

/// Copies an object of any size inside the store, if it is still this one, and returns when all of it is copied.
pub(crate) async fn copy(azure: &Azure, from: &Object, to: &str, replace: bool) -> Result<(), Failure> {
    let patience = patience(&azure.requests.tuning, from.size);
    let mut pending = Pending { azure: azure.clone(), to: to.to_owned(), id: None };
    let copied = async {
        let source = format!("{}{}", azure.requests.url, path_of(&from.key)?);
        let mut report = azure.begin_copy(from, &source, to, replace, &mut pending).await?;
        let mut pause = FIRST_PAUSE;
        // The store may answer before the copy is complete. Until then, the copy is empty.
        loop {
            match report.status.as_deref() {
                Some("success") => return Ok(()),
                Some("pending") if report.id.is_some() => {}
                status => {
                    let status = status.unwrap_or("no status");
                    let text = format!("the store did not copy: {status} {}", report.reason);
                    return Err(Failure::Malformed(text));
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            // Meanwhile another blob may have been written in its place, or the copy removed. Somebody else's copy would
            // report a success, too.
            let is_ours = |copy: &Object, now: &Report| {
                let answered = pending.id.is_some();
                now.id == report.id && (answered || is_as_it_would_be(from, &source, copy, now))
            };
            report = match azure.report(to).await {
                Ok((copy, now)) if is_ours(&copy, &now) => now,
                Err(failure) if !failure.is_not_found() => return Err(failure),
                _ => {
                    return Err(Failure::Malformed(
                        "the copy was replaced before it was complete".to_owned(),
                    ));
                }
            };
        }
    };
    let done = tokio::time::timeout(patience, copied).await.unwrap_or(Err(Failure::Silent));
    match (pending.id.take(), &done) {
        (Some(id), Err(_)) => call_off(azure, to, &id).await,
        (_, Ok(())) | (None, _) => {}
    }
    if done.is_ok()
        && !from.is_folder
        && let Err(failure) = azure.retype(&from.key, to).await
    {
        // Apart from its type, the copy is complete.
        tracing::warn!(bucket = &*azure.name, key = to, %failure, "a copy keeps the type of its old name");
    }
    done
}

impl Azure {
    /// The blob in a place, and the report on its last copy.
    async fn report(&self, key: &str) -> Result<(Object, Report), Failure> {
        let response =
            self.requests.send(Self::on_object(Method::HEAD, key, observe::Request::Head)?).await?;
        Ok((object(key, response.headers())?, Report::by(response.headers())))
    }

    async fn begin_copy(
        &self,
        from: &Object,
        source: &str,
        to: &str,
        replace: bool,
        pending: &mut Pending,
    ) -> Result<Report, Failure> {
        let signed = match &self.sas_token {
            Some(token) => format!("{source}?{token}"),
            None => source.to_owned(),
        };
        let mut request = Self::on_object(Method::PUT, to, observe::Request::Copy)?
            .header("x-ms-copy-source", &signed)?
            .patience(patience(&self.requests.tuning, from.size));
        if let Some((name, tier)) = self.headers.class().filter(|_| !from.is_folder) {
            request.headers.insert(name, tier.clone());
        }
        if let Some(e_tag) = &from.e_tag {
            request = request.header("x-ms-source-if-match", e_tag)?;
        }
        if !replace {
            request = request.header("if-none-match", "*")?;
        }
        match self.requests.send(request).await {
            Ok(response) => {
                let report = Report::by(response.headers());
                pending.id.clone_from(&report.id);
                Ok(report)
            }
            // It is not called off when nobody waits for it: the same source doesn't prove that the copy is ours.
            Err(failure)
                if failure.may_have_met_itself() && failure.code() != Some("SourceConditionNotMet") =>
            {
                match self.report(to).await {
                    Ok((copy, report)) if is_as_it_would_be(from, source, &copy, &report) => Ok(report),
                    Err(other) if !other.is_not_found() => Err(other),
                    _ => Err(failure),
                }
            }
            Err(failure) => Err(failure),
        }
    }
}

/// Whether the blob in the place of a copy looks like it: a copy of this object that is complete, or on its way.
fn is_as_it_would_be(from: &Object, source: &str, copy: &Object, report: &Report) -> bool {
    if !report.is_of(source) {
        return false;
    }
    match report.status.as_deref() {
        Some("pending") => true,
        Some("success") => {
            copy.size == from.size
                && match (&from.md5, &copy.md5) {
                    (Some(one), Some(other)) => one == other,
                    // A copy that was made later is one of this object: the store has not said that there is another one
                    // now.
                    (None, None) => report.completed.zip(from.stored).is_some_and(|(copy, from)| copy > from),
                    _ => false,
                }
        }
        _ => false,
    }
}

/// Whether the object under a key is a whole copy of another.
pub(crate) async fn is_copy(azure: &Azure, of: &Object, key: &str) -> Result<bool, Failure> {
    let source = format!("{}{}", azure.requests.url, path_of(&of.key)?);
    let (copy, report) = azure.report(key).await?;
    Ok(report.status.as_deref() == Some("success") && is_as_it_would_be(of, &source, &copy, &report))
}

/// Calls off a copy, and removes the empty object that is left in its place.
async fn call_off(azure: &Azure, to: &str, id: &str) {
    let gone = async {
        let request = Azure::on_object(Method::PUT, to, observe::Request::Abort)?
            .query("comp", "copy")
            .query("copyid", id)
            .header("x-ms-copy-action", "abort")?;
        match azure.requests.send(request).await {
            // The copy has ended by itself.
            Err(failure) if failure.code() == Some("NoPendingCopyOperation") => {}
            Err(failure) if failure.is_not_found() => return Ok(()),
            called_off => drop(called_off?),
        }
        match azure.report(to).await {
            Ok((left, report))
                if report.id.as_deref() == Some(id)
                    && matches!(report.status.as_deref(), Some("aborted" | "failed")) =>
            {
                azure.delete_blob(to, Some(&left)).await
            }
            Err(failure) if !failure.is_not_found() => Err(failure),
            _ => Ok(()),
        }
    };
    let gone = tokio::time::timeout(patience(&azure.requests.tuning, 0), gone).await;
    if let Err(failure) = gone.unwrap_or(Err(Failure::Silent)) {
        tracing::warn!(bucket = &*azure.name, key = to, %failure, "an unfinished copy is left on the store");
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let Some(id) = self.id.take() else { return };
        // Without a runtime nothing can be asked of the store.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (azure, to) = (self.azure.clone(), self.to.clone());
        runtime.spawn(async move { call_off(&azure, &to, &id).await });
    }
}
