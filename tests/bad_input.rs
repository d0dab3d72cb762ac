//! Names and commands that make no sense, from careless and hostile clients, and the reply that RFC 959 and a careful server give.

use std::fs;
use std::os::unix::fs::symlink;

use crate::support::{Client, Setup};

/// A session over this tree: `file` (5 bytes), `full/inside`, `empty/`.
fn prepared() -> Setup {
    let setup = Setup::local();
    let files = setup.files();
    fs::write(files.join("file"), b"12345").unwrap();
    fs::create_dir(files.join("full")).unwrap();
    fs::write(files.join("full/inside"), b"inside").unwrap();
    fs::create_dir(files.join("empty")).unwrap();
    setup
}

#[track_caller]
fn assert_unchanged(client: &mut Client) {
    assert_eq!(client.names(""), ["empty", "file", "full"]);
    assert_eq!(client.names("full"), ["inside"]);
    assert_eq!(client.retrieve("file"), b"12345");
    assert_eq!(client.retrieve("full/inside"), b"inside");
}

mod names {
    use super::*;

    #[test]
    fn dots_stop_at_the_root() {
        let setup = prepared();
        fs::write(setup.folder().join("secret"), b"outside").unwrap();
        let server = setup.start();
        let mut client = server.login();
        for path in [
            "../secret",
            "/../secret",
            "full/../../secret",
            "/full/../../../../../../etc/passwd",
            "..//..//etc/passwd",
        ] {
            client.expect(&format!("SIZE {path}"), 550);
            let (bytes, reply) = client.try_fetch(&format!("RETR {path}"));
            assert_eq!((bytes.len(), reply.code), (0, 550), "{path}: {reply:?}");
        }
        client.store("../../stays", b"inside");
        assert_eq!(fs::read(setup.files().join("stays")).unwrap(), b"inside");
        assert!(!setup.folder().join("stays").exists());
        client.expect("CWD ../../..", 250);
        assert_eq!(client.names(""), ["empty", "file", "full", "stays"]);
        client.expect("CWD full/../../empty", 250);
        assert_eq!(client.names(""), [""; 0]);
    }

    #[test]
    fn a_link_does_not_lead_out_of_the_root() {
        let setup = prepared();
        let outside = setup.folder().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("secret"), b"secret").unwrap();
        symlink(&outside, setup.files().join("out")).unwrap();
        symlink(outside.join("secret"), setup.files().join("secret")).unwrap();
        symlink("../../outside", setup.files().join("full/relative")).unwrap();
        let server = setup.start();
        let mut client = server.login();
        for path in ["secret", "out/secret", "full/relative/secret"] {
            let (bytes, reply) = client.try_fetch(&format!("RETR {path}"));
            assert_eq!((bytes.len(), reply.code), (0, 550), "{path}: {reply:?}");
        }
        for directory in ["out", "full/relative"] {
            client.expect(&format!("CWD {directory}"), 550);
            let (bytes, reply) = client.try_fetch(&format!("MLSD {directory}"));
            assert_eq!((bytes.len(), reply.code), (0, 550), "{directory}: {reply:?}");
            assert!(client.try_store(&format!("STOR {directory}/new"), b"new").code >= 500, "{directory}");
            assert!(client.command(&format!("DELE {directory}/secret")).code >= 500, "{directory}");
            assert!(client.command(&format!("MKD {directory}/new")).code >= 500, "{directory}");
        }
        assert_eq!(fs::read(outside.join("secret")).unwrap(), b"secret");
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
        // They don't break the listing they stand in.
        assert!(client.names("").contains(&"file".to_owned()));
    }

    #[test]
    fn too_long_ones_are_refused() {
        let setup = prepared();
        let server = setup.start();
        let mut client = server.login();
        for name in ["n".repeat(256), "n/".repeat(3000), "n".repeat(5000)] {
            let reply = client.try_store(&format!("STOR {name}"), b"x");
            assert!((500..600).contains(&reply.code), "{} bytes: {reply:?}", name.len());
            let reply = client.command(&format!("MKD {name}"));
            assert!((500..600).contains(&reply.code), "{} bytes: {reply:?}", name.len());
            client.expect("NOOP", 200);
        }
        client.store(&"n".repeat(255), b"just right");
        client.expect(&format!("DELE {}", "n".repeat(255)), 250);
        assert_unchanged(&mut client);
    }

    /// What a disk would not hold is not taken by memory either.
    #[test]
    fn too_long_ones_are_refused_in_memory() {
        let setup = Setup::memory();
        let server = setup.start();
        let mut client = server.login();
        // 256 bytes, and 258 bytes in 129 letters.
        for name in ["n".repeat(256), "ü".repeat(129)] {
            assert_eq!(client.try_store(&format!("STOR {name}"), b"x").code, 553);
            client.expect(&format!("MKD {name}"), 553);
            client.store("file", b"12345");
            client.expect("RNFR file", 350);
            client.expect(&format!("RNTO {name}"), 553);
            assert_eq!(client.names(""), ["file"]);
        }
        client.store(&"n".repeat(255), b"just right");
        client.expect(&format!("MKD {}ü", "n".repeat(253)), 257);
    }

    #[test]
    fn a_nul_is_refused() {
        let setup = prepared();
        let server = setup.start();
        let mut client = server.login();
        for command in [&b"SIZE file\0.txt\r\n"[..], b"MKD a\0b\r\n", b"DELE file\0\r\n", b"RNFR file\0x\r\n"]
        {
            client.send_raw(command);
            let reply = client.reply();
            assert!((500..600).contains(&reply.code), "{reply:?}");
        }
        assert!((500..600).contains(&client.try_store("STOR a\0b", b"x").code));
        assert_unchanged(&mut client);
    }

    /// Two names that differ in bytes that are no UTF-8 are two files, or none.
    #[test]
    fn other_encodings_never_alias() {
        let setup = prepared();
        let server = setup.start();
        let mut client = server.login();
        let mut stored = 0;
        for (name, content) in [(&b"caf\xe9"[..], &b"e"[..]), (b"caf\xe8", b"other e")] {
            let data = client.open_passive();
            client.send_raw(&[b"STOR ", name, b"\r\n"].concat());
            let reply = client.reply();
            if reply.code == 150 {
                std::io::Write::write_all(&mut &data, content).unwrap();
                drop(data);
                stored += usize::from(client.reply().code == 226);
            }
        }
        client.expect("NOOP", 200);
        assert_eq!(client.names("").len(), 3 + stored, "one name stands for two files");
        assert!(!client.names("").iter().any(|name| name.contains('\u{fffd}')), "a name was changed");
    }
}

mod wrong_kind {
    use super::*;

    #[test]
    fn what_is_missing_is_550() {
        let setup = prepared();
        let server = setup.start();
        let mut client = server.login();
        for command in [
            "CWD missing",
            "SIZE missing",
            "MDTM missing",
            "DELE missing",
            "RMD missing",
            "RNFR missing",
            "MLST missing",
            "SIZE full/missing",
            "DELE missing/file",
            "MKD missing/folder",
        ] {
            client.expect(command, 550);
        }
        assert_eq!(client.try_fetch("RETR missing").1.code, 550);
        // 501 would break clients that synchronise trees.
        assert_eq!(client.try_fetch("MLSD missing").1.code, 550);
        assert!(matches!(client.try_fetch("LIST missing").1.code, 450 | 550));
        assert!(matches!(client.try_fetch("NLST missing").1.code, 450 | 550));
        assert!(matches!(client.try_store("STOR missing/file", b"x").code, 550 | 553));
        assert_unchanged(&mut client);
    }

    #[test]
    fn a_directory_is_no_file() {
        let setup = prepared();
        let server = setup.start();
        let mut client = server.login();
        client.expect("DELE full", 550);
        client.expect("DELE empty", 550);
        assert_eq!(client.try_fetch("RETR full").1.code, 550);
        assert!(matches!(client.try_store("STOR empty", b"x").code, 550 | 553));
        assert!(matches!(client.try_store("APPE empty", b"x").code, 550 | 553));
        assert_unchanged(&mut client);
    }

    #[test]
    fn a_file_is_no_directory() {
        let setup = prepared();
        let server = setup.start();
        let mut client = server.login();
        for command in
            ["CWD file", "RMD file", "MKD file", "SIZE file/below", "DELE file/below", "MKD file/below"]
        {
            client.expect(command, 550);
        }
        assert!((500..600).contains(&client.try_store("STOR file/below", b"x").code));
        assert!((500..600).contains(&client.try_fetch("MLSD file").1.code));
        assert_unchanged(&mut client);
    }

    #[test]
    fn a_full_directory_stays() {
        let setup = prepared();
        let server = setup.start();
        let mut client = server.login();
        client.expect("RMD full", 550);
        client.expect("RMD /", 550);
        assert_unchanged(&mut client);
        client.expect("RMD empty", 250);
    }

    #[test]
    fn renames_never_replace_a_directory() {
        let setup = prepared();
        let server = setup.start();
        let mut client = server.login();
        for (from, to) in [
            ("file", "full"),
            ("file", "empty"),
            ("full", "file"),
            ("full", "full/itself"),
            ("file", "missing/file"),
        ] {
            client.expect(&format!("RNFR {from}"), 350);
            let reply = client.command(&format!("RNTO {to}"));
            assert!((500..600).contains(&reply.code), "{from} to {to}: {reply:?}");
        }
        assert_unchanged(&mut client);
    }

    #[test]
    fn a_command_out_of_order_is_told_so() {
        let setup = prepared();
        let server = setup.start();
        let mut client = server.login();
        client.expect("RETR file", 425);
        assert_unchanged(&mut client);
    }

    #[test]
    fn what_is_no_command_is_500() {
        let setup = Setup::local();
        let server = setup.start();
        let mut client = server.login();
        for line in ["XYZZY", "xyzzy with arguments", "GET / HTTP/1.1", "-", "STORE file"] {
            client.expect_any(line, &[500, 502]);
        }
        client.expect("noop", 200);
        client.expect("Pwd", 257);
    }
}
