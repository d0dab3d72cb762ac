//! Directories with links in them.

use std::os::unix::fs::symlink;

use super::*;

/// Moves a directory with a link in it: all of it, or nothing.
fn lose_nothing(target: &str) {
    let setup = two(LOCAL, MEMORY);
    let files = setup.files();
    fs::create_dir_all(files.join("tree/own")).unwrap();
    fs::create_dir(files.join("shared")).unwrap();
    fs::write(files.join("tree/own/inside"), b"inside").unwrap();
    fs::write(files.join("tree/file"), b"file").unwrap();
    fs::write(files.join("shared/inside"), b"inside").unwrap();
    symlink(target, files.join("tree/link")).unwrap();
    let server = setup.start();
    let mut client = server.login();
    let reply = rename(&mut client, "tree", "m/tree");
    if reply.code == 250 {
        assert_eq!(client.names(""), ["m", "shared"]);
        assert_eq!(client.names("m/tree"), ["file", "link", "own"]);
        assert_eq!(client.retrieve("m/tree/file"), b"file");
        assert_eq!(client.retrieve("m/tree/own/inside"), b"inside");
        assert_eq!(client.retrieve("m/tree/link/inside"), b"inside");
    } else {
        assert!(reply.code >= 450, "{reply:?}");
        assert_eq!(client.names("m"), [""; 0]);
        assert_eq!(fs::read(files.join("tree/file")).unwrap(), b"file");
        assert_eq!(fs::read(files.join("tree/own/inside")).unwrap(), b"inside");
        assert!(files.join("tree/link").is_symlink());
    }
    // What a link leads to has not been moved.
    assert_eq!(fs::read(files.join("shared/inside")).unwrap(), b"inside");
}

#[test]
fn to_a_directory_inside_lose_nothing() {
    lose_nothing("own");
}

#[test]
fn to_a_directory_beside_lose_nothing() {
    lose_nothing("../shared");
}

/// Without an end, if it were followed.
#[test]
fn to_the_directory_itself_lose_nothing() {
    let setup = two(LOCAL, MEMORY);
    let files = setup.files();
    fs::create_dir(files.join("tree")).unwrap();
    fs::write(files.join("tree/file"), b"file").unwrap();
    symlink(".", files.join("tree/link")).unwrap();
    let server = setup.start();
    let mut client = server.login();
    let reply = rename(&mut client, "tree", "m/tree");
    let from = if reply.code == 250 { "m/tree" } else { "tree" };
    assert_eq!(client.retrieve(&format!("{from}/file")), b"file", "{reply:?}");
    if reply.code != 250 {
        assert_eq!(client.names("m"), [""; 0]);
    }
}
