//! Entries that can't be looked at: a damaged file, a mounted disk that is gone. They are there, and nobody may conclude from a
//! listing that they are not.

use std::fs;
use std::io::Read;
use std::os::unix::fs::symlink;

use super::odd;
use crate::support::{Client, Engine, Setup, Way, lftp};

fn lines(client: &mut Client, command: &str) -> Vec<String> {
    String::from_utf8(client.fetch(command)).unwrap().lines().map(str::to_owned).collect()
}

/// The line of an entry.
#[track_caller]
fn line_of<'a>(lines: &'a [String], name: &str) -> &'a str {
    let end = format!(" {name}");
    lines.iter().find(|line| line.ends_with(&end)).unwrap_or_else(|| panic!("no {name} in {lines:?}"))
}

/// libunftp has no listing without sizes.
#[track_caller]
fn assert_listing_fails(client: &mut Client, command: &str) {
    let listed = match client.try_transfer(command) {
        Err(refused) => refused.code,
        Ok(mut data) => {
            let mut text = Vec::new();
            let _ = data.read_to_end(&mut text);
            drop(data);
            client.reply().code
        }
    };
    let expected = if Engine::current() == Engine::Native { 451..=451 } else { 400..=599 };
    assert!(expected.contains(&listed), "{command}: {listed}");
}

/// A directory that can't be looked at, in another one and behind a link, and such a file.
fn with_dead_mounts() -> Option<Setup> {
    let setup = Setup::local();
    fs::create_dir_all(setup.files().join("top/mounted")).unwrap();
    fs::write(setup.files().join("top/file"), "12345").unwrap();
    fs::write(setup.files().join("bound"), "12345").unwrap();
    symlink("top/mounted", setup.files().join("link")).unwrap();
    odd::dead_mounts(setup, &["top/mounted", "bound"])
}

#[test]
fn are_listed_by_what_the_directory_knows() {
    let Some(setup) = with_dead_mounts() else { return };
    let server = setup.start();
    let mut client = server.login();
    let long = lines(&mut client, "LIST top");
    server.log.expect_warning("can't be looked at", &[("count", "1")]);
    assert!(line_of(&long, "mounted").starts_with('d'), "{long:?}");
    let facts = lines(&mut client, "MLSD top");
    assert!(line_of(&facts, "mounted").to_lowercase().contains("type=dir;"), "{facts:?}");
    // There is no line without a size, and clients that mirror would replace what has another one.
    assert_listing_fails(&mut client, "LIST");
}

#[test]
fn are_listed_on_a_damaged_disk() {
    let Some(setup) = odd::fuse(Setup::local(), &["damaged=broken"]) else { return };
    fs::write(setup.folder().join("behind/broken"), "12345").unwrap();
    fs::write(setup.folder().join("behind/file"), "12345").unwrap();
    let server = setup.start();
    let mut client = server.login();
    assert_listing_fails(&mut client, "LIST");
    server.log.expect_warning("can't be looked at", &[("count", "1")]);
    assert!(client.try_store("STOR broken", b"new").code >= 400);
    if Engine::current() == Engine::Native {
        assert_eq!(client.names(""), ["broken", "file"]);
        client.expect("DELE broken", 451);
        client.expect("RNFR file", 350);
        client.expect("RNTO broken", 451);
    }
    assert_eq!(fs::read(setup.folder().join("behind/broken")).unwrap(), b"12345");
}

/// The copy on the other side is the last one.
#[test]
fn are_not_removed_by_a_client_that_mirrors() {
    let Some(setup) = odd::fuse(Setup::local(), &["damaged=broken"]) else { return };
    fs::write(setup.folder().join("behind/broken"), "12345").unwrap();
    let server = setup.start();
    let home = tempfile::tempdir().unwrap();
    let copy = home.path().join("copy");
    fs::create_dir(&copy).unwrap();
    fs::write(copy.join("broken"), "12345").unwrap();
    for use_mlsd in ["yes", "no"] {
        let script = format!("set ftp:use-mlsd {use_mlsd}; mirror --delete / copy");
        lftp(&server, "demo", Way::PLAIN, home.path(), &script).output();
        assert_eq!(fs::read(copy.join("broken")).unwrap(), b"12345", "MLSD: {use_mlsd}");
    }
}

/// A move to another storage has to copy them.
#[test]
fn are_not_lost_by_a_move() {
    let setup = Setup::new(
        "
backends:
  disk: { kind: local, root: '{folder}/files' }
  scratch: { kind: memory }
users:
  - { name: demo, password: demo, plain: true, backend: disk, permissions: full, mounts: [ { at: /m, backend: scratch, permissions: full } ] }
",
    );
    let Some(setup) = odd::fuse(setup, &["damaged=broken"]) else { return };
    let tree = setup.folder().join("behind/tree");
    fs::create_dir(&tree).unwrap();
    fs::write(tree.join("broken"), "12345").unwrap();
    fs::write(tree.join("file"), "12345").unwrap();
    let server = setup.start();
    let mut client = server.login();
    client.expect("RNFR tree", 350);
    client.expect_any("RNTO m/tree", &[450, 451, 550]);
    assert_eq!(client.names("m"), [""; 0], "nothing is left of the copy");
    assert_eq!(fs::read_dir(&tree).unwrap().count(), 2);
}

mod native_only {
    use super::*;

    #[test]
    fn are_refused_as_what_can_not_be_looked_at() {
        let Some(setup) = with_dead_mounts() else { return };
        let server = setup.start();
        let mut client = server.login();
        assert_eq!(client.names(""), ["bound", "link", "top"]);
        let facts = lines(&mut client, "MLSD");
        assert!(line_of(&facts, "bound").starts_with("type=file;perm="), "{facts:?}");
        assert!(client.expect("STAT /", 213).text().contains("This is not all"));
        // What is done in their name is never told that there is no such file.
        client.expect("TYPE I", 200);
        for command in
            ["SIZE bound", "MDTM bound", "MLST bound", "MLST top/mounted", "CWD top/mounted", "CWD link"]
        {
            client.expect(command, 451);
        }
        for command in ["LIST top/mounted", "MLSD link", "RETR bound", "STOR link"] {
            let refused = client.try_transfer(command).err().unwrap_or_else(|| panic!("{command} worked"));
            assert_eq!(refused.code, 451, "{command}: {refused:?}");
        }
    }
}
