//! Disks that refuse what others do (CIFS, NTFS, exFAT, FUSE, network file systems, old containers): files are stored there, too.

use std::fs;
use std::io::Write;

use super::odd;
use crate::support::{Client, Engine, Line, Running, Setup, assert_bytes, noise};

pub const USERS: &str = "
backends:
  disk: { kind: local, root: '{folder}/files' }
users:
  - { name: demo, password: demo, plain: true, backend: disk, permissions: full }
  - { name: device, password: device, plain: true, backend: disk, permissions: upload-only }
";

#[track_caller]
fn store(client: &mut Client, command: &str, content: &[u8]) {
    let reply = client.try_store(command, content);
    assert_eq!(reply.code, 226, "{command}: {reply:?}");
}

/// All ways in which a file can come about or change.
pub fn assert_stores(server: &Running<'_>) {
    let mut client = server.login();
    let content = noise(300_000, 1);
    client.expect("MKD folder", 257);
    store(&mut client, "STOR folder/file", b"first");
    store(&mut client, "STOR folder/file", &content);
    store(&mut client, "APPE folder/file", b"tail");
    store(&mut client, "APPE folder/other", b"1");
    client.expect("REST 300004", 350);
    store(&mut client, "STOR folder/file", b" and more");
    assert_bytes(&client.retrieve("folder/file"), &[&content[..], b"tail and more"].concat());
    if Engine::current() == Engine::Native {
        client.expect("REST 5", 350);
        store(&mut client, "STOR folder/file", b"again");
        assert_bytes(&client.retrieve("folder/file"), &[&content[..5], b"again"].concat());
    }
    client.expect("RNFR folder/file", 350);
    client.expect("RNTO file", 250);
    client.expect("RNFR folder/other", 350);
    client.expect("RNTO file", 250);
    assert_eq!(client.retrieve("file"), b"1");
    client.expect("RMD folder", 250);
    let mut device = server.login_as("device", "device");
    store(&mut device, "STOR new", b"new");
    assert_eq!(device.try_store("STOR new", b"other").code, 550);
    if Engine::current() == Engine::Native {
        let mut data = device.open_passive();
        device.expect("STOU", 150);
        data.write_all(b"12345").unwrap();
        drop(data);
        device.expect_reply(226);
    }
    assert_eq!(client.retrieve("new"), b"new");
    client.expect("DELE file", 250);
}

fn times(server: &Running<'_>, text: &str) -> usize {
    server.log.count(text)
}

fn refusing(calls: &[&str]) -> Option<Setup> {
    odd::refusing(Setup::new(USERS), calls)
}

#[test]
fn nothing_is_said_of_a_disk_that_refuses_nothing() {
    let setup = Setup::new(USERS);
    let server = setup.start();
    assert_stores(&server);
    assert!(!server.log.lines().iter().any(Line::is_warning), "{}", server.log.text());
}

#[test]
fn modes_are_no_reason_to_fail() {
    for error in ["EPERM", "ENOENT", "ENOSYS", "EOPNOTSUPP"] {
        let Some(setup) = refusing(&[&format!("fchmod={error}")]) else { return };
        let server = setup.start();
        let mut client = server.login();
        for name in ["file", "other"] {
            store(&mut client, &format!("STOR {name}"), b"12345");
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
            fs::set_permissions(setup.files().join(name), mode).unwrap();
            store(&mut client, &format!("STOR {name}"), b"1234567890");
            store(&mut client, &format!("APPE {name}"), b"12345");
            assert_eq!(client.retrieve(name), b"123456789012345");
        }
        server.log.expect_warning("permission bits", &[]);
        assert_eq!(times(&server, "permission bits"), 1);
    }
}

#[test]
fn what_is_not_confirmed_is_said_once() {
    for error in ["EINVAL", "EOPNOTSUPP"] {
        let calls = [format!("fsync={error}"), format!("fdatasync={error}")];
        let Some(setup) = refusing(&calls.each_ref().map(String::as_str)) else { return };
        let server = setup.start();
        assert_stores(&server);
        server.log.expect_warning("doesn't confirm", &[("mount", "…")]);
        assert_eq!(times(&server, "doesn't confirm"), 1);
    }
}

/// That a name is stored is promised, too.
#[test]
fn a_directory_that_can_not_be_confirmed_fails_what_changed_it() {
    for (error, failing) in [("EIO", true), ("EINVAL", false)] {
        let Some(setup) = odd::fuse(Setup::new(USERS), &[&format!("refuse=fsyncdir:{error}")]) else {
            return;
        };
        let server = setup.start();
        let mut client = server.login();
        if !failing {
            assert_stores(&server);
            server.log.expect_warning("doesn't confirm", &[]);
            continue;
        }
        assert!(client.try_store("STOR file", b"12345").code >= 400);
        let code = if Engine::current() == Engine::Native { 451..=451 } else { 400..=599 };
        for command in ["MKD folder", "RNTO other"] {
            if command.starts_with("RNTO") {
                client.expect("RNFR file", 350);
            }
            client.send(command);
            let reply = client.reply();
            assert!(code.contains(&reply.code), "{command}: {reply:?}");
        }
    }
}

#[test]
fn files_without_a_name_are_not_needed() {
    for error in ["EPERM", "EACCES", "ENOSYS", "EOPNOTSUPP", "EINVAL", "EISDIR"] {
        let Some(setup) = refusing(&[&format!("tmpfile={error}")]) else { return };
        assert_stores(&setup.start());
    }
    for error in ["EPERM", "ENOENT", "EOPNOTSUPP"] {
        let Some(setup) = refusing(&[&format!("linkat={error}")]) else { return };
        assert_stores(&setup.start());
    }
}

/// Users who may not replace, and STOU, need a name that is free, and get it from whatever can tell.
#[test]
fn names_that_must_be_free_are_found_somehow() {
    for error in ["EINVAL", "ENOSYS", "EPERM"] {
        for without_name in ["tmpfile=EOPNOTSUPP", "linkat=EPERM"] {
            let Some(setup) = refusing(&[&format!("noreplace={error}"), without_name]) else { return };
            assert_stores(&setup.start());
        }
        let calls = [&format!("noreplace={error}"), "linkat=EPERM", "tmpfile=EOPNOTSUPP"];
        let Some(setup) = refusing(&calls) else { return };
        let server = setup.start();
        assert_stores(&server);
        server.log.expect_warning("can't refuse a name that is taken", &[]);
        assert_eq!(times(&server, "can't refuse a name"), 1);
    }
}

/// As exfat-fuse has it, and more.
#[test]
fn all_of_it_at_once() {
    let all = ["refuse=chmod:EPERM", "refuse=link:EPERM", "refuse=rename2:ENOSYS", "refuse=fsync:EINVAL"];
    for options in [&all[..], &[all[0], all[1], all[2], all[3], "fold=spelling"], &["refuse=chmod:ENOSYS"]] {
        let Some(setup) = odd::fuse(Setup::new(USERS), options) else { return };
        let server = setup.start();
        assert_stores(&server);
    }
}

/// Where nothing may be stored, that is told before the first byte, whatever the disk can do.
#[test]
fn what_may_not_be_stored_is_refused_at_once() {
    for calls in [&["fchmod=EPERM"][..], &["tmpfile=EACCES"], &["tmpfile=EOPNOTSUPP"]] {
        let mut setup = Setup::new(USERS);
        fs::create_dir(setup.files().join("closed")).unwrap();
        fs::write(setup.files().join("closed/file"), "12345").unwrap();
        let closed = setup.files().join("closed");
        let mode = |mode| std::os::unix::fs::PermissionsExt::from_mode(mode);
        fs::set_permissions(&closed, mode(0o555)).unwrap();
        fs::set_permissions(closed.join("file"), mode(0o444)).unwrap();
        let Some(refusing) = odd::refusing_unprivileged(setup, calls) else { return };
        setup = refusing;
        let server = setup.start();
        let mut client = server.login();
        for command in ["STOR closed/new", "STOR closed/file", "APPE closed/file"] {
            match client.try_transfer(command) {
                Err(refused) => assert_eq!(refused.code, 550, "{command}: {refused:?}"),
                // libunftp asks when it has said 150.
                Ok(data) if Engine::current() == Engine::Libunftp => {
                    drop(data);
                    assert!(client.reply().code >= 400);
                }
                Ok(_) => panic!("{command} began"),
            }
        }
        fs::set_permissions(&closed, mode(0o755)).unwrap();
    }
}

/// Network file systems take what is written and tell later that it went nowhere.
#[test]
fn what_the_disk_says_late_of_a_write_is_heard() {
    for sync in [true, false] {
        for (error, codes) in [("ENOSPC", &[452, 552][..]), ("EDQUOT", &[452, 552]), ("EIO", &[451, 550])] {
            assert_heard(error, codes, sync);
        }
    }
}

fn assert_heard(error: &str, codes: &[u16], sync: bool) {
    let users = USERS.replace("root:", &format!("sync: {sync}, root:"));
    let Some(setup) = odd::fuse(Setup::new(&users), &[&format!("late={error}")]) else { return };
    let old = noise(100_000, 1);
    let behind = setup.folder().join("behind");
    // A name for each, as what was broken off is not gone on with.
    let olds = ["replaced", "appended", "resumed"];
    for name in olds {
        fs::write(behind.join(format!("small-{name}")), &old).unwrap();
        fs::write(behind.join(format!("large-{name}")), &old).unwrap();
    }
    let server = setup.start();
    let mut client = server.login();
    for (size, content) in [("small", &b"12345"[..]), ("large", &noise(300_000, 2))] {
        for command in ["STOR {}-new", "STOR {}-replaced", "APPE {}-appended", "APPE {}-begun"] {
            let reply = client.try_store(&command.replace("{}", size), content);
            assert!(codes.contains(&reply.code), "{error}, sync {sync}: {command} {size}: {reply:?}");
        }
        if Engine::current() == Engine::Native {
            client.expect("REST 50000", 350);
            let reply = client.try_store(&format!("STOR {size}-resumed"), content);
            assert!(codes.contains(&reply.code), "{error}, sync {sync}: REST, STOR {size}: {reply:?}");
        }
        for name in olds {
            assert_bytes(&fs::read(behind.join(format!("{size}-{name}"))).unwrap(), &old);
        }
    }
    // Nothing came about, and nothing is left over.
    assert_eq!(client.names("").len(), 6, "{error}");
    let uploads = fs::read_dir(behind.join(".wharf-uploads")).unwrap();
    let left: Vec<_> = uploads.map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.is_empty(), "{error}, sync {sync}: {left:?}");
}
