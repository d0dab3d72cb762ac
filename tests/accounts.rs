//! Who may log in, with what, and what they see: password hashes of every kind, secrets from the environment and from
//! files, anonymous users, and trees put together from several backends.

use std::fs;

use crate::support::{Client, S3, Setup};

mod passwords {
    use super::*;

    /// Hashes of "open sesame", as other programs made them.
    const HASHES: &[(&str, &str)] = &[
        (
            "sha512",
            "$6$wharfsalt$4jsYNpPdTqFiBoflopjyErKREIQWJ1JZdeuXDdzgv69BWvjX1Em6vvtrIg7VlVBuSH.DVF2gSXo9qf8Ax0QD81",
        ),
        (
            "sha512rounds",
            "$6$rounds=5000$0KLig/b4H.KIRbbq$6omGr6Q0xbsovbHog2dBZ1xF6SugKeDvglIuoQgGAqUgwerNY4gS8UqovMOkfUoQ3NDiEkuePdGiGqk1evuvC1",
        ),
        ("htpasswd", "$2y$04$GC0/KAtkUxHSPNL4gXY2XOeI.FvGYB4p1MS4J.DsVY4Z037koTPfO"),
        ("bcrypt", "$2b$04$GC0/KAtkUxHSPNL4gXY2XOeI.FvGYB4p1MS4J.DsVY4Z037koTPfO"),
        (
            "argon2id",
            "$argon2id$v=19$m=19456,t=2,p=1$wMoIhjO2Kb8lCzZIEGwA0g$rotq8LKHelRqHZ/X9U8480kT7rpIhnkFbjA/6+s7Pog",
        ),
    ];

    #[test]
    fn of_every_kind_are_known() {
        let mut yaml = "backends:\n  scratch: { kind: memory }\nusers:\n".to_owned();
        for (name, hash) in HASHES {
            yaml.push_str(&format!("  - {{ name: {name}, password: '{hash}', backend: scratch }}\n"));
        }
        let setup = Setup::new(yaml).server("failed_login_delay: 0s");
        let server = setup.start();
        for (name, hash) in HASHES {
            server.login_as(name, "open sesame").expect("PWD", 257);
            // bcrypt begins a password anew behind NUL: the last one is the same to it.
            for wrong in
                ["open sesame ", "Open sesame", "", hash, "open sesame\0", "open sesame\0open sesame"]
            {
                let mut client = server.connect();
                client.expect(&format!("USER {name}"), 331);
                client.expect(&format!("PASS {wrong}"), 530);
            }
        }
    }

    #[test]
    fn come_from_files_and_the_environment() {
        let setup = Setup::new(
            "
backends:
  scratch: { kind: memory }
users:
  - { name: filed, password: { file: '{folder}/filed.hash' }, backend: scratch }
  - { name: environed, password: { env: ENVIRONED_HASH }, backend: scratch }
  - { name: plain, password: { env: PLAIN_PASSWORD }, plain: true, backend: scratch }
",
        )
        .environment("ENVIRONED_HASH", HASHES[0].1)
        .environment("PLAIN_PASSWORD", "from the environment");
        // Editors end a file with a line break; it is no part of the secret.
        fs::write(setup.folder().join("filed.hash"), format!("{}\n", HASHES[2].1)).unwrap();
        let server = setup.start();
        server.login_as("filed", "open sesame");
        server.login_as("environed", "open sesame");
        server.login_as("plain", "from the environment");
        let log = server.log.text();
        for secret in [HASHES[0].1, HASHES[2].1, "from the environment", "open sesame"] {
            assert!(!log.contains(secret), "a secret is in the log:\n{log}");
        }
    }

    #[test]
    fn may_hold_anything_but_a_line_break() {
        let setup = Setup::new(
            "
backends:
  scratch: { kind: memory }
users:
  - { name: demo, password: ' blanks, ü and \"quotes\" ', plain: true, backend: scratch }
",
        );
        let server = setup.start();
        server.login_as("demo", " blanks, ü and \"quotes\" ");
    }
}

mod anonymous {
    use super::*;

    #[test]
    fn users_look_around_where_they_may() {
        let setup = Setup::new(
            "
backends:
  disk: { kind: local, root: '{folder}/files' }
users: []
anonymous: { enabled: true, backend: disk, permissions: read-only }
",
        );
        fs::write(setup.files().join("public.txt"), b"for all").unwrap();
        let server = setup.start();
        for name in ["anonymous", "ftp"] {
            let mut client = server.connect();
            let reply = client.command(&format!("USER {name}"));
            if reply.code == 331 {
                client.expect("PASS someone@example.com", 230);
            } else {
                assert_eq!(reply.code, 230);
            }
            client.expect("TYPE I", 200);
            assert_eq!(client.retrieve("public.txt"), b"for all");
            assert_eq!(client.try_store("STOR mine", b"x").code, 550);
        }
    }
}

mod mounts {
    use super::*;

    fn mounted() -> Setup {
        let setup = Setup::new(
            "
backends:
  disk: { kind: local, root: '{folder}/files' }
  scratch: { kind: memory, capacity: 16MiB }
users:
  - name: demo
    password: demo
    plain: true
    backend: disk
    path: home
    mounts:
      - { at: /scratch, backend: scratch }
      - { at: /deep/down/here, backend: scratch, path: deep }
      - { at: /pub, backend: disk, path: public, permissions: read-only }
",
        );
        fs::create_dir(setup.files().join("home")).unwrap();
        fs::create_dir(setup.files().join("public")).unwrap();
        fs::write(setup.files().join("home/mine"), b"mine").unwrap();
        fs::write(setup.files().join("public/theirs"), b"theirs").unwrap();
        setup
    }

    #[test]
    fn are_seen_in_listings_and_can_be_entered() {
        let setup = mounted();
        let server = setup.start();
        let mut client = server.login();
        assert_eq!(client.names(""), ["deep", "mine", "pub", "scratch"]);
        assert_eq!(client.names("/deep"), ["down"]);
        assert_eq!(client.names("/deep/down"), ["here"]);
        assert_eq!(client.names("/deep/down/here"), [""; 0]);
        client.expect("CWD deep/down", 250);
        assert_eq!(client.names(""), ["here"]);
        client.expect("CWD here", 250);
        client.store("file", b"deep down");
        assert!(client.expect("PWD", 257).text().contains("\"/deep/down/here\""));
        assert_eq!(client.retrieve("/deep/down/here/file"), b"deep down");
        // The same backend, seen from elsewhere.
        assert_eq!(client.retrieve("/scratch/deep/file"), b"deep down");
        let facts = client.expect("MLST /deep", 250).text().to_ascii_lowercase();
        assert!(facts.contains("type=dir;"), "{facts}");
        let listing = String::from_utf8(client.fetch("LIST /")).unwrap();
        assert!(listing.lines().any(|line| line.starts_with('d') && line.ends_with(" scratch")), "{listing}");
    }

    #[test]
    fn have_permissions_of_their_own() {
        let setup = mounted();
        let server = setup.start();
        let mut client = server.login();
        assert_eq!(client.retrieve("pub/theirs"), b"theirs");
        assert_eq!(client.try_store("STOR pub/new", b"x").code, 550);
        client.expect("DELE pub/theirs", 550);
        client.store("new", b"x");
    }

    #[test]
    fn stay_where_they_are() {
        let setup = mounted();
        let server = setup.start();
        let mut client = server.login();
        for command in ["RMD scratch", "RMD deep", "RMD deep/down/here", "DELE scratch", "MKD scratch"] {
            client.expect(command, 550);
        }
        for (from, to) in [("scratch", "moved"), ("deep", "moved"), ("mine", "scratch")] {
            let reply = client.command(&format!("RNFR {from}"));
            let reply = if reply.code == 350 { client.command(&format!("RNTO {to}")) } else { reply };
            assert!((500..600).contains(&reply.code), "{from} to {to}: {reply:?}");
        }
        assert_eq!(client.names(""), ["deep", "mine", "pub", "scratch"]);
    }

    fn rename(client: &mut Client, from: &str, to: &str) {
        client.expect(&format!("RNFR {from}"), 350);
        client.expect(&format!("RNTO {to}"), 250);
    }

    #[test]
    fn are_crossed_by_renames() {
        let setup = mounted();
        let server = setup.start();
        let mut client = server.login();
        rename(&mut client, "mine", "scratch/moved");
        assert_eq!(client.retrieve("scratch/moved"), b"mine");
        client.expect("SIZE mine", 550);
        rename(&mut client, "/scratch/moved", "/deep/down/here/again");
        assert_eq!(client.retrieve("/deep/down/here/again"), b"mine");
        rename(&mut client, "/deep/down/here/again", "/home again");
        assert_eq!(fs::read(setup.files().join("home/home again")).unwrap(), b"mine");
        assert_eq!(client.names("/scratch/deep"), [""; 0]);
        // Not from where nothing may be taken away.
        let reply = client.command("RNFR pub/theirs");
        let reply = if reply.code == 350 { client.command("RNTO taken") } else { reply };
        assert_eq!(reply.code, 550);
        assert_eq!(client.retrieve("pub/theirs"), b"theirs");
    }

    #[test]
    fn are_crossed_by_renames_into_buckets() {
        let setup = Setup::new(format!(
            "
backends:
  disk: {{ kind: local, root: '{{folder}}/files' }}
  lake: {}
  flat: {}
users:
  - name: demo
    password: demo
    plain: true
    backend: disk
    mounts: [ {{ at: /lake, backend: lake }}, {{ at: /flat, backend: flat }} ]
",
            S3::SeaweedFs.backend(),
            S3::Moto.backend()
        ));
        let server = setup.start();
        let mut client = server.login();
        let content = crate::support::noise(9 << 20, 5);
        client.store("file", &content);
        rename(&mut client, "file", "lake/file");
        rename(&mut client, "lake/file", "flat/file");
        rename(&mut client, "flat/file", "back");
        crate::support::assert_bytes(&client.retrieve("back"), &content);
        assert_eq!(client.names("lake"), [""; 0]);
        assert_eq!(client.names("flat"), [""; 0]);
    }

    /// Two users with different directories of one backend.
    #[test]
    fn keep_users_apart() {
        let setup = Setup::new(
            "
backends:
  disk: { kind: local, root: '{folder}/files' }
users:
  - { name: one, password: one, plain: true, backend: disk, path: one }
  - { name: two, password: two, plain: true, backend: disk, path: two }
",
        );
        for name in ["one", "two"] {
            fs::create_dir(setup.files().join(name)).unwrap();
        }
        let server = setup.start();
        let mut one = server.login_as("one", "one");
        one.store("file", b"of one");
        let mut two = server.login_as("two", "two");
        assert_eq!(two.names(""), [""; 0]);
        two.expect("SIZE ../one/file", 550);
        two.expect("SIZE /one/file", 550);
        two.store("file", b"of two");
        assert_eq!(one.retrieve("file"), b"of one");
    }
}
