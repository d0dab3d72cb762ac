use std::fs::Permissions as FileMode;
use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::cli::import::model::Modes;

fn view(root: &str, permissions: Permissions) -> View {
    View::new(
        Tree::Local { path: root.to_owned(), modes: Modes { file: 0o644, directory: 0o755 } },
        permissions,
    )
}

#[test]
fn mounts_begin_where_modes_change() {
    let folder = tempfile::tempdir().unwrap();
    for (name, mode) in [
        ("", 0o755),
        ("upload", 0o777),
        ("upload/fixed", 0o755),
        ("drop", 0o773),
        ("private", 0o700),
        ("pub", 0o755),
    ] {
        let path = folder.path().join(name);
        fs::create_dir_all(&path).unwrap();
        fs::set_permissions(&path, FileMode::from_mode(mode)).unwrap();
    }
    fs::write(folder.path().join("pub/secret"), "").unwrap();
    fs::set_permissions(folder.path().join("pub/secret"), FileMode::from_mode(0o600)).unwrap();
    std::os::unix::fs::symlink("/", folder.path().join("link")).unwrap();
    let root = folder.path().to_str().unwrap();
    let mut found = view(root, Permissions::READ_ONLY | Permissions::UPLOAD);
    let told = apply(&mut found, &Identity::default(), &Finder::default(), &Budget::default(), |left| {
        left - Permissions::DOWNLOAD
    });
    assert_eq!(found.permissions, Permissions::READ_ONLY);
    let mounts: Vec<_> =
        found.mounts.iter().map(|mount| (mount.at.as_str(), mount.permissions.to_string())).collect();
    let of = |permissions: Permissions| permissions.to_string();
    assert_eq!(
        mounts,
        [
            ("/drop", of(Permissions::UPLOAD)),
            ("/private", of(Permissions::empty())),
            ("/upload", of(Permissions::LIST | Permissions::UPLOAD)),
            ("/upload/fixed", of(Permissions::READ_ONLY)),
        ]
    );
    assert_eq!(told.unreadable.as_deref(), Some("/pub/secret"));
    assert!(!told.is_missing && !told.is_cut_short);
}

#[test]
fn what_is_not_there_is_left_as_it_was() {
    let mut found = view("/nonexistent/home", Permissions::FULL);
    let told = apply(&mut found, &Identity::default(), &Finder::default(), &Budget::default(), |left| left);
    assert!(told.is_missing && found.permissions == Permissions::FULL && found.mounts.is_empty());
}

#[test]
fn owners_and_groups_have_bits_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), FileMode::from_mode(0o750)).unwrap();
    let found = fs::metadata(folder.path()).unwrap();
    let limited = |uid: Option<u32>, gids: &[u32]| {
        Identity { uid, gids: gids.iter().copied().collect(), sends_for_all: false }
            .limited(&found, Permissions::FULL)
    };
    assert_eq!(limited(Some(found.uid()), &[]), Permissions::FULL);
    assert_eq!(limited(Some(found.uid() + 1), &[found.gid()]), Permissions::READ_ONLY);
    assert_eq!(limited(Some(found.uid() + 1), &[found.gid() + 1]), Permissions::empty());
    assert_eq!(limited(None, &[]), Permissions::empty());

    // Files of others are safe in a directory with the sticky bit, from all but its owner.
    fs::set_permissions(folder.path(), FileMode::from_mode(0o1777)).unwrap();
    let found = fs::metadata(folder.path()).unwrap();
    let limited =
        |uid: Option<u32>| Identity { uid, ..Identity::default() }.limited(&found, Permissions::FULL);
    assert_eq!(limited(Some(found.uid())), Permissions::FULL);
    assert_eq!(limited(Some(found.uid() + 1)), Permissions::FULL - Permissions::RENAME - Permissions::DELETE);
}
