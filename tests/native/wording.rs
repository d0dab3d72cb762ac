//! Words of replies that clients look for: by these they tell one failure from others of the same code.

use std::fs;

use crate::support::{Program, Setup, Way, curl, lftp};

fn files() -> Setup {
    let setup = Setup::new(
        "
backends:
  disk: { kind: local, root: '{folder}/files' }
users:
  - { name: demo, password: demo, plain: true, backend: disk, permissions: full }
  - { name: reader, password: reader, plain: true, backend: disk, permissions: [download] }
",
    );
    fs::create_dir_all(setup.files().join("d")).unwrap();
    fs::write(setup.files().join("file"), b"12345").unwrap();
    setup
}

/// What is looked for, in lower case, and who does.
#[test]
fn replies_have_the_words_that_clients_look_for() {
    let setup = files();
    let server = setup.start();
    let mut client = server.login();
    for (commands, code, words) in [
        // FluentFTP, before it asks again with TYPE I.
        (&["TYPE A", "SIZE file"][..], 550, "size not allowed in ascii"),
        // FluentFTP, and who copied its list.
        (&["TYPE I", "SIZE missing"], 550, "not found"),
        (&["RETR missing"], 550, "not found"),
        (&["DELE missing"], 550, "not found"),
        (&["MDTM missing"], 550, "not found"),
        (&["MKD d"], 550, "directory already exist"),
        (&["RMD missing"], 550, "not found"),
    ] {
        let (last, before) = commands.split_last().unwrap();
        for command in before {
            client.expect(command, 200);
        }
        let reply = match last.starts_with("RETR") {
            true => client.try_fetch(last).1,
            false => client.command(last),
        };
        assert_eq!(reply.code, code, "{last}");
        assert!(reply.text().to_ascii_lowercase().contains(words), "{last}: {reply:?}");
    }
    // A file that is in the way is no directory that exists.
    let reply = client.command("MKD file");
    assert!(reply.code == 550 && !reply.text().contains("directory already"), "{reply:?}");
}

/// Clients without SIZE take the first number in parentheses for it.
#[test]
fn a_number_in_a_name_is_no_size() {
    let setup = files();
    let server = setup.start();
    for (name, content) in [("a (5 bytes).txt", ""), ("12 bytes", "content"), ("(3 bytes)", "12345")] {
        fs::write(setup.files().join(name), content).unwrap();
        let mut client = server.login();
        let mut data = client.start_transfer(&format!("RETR {name}"));
        let opening = client.transcript();
        let line = opening.lines().last().unwrap();
        let told = line.split_once('(').unwrap().1.split_once(" bytes)").unwrap().0;
        assert_eq!(told, content.len().to_string(), "{line}");
        let mut found = String::new();
        std::io::Read::read_to_string(&mut data, &mut found).unwrap();
        assert_eq!(found, content);
        let url = format!("ftp://{}/{}", server.address, name.replace(' ', "%20"));
        for ignores_size in ["--ignore-content-length", "--silent"] {
            let got = curl(&server, Way::PLAIN, setup.folder()).args([ignores_size, "--globoff", &url]).run();
            assert_eq!(got, content, "{name} {ignores_size}");
        }
    }
}

/// Whoever may have a file may know how long and how old it is.
#[test]
fn who_may_download_may_ask_for_the_size() {
    let setup = files();
    let server = setup.start();
    let mut client = server.login_as("reader", "reader");
    client.expect("SIZE file", 213);
    client.expect("MDTM file", 213);
    client.expect("HASH file", 213);
    for closed in ["SIZE d", "MDTM d", "MLST file", "MLST", "HASH d"] {
        client.expect_any(closed, &[550, 501]);
    }
    for closed in ["LIST", "MLSD", "NLST"] {
        assert_eq!(client.try_fetch(closed).1.code, 550, "{closed}");
    }
    let url = format!("ftp://reader:reader@{}/file", server.address);
    assert_eq!(
        Program::new("curl", setup.folder()).args(["--disable", "--silent", "--fail", &url]).run(),
        "12345"
    );
    let got = lftp(&server, "reader", Way::PLAIN, setup.folder(), "cat file").run();
    assert_eq!(got, "12345");
}
