//! Renaming a file: copies it, and removes the source when that is done.

pub(crate) mod compared;
pub(crate) mod directory;

use std::sync::Arc;

use self::directory::rename_directory;
use crate::object::bucket::Client;
use crate::object::bucket::lookup::Found;
use crate::object::copy::copy;
use crate::object::store::Copies;
use crate::object::store::object::Object;
use crate::{Error, ErrorKind, Result, StoragePath};

/// Gives a file or directory another name.
pub(crate) async fn rename(
    client: &Arc<Client>,
    from: &StoragePath,
    to: &StoragePath,
    replace: bool,
) -> Result<()> {
    for path in [from, to] {
        if path.is_root() {
            return Err(Error::new(ErrorKind::PermissionDenied, path));
        }
    }
    if from == to {
        return client.stat(from).await.map(drop);
    }
    // A name that can't be is refused whether or not the source is there.
    let target = client.keys.file(to)?;
    let key = client.keys.existing(from)?;
    // Only what was seen: some stores overlook the condition of a copy, and then copy a marker, or what was removed.
    if let Copies::UpTo(most) = client.traits().copies
        && let Some(seen) = client
            .known
            .fresh_file(from, &key)
            .filter(|seen| seen.e_tag.is_some() && (1..=most).contains(&seen.size))
        && rename_seen(client, from, seen, to, &target, replace).await?
    {
        return Ok(());
    }
    match client.lookup(from).await? {
        Found::Nothing => Err(Error::new(ErrorKind::NotFound, from)),
        Found::Directory => rename_directory(client, from, to).await,
        Found::File(object) => {
            check_target(client, to, replace).await?;
            rename_file(client, from, &object, to, &target, replace).await
        }
    }
}

/// Renames a file that was seen moments ago without another look at it before, unless its type may have to change or no
/// digest would tell: it is copied, and the look after the copy tells whether it is still what was copied. Says whether that
/// worked; if not, at most a copy was made, which another one replaces.
async fn rename_seen(
    client: &Arc<Client>,
    from: &StoragePath,
    seen: Object,
    to: &StoragePath,
    target: &str,
    replace: bool,
) -> Result<bool> {
    check_target(client, to, replace).await?;
    let mut headers = None;
    let mut seen = seen;
    let store = &client.store;
    if client.traits().hides_digests || store.changes_type(&seen.key, target) {
        match store.head_and_retyped(&seen.key, target).await {
            Ok((object, retyped)) if !object.is_folder => (seen, headers) = (object, retyped),
            _ => return Ok(false),
        }
    }
    let copied = match store.copy(&seen, target, headers, true).await {
        Ok(copied) => copied,
        // It was replaced or removed, or the store can't copy: nothing was made.
        Err(failure)
            if failure.is_precondition() || failure.is_not_found() || failure.is_unknown_request() =>
        {
            return Ok(false);
        }
        Err(failure) => return Err(failure.at(from)),
    };
    client.known.stored(to, 0, None);
    match client.head(from, &seen.key).await? {
        Some(now)
            if (copied.is_some() && now.e_tag == copied)
                || (seen.e_tag.is_some() && now.e_tag == seen.e_tag) =>
        {
            if now.size == 0 && client.holds_keys(from, &format!("{}/", seen.key)).await? {
                // Some tool's marker.
                return Ok(false);
            }
            finish_rename(client, from, &now, to).await.map(|()| true)
        }
        _ => Ok(false),
    }
}

/// Whether a file may get this name.
async fn check_target(client: &Client, to: &StoragePath, replace: bool) -> Result<()> {
    match client.check_place(to).await {
        Err(error) if error.kind() == ErrorKind::IsADirectory => {
            return Err(Error::new(ErrorKind::AlreadyExists, to));
        }
        checked => checked?,
    }
    if replace {
        return match client.check_name(to).await {
            Err(error) if error.kind() == ErrorKind::IsADirectory => {
                Err(Error::new(ErrorKind::AlreadyExists, to))
            }
            checked => checked,
        };
    }
    let (found, parents) = futures_util::join!(client.probe(to), client.check_unseen_parents(to));
    parents?;
    match found? {
        Found::Nothing => Ok(()),
        Found::File(_) | Found::Directory => Err(Error::new(ErrorKind::AlreadyExists, to)),
    }
}

async fn rename_file(
    client: &Arc<Client>,
    from: &StoragePath,
    object: &Object,
    to: &StoragePath,
    target: &str,
    replace: bool,
) -> Result<()> {
    // Not every store has a copy that is refused if the target is there; the look before has to do then.
    copy(client, to, object, target, replace).await?;
    client.known.stored(to, object.size, None);
    // What was stored here during the copy must not be removed. Where every store knows the condition of the removal, that
    // is enough.
    if client.traits().conditional_delete {
        return finish_rename(client, from, object, to).await;
    }
    match client.head(from, &object.key).await? {
        Some(now) if now.e_tag == object.e_tag => finish_rename(client, from, object, to).await,
        Some(_) => Err(replaced(from)),
        None => Ok(()),
    }
}

fn replaced(from: &StoragePath) -> Error {
    let text = "it was replaced while it was renamed; both names are there now";
    Error::with_source(ErrorKind::Conflict, from, text).advising("both names are there now")
}

/// Removes the source of a copy, as it was a moment ago.
async fn finish_rename(
    client: &Arc<Client>,
    from: &StoragePath,
    object: &Object,
    to: &StoragePath,
) -> Result<()> {
    client.known.gone(from);
    match remove(client, from, object).await {
        Err(error) if error.kind() == ErrorKind::Conflict => Err(replaced(from)),
        Err(error) => {
            let text = format!("it was copied to {to}, but could not be removed here: {error}");
            let word = "it has the new name now, but could not be removed under the old one: both are there";
            Err(Error::with_source(error.kind(), from, text).advising(word))
        }
        Ok(()) => {
            client.known.removed(from);
            Ok(())
        }
    }
}

/// Removes an object if it is still the one that was copied.
pub(crate) async fn remove(client: &Client, path: &StoragePath, object: &Object) -> Result<()> {
    match client.delete(path, &object.key, Some(object)).await {
        // Sent twice because the first answer was lost, the condition fails on what is not there any more.
        Err(error) if error.kind() == ErrorKind::Conflict => match client.head(path, &object.key).await? {
            None => Ok(()),
            Some(_) => Err(error),
        },
        removed => removed,
    }
}
