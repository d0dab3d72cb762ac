//! Writes a file that may hold hashes of passwords: whole or not at all, for its owner alone.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

const MODE: u32 = 0o600;

/// Why the file can't be written there, if that is known before anybody is asked.
pub(super) fn why_not(path: &Path, replace: bool) -> Option<String> {
    let name = path.display();
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() && leads_nowhere(path) => {
            Some(format!("{name} is a link that leads nowhere; remove it first"))
        }
        Ok(found) if !replace && !found.is_dir() => {
            Some(format!("{name} is there already; `--force` replaces it, or name another file"))
        }
        // A link is replaced by what it leads to being replaced, so that must be a file.
        Ok(_) => match fs::metadata(path) {
            Ok(found) if found.is_file() => {
                let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
                takes_no_file(folder_of(&path))
            }
            Ok(_) => Some(format!("{name} is not a file")),
            Err(error) => Some(format!("{name}: {error}")),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let folder = folder_of(path);
            if folder.is_dir() {
                takes_no_file(folder)
            } else {
                Some(format!("there is no directory {}", folder.display()))
            }
        }
        Err(error) => Some(format!("{name}: {error}")),
    }
}

/// Why nothing can be written in a directory.
fn takes_no_file(folder: &Path) -> Option<String> {
    let error = access(folder, Access::WRITE_OK | Access::EXEC_OK).err()?;
    Some(format!("nothing can be written in {}: {}", folder.display(), io::Error::from(error)))
}

fn leads_nowhere(link: &Path) -> bool {
    fs::metadata(link).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes a new file, or replaces one.
///
/// # Errors
/// The system's; then nothing has changed.
pub(super) fn write(path: &Path, text: &str, replace: bool) -> io::Result<()> {
    if !replace {
        return create(path, text);
    }
    // Where a link leads is what is meant.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let Ok(before) = fs::metadata(&path) else { return create(&path, text) };
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new: PathBuf = path.with_file_name(name);
    create(&new, text)?;
    let replaced = keep_readers(&new, &before).and_then(|()| fs::rename(&new, &path));
    if replaced.is_err() {
        let _ = fs::remove_file(&new);
    }
    replaced
}

/// Whoever could read the file before, but for everybody, can read it now: the account of the service, say.
fn keep_readers(new: &Path, before: &fs::Metadata) -> io::Result<()> {
    let now = fs::metadata(new)?;
    if (now.uid(), now.gid()) != (before.uid(), before.gid())
        && chown(new, Some(before.uid()), Some(before.gid())).is_err()
    {
        return Ok(());
    }
    fs::set_permissions(new, Permissions::from_mode(MODE | before.mode() & 0o040))
}

fn create(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(path)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    if written.is_err() {
        let _ = fs::remove_file(path);
        return written;
    }
    // The name itself may be lost with the power; it is no failure where a folder can't be synced.
    let _ = File::open(folder_of(path)).and_then(|folder| folder.sync_all());
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn a_file_is_never_overwritten_unasked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wharf.yaml");
        assert_eq!(why_not(&path, false), None);
        write(&path, "one", false).unwrap();
        assert_eq!(mode(&path), 0o600);
        assert!(why_not(&path, false).unwrap().contains("--force"));
        assert_eq!(write(&path, "two", false).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "one");
        assert_eq!(why_not(&path, true), None);
        write(&path, "two", true).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn the_group_that_could_read_it_still_can_and_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wharf.yaml");
        for (before, after) in [(0o644, 0o640), (0o640, 0o640), (0o600, 0o600), (0o666, 0o640)] {
            fs::write(&path, "x").unwrap();
            fs::set_permissions(&path, Permissions::from_mode(before)).unwrap();
            write(&path, "y", true).unwrap();
            assert_eq!(mode(&path), after, "{before:o}");
        }
    }

    #[test]
    fn a_link_stays_one_and_other_things_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("real.yaml"), folder.path().join("link.yaml"));
        fs::write(&path, "x").unwrap();
        symlink(&path, &link).unwrap();
        assert!(why_not(&link, false).is_some());
        write(&link, "y", true).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&path).unwrap(), "y");
        fs::remove_file(&path).unwrap();
        for replace in [false, true] {
            assert!(why_not(&link, replace).unwrap().contains("leads nowhere"));
        }
        fs::remove_file(&link).unwrap();
        symlink(&link, &link).unwrap();
        assert!(why_not(&link, true).is_some());
        assert!(why_not(folder.path(), true).unwrap().contains("is not a file"));
        assert!(why_not(folder.path(), false).unwrap().contains("is not a file"));
        assert!(
            why_not(&folder.path().join("no/wharf.yaml"), false).unwrap().contains("there is no directory")
        );
    }
}
