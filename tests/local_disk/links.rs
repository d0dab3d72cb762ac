//! Symbolic links: what they lead to is used through them, and never removed or copied again and again by clients that go
//! through a tree.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

use crate::support::{Engine, Program, Running, Setup, Way, client_script, installed, lftp};

/// `old/link` leads to `keep`, which has a file.
fn with_a_link_out_of_a_directory() -> Setup {
    let setup = Setup::local();
    let files = setup.files();
    fs::create_dir(files.join("old")).unwrap();
    fs::create_dir(files.join("keep")).unwrap();
    fs::write(files.join("keep/precious"), "12345").unwrap();
    fs::write(files.join("old/file"), "x").unwrap();
    symlink("../keep", files.join("old/link")).unwrap();
    symlink("../keep/precious", files.join("old/file-link")).unwrap();
    setup
}

#[track_caller]
fn assert_kept(setup: &Setup) {
    assert_eq!(fs::read(setup.files().join("keep/precious")).unwrap(), b"12345");
}

/// What a link is called in MLSD and MLST. libunftp knows files and directories only, and a client removes a file without
/// looking behind it.
fn slink(target: &str) -> String {
    match Engine::current() {
        Engine::Native => format!("type=os.unix=slink:{target};"),
        Engine::Libunftp => "type=file;".to_owned(),
    }
}

#[test]
fn are_what_they_lead_to_for_those_who_use_them() {
    let setup = with_a_link_out_of_a_directory();
    let server = setup.start();
    let mut client = server.login();
    let listing = String::from_utf8(client.fetch("MLSD old")).unwrap().to_ascii_lowercase();
    let facts = |name: &str| {
        let end = format!(" {name}");
        let line = listing.lines().find(|line| line.ends_with(&end));
        line.unwrap_or_else(|| panic!("no {name} in {listing}"))
    };
    assert!(facts("link").contains(&slink("../keep")), "{listing}");
    assert!(facts("file-link").contains(&slink("../keep/precious")), "{listing}");
    assert!(facts("file-link").contains("size=5;"), "{listing}");
    let told = client.expect("MLST old/link", 250).text().to_ascii_lowercase();
    assert!(told.contains(&slink("../keep")), "{told}");
    let listing = String::from_utf8(client.fetch("LIST old")).unwrap();
    for end in [" link -> ../keep", " file-link -> ../keep/precious"] {
        assert!(listing.lines().any(|line| line.starts_with('l') && line.ends_with(end)), "{listing}");
    }
    // libunftp answers with a code that RFC 959 has for other things.
    if Engine::current() == Engine::Native {
        let told = client.expect_any("STAT old", &[211, 212, 213]).text();
        assert!(told.contains(" link -> ../keep"), "{told}");
    }
    assert_eq!(client.fetch("NLST old").len(), "file\r\nlink\r\nfile-link\r\n".len() + 3 * prefix("old/"));
    client.expect("CWD old/link", 250);
    assert_eq!(client.names(""), ["precious"]);
    assert_eq!(client.retrieve("precious"), b"12345");
    assert_eq!(client.retrieve("/old/file-link"), b"12345");
}

/// NLST of a directory names paths; libunftp names entries.
fn prefix(text: &str) -> usize {
    if Engine::current() == Engine::Native { text.len() } else { 0 }
}

#[test]
fn are_removed_and_not_what_they_lead_to() {
    let setup = with_a_link_out_of_a_directory();
    symlink("../keep", setup.files().join("old/second")).unwrap();
    symlink("/etc", setup.files().join("old/outward")).unwrap();
    let server = setup.start();
    let mut client = server.login();
    client.expect("RMD old/link", 250);
    client.expect("DELE old/second", 250);
    client.expect("RMD old/outward", 250);
    client.expect("RMD old/file-link", 550);
    client.expect("DELE old/file-link", 250);
    assert_eq!(client.names("old"), ["file"]);
    assert_kept(&setup);
}

#[test]
fn are_renamed_and_not_replaced_if_they_lead_to_directories() {
    let setup = with_a_link_out_of_a_directory();
    let server = setup.start();
    let mut client = server.login();
    client.expect("RNFR old/file", 350);
    client.expect("RNTO old/link", 550);
    client.expect("RNFR old/link", 350);
    client.expect("RNTO old/renamed", 250);
    assert_eq!(fs::read_link(setup.files().join("old/renamed")).unwrap(), Path::new("../keep"));
    assert_eq!(client.names("old"), ["file", "file-link", "renamed"]);
    assert_kept(&setup);
}

#[test]
fn are_followed_by_what_is_appended() {
    let setup = with_a_link_out_of_a_directory();
    let server = setup.start();
    let mut client = server.login();
    assert_eq!(client.try_store("APPE old/file-link", b"67").code, 226);
    assert_eq!(fs::read(setup.files().join("keep/precious")).unwrap(), b"1234567");
    assert!(fs::symlink_metadata(setup.files().join("old/file-link")).unwrap().is_symlink());
}

/// Where they lead inside is told as the user knows it, and where they lead out not at all.
#[test]
fn that_are_absolute_are_followed_inside() {
    let setup = Setup::new(
        "
backends:
  disk: { kind: local, root: '{folder}/files' }
users:
  - { name: demo, password: demo, plain: true, backend: disk, path: demo, permissions: full }
",
    );
    let files = setup.files();
    fs::create_dir_all(files.join("demo/real")).unwrap();
    fs::write(files.join("demo/real/file"), "12345").unwrap();
    fs::create_dir(files.join("other")).unwrap();
    symlink(files.join("demo/real"), files.join("demo/inside")).unwrap();
    symlink("/etc", files.join("demo/outside")).unwrap();
    symlink("../other", files.join("demo/beside")).unwrap();
    let server = setup.start();
    let mut client = server.login();
    assert_eq!(client.retrieve("inside/file"), b"12345");
    client.store("inside/new", b"new");
    assert_eq!(fs::read(files.join("demo/real/new")).unwrap(), b"new");
    client.expect("CWD inside", 250);
    client.expect("CWD ..", 250);
    client.expect("CWD outside", 550);
    let listing = String::from_utf8(client.fetch("LIST")).unwrap();
    assert!(listing.contains(" inside -> /real\r\n"), "{listing}");
    assert!(listing.contains(" outside\r\n") && listing.contains(" beside\r\n"), "{listing}");
    client.expect("RMD outside", 250);
    client.expect("DELE inside", 250);
    assert_eq!(fs::read(files.join("demo/real/file")).unwrap(), b"12345");
}

fn rclone(server: &Running<'_>, folder: &Path, arguments: &[&str]) -> String {
    let password = installed("clients/bin/rclone", folder).args(["obscure", "demo"]).run().trim().to_owned();
    let remote = format!(":ftp,host=127.0.0.1,port={},user=demo,pass={password}:", server.address.port());
    let arguments = arguments.iter().map(|argument| argument.replace("REMOTE:", &remote));
    let program = installed("clients/bin/rclone", folder).args(["--config", "/dev/null", "--retries", "1"]);
    program.args(arguments).run()
}

mod in_clients {
    use super::*;

    #[test]
    fn lftp_removes_a_tree_and_not_what_it_links_to() {
        for mlsd in ["no", "yes"] {
            let setup = with_a_link_out_of_a_directory();
            let server = setup.start();
            let home = tempfile::tempdir().unwrap();
            // It knows no links in MLSD, and leaves out what it doesn't know; so the tree may stay, but nothing else goes.
            let script = format!("set ftp:use-mlsd {mlsd}\nrm -r -f old");
            let outcome = lftp(&server, "demo", Way::PLAIN, home.path(), &script).output();
            assert_kept(&setup);
            assert!(mlsd == "yes" || !setup.files().join("old").exists(), "{outcome}");
        }
    }

    #[test]
    fn rclone_purges_a_tree_and_not_what_it_links_to() {
        let setup = with_a_link_out_of_a_directory();
        let server = setup.start();
        let home = tempfile::tempdir().unwrap();
        rclone(&server, home.path(), &["purge", "REMOTE:old"]);
        assert_kept(&setup);
        assert!(!setup.files().join("old").exists());
    }

    #[test]
    fn loops_do_not_multiply_a_tree() {
        let setup = with_a_link_out_of_a_directory();
        symlink(".", setup.files().join("old/loop")).unwrap();
        symlink("..", setup.files().join("old/up")).unwrap();
        let server = setup.start();
        let home = tempfile::tempdir().unwrap();
        let found = lftp(&server, "demo", Way::PLAIN, home.path(), "find").run();
        assert!(found.lines().count() < 15, "{found}");
        lftp(&server, "demo", Way::PLAIN, home.path(), "mirror old copy").run();
        assert!(fs::symlink_metadata(home.path().join("copy/loop")).unwrap().is_symlink());
        let listed = rclone(&server, home.path(), &["lsf", "-R", "REMOTE:"]);
        assert!(listed.lines().count() < 15, "{listed}");
    }

    #[test]
    fn ftplib_reads_facts_of_links() {
        let setup = with_a_link_out_of_a_directory();
        symlink("two words", setup.files().join("old/blank")).unwrap();
        symlink("semi;colon", setup.files().join("old/semicolon")).unwrap();
        let server = setup.start();
        let home = tempfile::tempdir().unwrap();
        let said = Program::new("python3", home.path())
            .arg(client_script("ftplib_links.py"))
            .args(["127.0.0.1", &server.address.port().to_string()])
            .run();
        assert_eq!(said.trim(), "blank file file-link link semicolon");
    }
}

/// A user's directory is a root of its own: what lies beside it is another user's.
#[test]
fn users_stay_in_their_directories() {
    let setup = Setup::new(
        "
backends:
  disk: { kind: local, root: '{folder}/files' }
  scratch: { kind: memory }
users:
  - name: alice
    password: alice
    plain: true
    backend: disk
    path: users/alice
  - name: mounted
    password: mounted
    plain: true
    backend: scratch
    mounts: [ { at: /home, backend: disk, path: users/alice } ]
",
    );
    let files = setup.files();
    let (alice, bob) = (files.join("users/alice"), files.join("users/bob"));
    for directory in [&alice.join("deep/er"), &bob.join("d")] {
        fs::create_dir_all(directory).unwrap();
    }
    fs::write(bob.join("secret"), "secret").unwrap();
    fs::write(files.join("file"), "of nobody").unwrap();
    fs::write(files.join("users/file"), "of nobody").unwrap();
    fs::write(alice.join("file"), "12345").unwrap();
    symlink("../bob", alice.join("up")).unwrap();
    symlink("../bob/secret", alice.join("up-file")).unwrap();
    symlink(&bob, alice.join("absolute")).unwrap();
    symlink(bob.join("secret"), alice.join("absolute-file")).unwrap();
    // Harmless where they are.
    symlink("../file", alice.join("deep/harmless")).unwrap();
    symlink("..", alice.join("deep/harmless-directory")).unwrap();
    symlink(alice.join("file"), alice.join("inside")).unwrap();
    let before = snapshot(&bob);
    let server = setup.start();
    for (user, home) in [("alice", ""), ("mounted", "/home")] {
        let mut client = server.login_as(user, user);
        for link in ["up", "absolute"] {
            let at = format!("{home}/{link}");
            for command in ["LIST {}/", "NLST {}/", "RETR {}/secret"] {
                let (received, reply) = client.try_fetch(&command.replace("{}", &at));
                assert!(reply.code == 550 || received.is_empty(), "{user} {command} {at}: {reply:?}");
            }
            for command in [
                "CWD {}",
                "DELE {}/secret",
                "RMD {}/d",
                "MKD {}/new",
                "RNFR {}/secret",
                "SIZE {}/secret",
                "MDTM {}/secret",
            ] {
                client.expect(&command.replace("{}", &at), 550);
            }
            for command in ["STOR {}/new", "STOR {}/secret", "APPE {}/secret", "APPE {}/new"] {
                assert_eq!(
                    client.try_store(&command.replace("{}", &at), b"x").code,
                    550,
                    "{user} {command} {at}"
                );
            }
            client.expect(&format!("RNFR {home}/file"), 350);
            client.expect(&format!("RNTO {at}/taken"), 550);
            let file = format!("{at}-file");
            assert_eq!(client.try_fetch(&format!("RETR {file}")).1.code, 550, "{user}");
            assert_eq!(client.try_store(&format!("APPE {file}"), b"x").code, 550, "{user}");
            if Engine::current() == Engine::Native {
                for command in ["HASH {}", "XCRC {}", "MFMT 20200101000000 {}", "SITE CHMOD 777 {}"] {
                    client.expect(&command.replace("{}", &file), 550);
                }
                let facts = client.command(&format!("MLST {file}")).text();
                assert!(!facts.contains("size=6"), "{facts}");
            }
        }
        // Moved, they lead out.
        for (name, is_file) in [("harmless", true), ("harmless-directory", false)] {
            assert_eq!(client.retrieve(&format!("{home}/deep/harmless")), b"12345");
            client.expect(&format!("RNFR {home}/deep/{name}"), 350);
            client.expect(&format!("RNTO {home}/{name}"), 250);
            match is_file {
                true => assert_eq!(client.try_fetch(&format!("RETR {home}/{name}")).1.code, 550),
                false => drop(client.expect(&format!("CWD {home}/{name}"), 550)),
            }
            client.expect(&format!("RNFR {home}/{name}"), 350);
            client.expect(&format!("RNTO {home}/deep/{name}"), 250);
        }
        assert_eq!(client.retrieve(&format!("{home}/inside")), b"12345");
        assert_eq!(client.try_store(&format!("APPE {home}/inside"), b"").code, 226);
        assert_eq!(snapshot(&bob), before, "{user}");
        assert_eq!(fs::read(alice.join("file")).unwrap(), b"12345");
    }
}

/// Where one directory that is given lies in another, those who have the outer one can put a link in its place.
#[test]
fn directories_in_given_ones_are_no_way_out_of_these() {
    let setup = Setup::new(
        "
backends:
  disk: { kind: local, root: '{folder}/files' }
  scratch: { kind: memory }
users:
  - name: demo
    password: demo
    plain: true
    backend: scratch
    mounts: [ { at: /all, backend: disk, path: shared }, { at: /mine, backend: disk, path: shared/alice } ]
",
    );
    let shared = setup.files().join("shared");
    for directory in ["shared/alice", "shared/a/inside", "docs", "secret"] {
        fs::create_dir_all(setup.files().join(directory)).unwrap();
    }
    for file in ["docs/s.txt", "secret/s.txt", "shared/alice/s.txt", "shared/a/inside/s.txt"] {
        fs::write(setup.files().join(file), file).unwrap();
    }
    symlink("../secret", shared.join("out")).unwrap();
    symlink("../docs", shared.join("a/harmless")).unwrap();
    symlink("a/inside", shared.join("in")).unwrap();
    let server = setup.start();
    let mut client = server.login();
    assert_eq!(client.retrieve("/mine/s.txt"), b"shared/alice/s.txt");
    for (link, leads) in
        [("/all/out", None), ("/all/a/harmless", None), ("/all/in", Some("shared/a/inside/s.txt"))]
    {
        client.expect("RNFR /all/alice", 350);
        client.expect("RNTO /all/before", 250);
        client.expect(&format!("RNFR {link}"), 350);
        client.expect("RNTO /all/alice", 250);
        let (received, reply) = client.try_fetch("RETR /mine/s.txt");
        match leads {
            Some(file) => assert_eq!(String::from_utf8(received).unwrap(), file),
            None => assert_eq!((reply.code, received.len()), (550, 0), "{link}"),
        }
        client.expect("RNFR /all/alice", 350);
        client.expect(&format!("RNTO {link}"), 250);
        client.expect("RNFR /all/before", 350);
        client.expect("RNTO /all/alice", 250);
    }
}

/// Operators lead users to the release of the day.
#[test]
fn the_directory_of_a_user_may_be_a_link() {
    let setup = Setup::new(
        "
backends:
  disk: { kind: local, root: '{folder}/files' }
users:
  - { name: absolute, password: absolute, plain: true, backend: disk, path: absolute }
  - { name: relative, password: relative, plain: true, backend: disk, path: relative }
",
    );
    let release = setup.files().join("releases/7");
    fs::create_dir_all(release.join("sub")).unwrap();
    fs::write(release.join("sub/file"), "12345").unwrap();
    fs::write(setup.files().join("secret"), "secret").unwrap();
    symlink(&release, setup.files().join("absolute")).unwrap();
    symlink("releases/7", setup.files().join("relative")).unwrap();
    symlink(release.join("sub"), release.join("inside")).unwrap();
    symlink(setup.files().join("secret"), release.join("outside")).unwrap();
    let server = setup.start();
    for user in ["absolute", "relative"] {
        let mut client = server.login_as(user, user);
        for name in ["sub/file", "inside/file"] {
            assert_eq!(client.retrieve(name), b"12345", "{user}: {name}");
            assert_eq!(client.try_store(&format!("APPE {name}"), b"").code, 226, "{user}: {name}");
        }
        client.store(&format!("sub/of-{user}"), b"x");
        client.expect(&format!("DELE inside/of-{user}"), 250);
        assert_eq!(client.try_fetch("RETR outside").1.code, 550, "{user}");
        assert_eq!(client.names(""), ["inside", "outside", "sub"]);
    }
}

/// All that is in a directory and below, with modes and times.
fn snapshot(directory: &Path) -> Vec<(PathBuf, u32, i64, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let metadata = fs::symlink_metadata(&path).unwrap();
        let content = if metadata.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        if metadata.is_dir() {
            found.extend(snapshot(&path));
        }
        found.push((path, metadata.mode(), metadata.mtime(), content));
    }
    found.sort();
    found
}
