//! Symbolic links.
//!
//! `cap-std` follows links that stay inside the root, and refuses each absolute one, even if it points inside. After
//! such a refusal, the path is walked once more name by name: an absolute target that begins with the path of the root
//! goes on from there. The result is a path without links, which goes through `cap-std` again: a program that changes
//! the directories meanwhile leads to another place inside the root, never out of it.

use std::io;
use std::path::{Component, Path};

use rustix::io::Errno;

use super::open_root::OpenRoot;
use super::{located, metadata_of};
use crate::{Error, ErrorKind, Metadata, Result, StoragePath};

/// As many as Linux follows.
const MOST: usize = 40;

/// Whether the last name of a path is followed, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Last {
    Follow,
    Keep,
}

/// The path that this one leads to, without links.
fn resolve(root: &OpenRoot, path: &StoragePath, last: Last) -> io::Result<StoragePath> {
    let escape = || io::Error::new(io::ErrorKind::PermissionDenied, "a link leads out of the root");
    let (confinement, inside) = match path.confinement() {
        // The directory that a user was given may itself be a link, inside its own confinement.
        Some(given) => (resolve(root, &given, Last::Follow)?, path.strip_prefix(&given).unwrap_or_default()),
        None => (StoragePath::root(), path.relative()),
    };
    let confinement = confinement.clone().confined_to(&confinement);
    let home: Vec<String> = confinement.segments().map(str::to_owned).collect();
    let mut rest: Vec<String> = inside.split('/').map(str::to_owned).collect();
    rest.reverse();
    let mut walked = home.clone();
    let mut links = 0;
    while let Some(name) = rest.pop() {
        match name.as_str() {
            "" | "." => continue,
            ".." if walked.len() == home.len() => return Err(escape()),
            ".." => {
                walked.pop();
                continue;
            }
            _ => walked.push(name),
        }
        if rest.is_empty() && last == Last::Keep {
            break;
        }
        let place = walked.join("/");
        match root.symlink_metadata(&place) {
            Ok(metadata) if metadata.is_symlink() => {}
            // The caller that uses the path will find out.
            Ok(_) | Err(_) => continue,
        }
        links += 1;
        if links > MOST {
            return Err(Errno::LOOP.into());
        }
        let target = root.read_link_contents(&place)?;
        walked.pop();
        let target = match target.is_absolute() {
            true => {
                walked.clone_from(&home);
                let inside = root.strip(&target).ok_or_else(escape)?;
                inside.strip_prefix(confinement.relative()).map_err(|_| escape())?
            }
            false => &target,
        };
        for component in target.components().rev() {
            rest.push(component.as_os_str().to_str().ok_or_else(escape)?.to_owned());
        }
    }
    let resolved = StoragePath::parse(&walked.join("/")).map_err(io::Error::other)?;
    Ok(resolved.confined_to(&confinement))
}

/// Does `work` at a path. If `cap-std` refuses to go there, does it once more at the path that absolute links lead to.
pub(super) fn following<T>(
    root: &OpenRoot,
    path: &StoragePath,
    last: Last,
    work: impl Fn(&StoragePath) -> Result<T>,
) -> Result<T> {
    match work(path) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied && root.follows_links() => {
            match resolve(root, path, last) {
                Ok(other) if other != *path => work(&other).map_err(|error| error.at(path)),
                _ => Err(error),
            }
        }
        done => done,
    }
}

/// The file for an upload that keeps existing content: the target of a link.
pub(super) fn file_behind(root: &OpenRoot, path: &StoragePath) -> Result<StoragePath> {
    if !root.follows_links() {
        return Ok(path.clone());
    }
    let own = following(root, path, Last::Keep, |path| own_metadata(root, path));
    if !own.is_ok_and(|own| own.is_symlink()) {
        return Ok(path.clone());
    }
    let target = resolve(root, path, Last::Follow).map_err(|error| Error::from_io(path, error))?;
    match own_metadata(root, &target) {
        // A dangling link is replaced by a new file.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(path.clone()),
        _ => Ok(target),
    }
}

pub(super) fn own_metadata(root: &OpenRoot, path: &StoragePath) -> Result<cap_std::fs::Metadata> {
    let (base, rest) = located(root, path)?;
    base.symlink_metadata(rest).map_err(|error| Error::from_io(path, error))
}

/// The target of a name; `own` is known of the name without following it. A link that is dangling or leads out of the
/// root is its own target, and so is each link if links are not followed.
///
/// # Errors
/// The target of a link can't be looked at.
pub(super) fn followed(root: &OpenRoot, path: &StoragePath, own: &cap_std::fs::Metadata) -> Result<Metadata> {
    if !own.is_symlink() {
        return Ok(metadata_of(own));
    }
    let target = behind(root, path)?;
    Ok(Metadata {
        is_link: true,
        link_target: text(root, path),
        ..target.unwrap_or_else(|| metadata_of(own))
    })
}

/// The same for a listing, which shows a link whatever is known of its target.
pub(super) fn listed(root: &OpenRoot, path: &StoragePath, own: &cap_std::fs::Metadata) -> Metadata {
    followed(root, path, own).unwrap_or_else(|_| Metadata { is_link: true, ..metadata_of(own) })
}

/// The target of a link; `None` if the link is dangling or leads out of the root, or if links are not followed.
fn behind(root: &OpenRoot, path: &StoragePath) -> Result<Option<Metadata>> {
    if !root.follows_links() {
        return Ok(None);
    }
    // The link may go up from its place, so it is followed from the root.
    let target = following(root, path, Last::Follow, |path| {
        let (base, rest) = located(root, path)?;
        let metadata = base.metadata(rest);
        metadata.map(|metadata| metadata_of(&metadata)).map_err(|error| Error::from_io(path, error))
    });
    match target {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) => match error.kind() {
            ErrorKind::NotFound
            | ErrorKind::PermissionDenied
            | ErrorKind::NotADirectory
            | ErrorKind::InvalidName => Ok(None),
            _ => Err(error),
        },
    }
}

/// The text of a link, in the form that clients may see.
fn text(root: &OpenRoot, path: &StoragePath) -> Option<String> {
    let (base, rest) = located(root, path).ok()?;
    let target = base.read_link_contents(rest).ok()?;
    let shown = match target.is_absolute() {
        true => Path::new("/").join(root.strip(&target)?),
        false => target,
    };
    let mut depth = if shown.is_absolute() { 0 } else { path.segments().count().checked_sub(1)? };
    for component in shown.components() {
        match component {
            Component::ParentDir => depth = depth.checked_sub(1)?,
            Component::Normal(_) => depth += 1,
            _ => {}
        }
    }
    shown.to_str().filter(|text| !text.is_empty() && !text.contains(char::is_control)).map(str::to_owned)
}
