//! Names that a user may give to nothing.

use glob::Pattern;
use wharf_backends::{Error, ErrorKind, Result};

use crate::visit::Operation;

/// Refuses an operation that gives something a name of these.
///
/// Upper and lower case are the same: whoever refuses `*.exe` means `SETUP.EXE`, which devices write.
pub(super) fn check(refused: &[Pattern], operation: Operation<'_>) -> Result<()> {
    let path = match operation {
        Operation::Store(path, _) | Operation::MakeDirectory(path) | Operation::Rename { to: path, .. } => {
            path
        }
        Operation::Look(_)
        | Operation::List(_)
        | Operation::Read(..)
        | Operation::Digest(..)
        | Operation::RemoveFile(_)
        | Operation::RemoveDirectory(_)
        | Operation::SetTime(..)
        | Operation::SetMode(..) => return Ok(()),
    };
    let Some(name) = path.name().filter(|_| !refused.is_empty()) else { return Ok(()) };
    let name = name.to_lowercase();
    match refused.iter().find(|pattern| pattern.matches(&name)) {
        None => Ok(()),
        Some(pattern) => {
            let reason = format!("names like {pattern} are refused for this user");
            Err(Error::with_source(ErrorKind::InvalidName, path, reason.clone()).advising(reason))
        }
    }
}

#[cfg(test)]
mod tests {
    use wharf_backends::{ByteRange, CreateMode, StoragePath};

    use super::*;

    #[test]
    fn the_last_name_counts_in_any_case() {
        let refused = ["*.exe", "~$*", "größe?", "[a-c]x"].map(|text| Pattern::new(text).unwrap());
        let is_refused = |name: &str| {
            let path = StoragePath::parse(name).unwrap();
            let checked = check(&refused, Operation::Store(&path, CreateMode::New));
            checked.is_err_and(|error| error.kind() == ErrorKind::InvalidName && error.path() == Some(&path))
        };
        for name in ["a.exe", "d/SETUP.Exe", ".exe", "~$Report.docx", "GRÖSSE1", "GRÖßE1", "bX"] {
            assert_eq!(is_refused(name), name != "GRÖSSE1", "{name}");
        }
        for name in ["a.exe.txt", "d.exe/file", "größe", "dx", "~x", "exe"] {
            assert!(!is_refused(name), "{name}");
        }
    }

    #[test]
    fn only_new_names_are_refused() {
        let refused = [Pattern::new("*").unwrap()];
        let path = &StoragePath::parse("a").unwrap();
        let root = &StoragePath::root();
        for operation in [
            Operation::MakeDirectory(path),
            Operation::Store(path, CreateMode::Append),
            Operation::Rename { from: root, to: path },
        ] {
            assert!(check(&refused, operation).is_err(), "{operation:?}");
        }
        for operation in [
            Operation::RemoveFile(path),
            Operation::Read(path, ByteRange::ALL),
            Operation::Rename { from: path, to: root },
        ] {
            assert!(check(&refused, operation).is_ok(), "{operation:?}");
        }
    }
}
