//! Words of replies that clients look for: by these they tell one failure from others of the same code.

use std::fs;

use crate::support::{Client, Program, Setup, Way, curl, lftp};

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
    // WinSCP, FileZilla and FluentFTP.
    assert_eq!(client.command("MKD d").text(), "550 Directory already exists");
    // A file that is in the way is no directory that exists.
    let reply = client.command("MKD file");
    assert!(reply.code == 550 && !reply.text().contains("directory already"), "{reply:?}");
}

/// Clients without SIZE take a number of the 150 line for it: curl and wget the first, lftp, ftplib and KDE the last, Java and .NET
/// the one in these very words.
#[test]
fn a_number_in_a_name_is_no_size() {
    let setup = files();
    fs::create_dir(setup.files().join("d (9 bytes)")).unwrap();
    let server = setup.start();
    let names = [
        ("a (5 bytes).txt", ""),
        ("12 bytes", "content"),
        ("(3 bytes)", "12345"),
        ("copy (1).txt", "1234567"),
    ];
    for (name, content) in names {
        fs::write(setup.files().join("d (9 bytes)").join(name), content).unwrap();
        let mut client = server.login();
        client.expect("CWD d (9 bytes)", 250);
        let mut data = client.start_transfer(&format!("RETR {name}"));
        let opening = client.transcript();
        let line = opening.lines().last().unwrap();
        let size = content.len();
        assert!(
            line.ends_with(&format!("150 Opening BINARY mode data connection ({size} bytes).")),
            "{line}"
        );
        let mut found = String::new();
        std::io::Read::read_to_string(&mut data, &mut found).unwrap();
        assert_eq!(found, content);
        client.expect_reply(226);
        // Of text it is not known.
        client.expect("TYPE A", 200);
        for command in [&format!("RETR {name}"), "LIST", "NLST", "MLSD"] {
            drop(client.start_transfer(command));
            let opening = client.transcript();
            let line = opening.lines().last().unwrap();
            assert!(line.contains("150 ") && !line.contains('('), "{line}");
            assert!(matches!(client.reply().code, 226 | 426));
        }
        let url = format!("ftp://{}/d%20(9%20bytes)/{}", server.address, name.replace(' ', "%20"));
        for ignores_size in ["--ignore-content-length", "--silent"] {
            let got = curl(&server, Way::PLAIN, setup.folder()).args([ignores_size, "--globoff", &url]).run();
            assert_eq!(got, content, "{name} {ignores_size}");
        }
        // What urllib gets less than that is an error of its own.
        let script = "import sys, urllib.request; print(urllib.request.urlretrieve(sys.argv[1], 'got')[0])";
        let url = format!("ftp://demo:demo@{}/d%20(9%20bytes)/{}", server.address, name.replace(' ', "%20"));
        for form in ["", ";type=a"] {
            Program::new("python3", setup.folder()).args(["-c", script, &format!("{url}{form}")]).run();
            assert_eq!(fs::read_to_string(setup.folder().join("got")).unwrap(), content, "{name}{form}");
        }
    }
}

/// In a refusal lftp takes these for a failure that passes, and tries again a thousand times.
#[test]
fn words_in_the_names_of_directories_are_no_reason_to_try_again() {
    let setup = files();
    let words = ["Too many cooks", "timed out", "Broken pipe", "closed by the remote host"];
    for name in words {
        fs::create_dir_all(setup.files().join(name).join("d")).unwrap();
    }
    let server = setup.start();
    for name in words {
        let mut client = server.login();
        client.expect(&format!("CWD {name}"), 250);
        for command in [
            "RETR missing",
            "DELE missing",
            "RMD missing",
            "RNFR missing",
            "CWD missing",
            "MKD d",
            "SIZE missing",
            "SIZE d",
            "MDTM missing",
            "MLST missing",
            "STAT missing",
            "NLST missing",
            "STOR d",
            "APPE d",
            "HASH missing",
            "SITE CHMOD 644 missing",
            "MFMT 20200101000000 missing",
            "MLSD missing",
            "XCRC missing",
            "AVBL missing",
        ] {
            let reply = match command.split(' ').next() {
                Some("RETR" | "NLST" | "MLSD") => client.try_fetch(command).1,
                Some("STOR" | "APPE") => client.try_store(command, b"1"),
                _ => client.command(command),
            };
            assert!((500..600).contains(&reply.code), "{command}: {reply:?}");
            assert!(!reply.text().contains(name), "{command}: {reply:?}");
        }
        // Of the directory itself, without saying its name.
        fs::remove_dir_all(setup.files().join(name)).unwrap();
        for command in ["LIST", "NLST", "MLSD", "MLST", "CWD .", "STAT ."] {
            let reply = match command {
                "LIST" | "NLST" | "MLSD" => client.try_fetch(command).1,
                _ => client.command(command),
            };
            assert!(reply.code == 550 && !reply.text().contains(name), "{command}: {reply:?}");
        }
        fs::create_dir(setup.files().join(name)).unwrap();
        let script = format!("cd \"{name}\" && get missing");
        let ended = lftp(&server, "demo", Way::PLAIN, setup.folder(), &script).output();
        assert!(ended.stderr.contains("Access failed: 550 missing: not found"), "{}", ended.stderr);
        assert_ne!(ended.status, 0);
    }
}

/// What clients look for in other replies, by their sources: lftp, ftplib's users, wget, .NET, Firefox, aria2, gvfs, ncftp.
#[test]
fn other_replies_have_the_form_that_clients_read() {
    let setup = files();
    let server = setup.start();
    let mut client = server.login();
    client.expect("TYPE I", 200);
    let complete = client.try_store("STOR other", b"123");
    assert!(
        complete.text().starts_with("226 Transfer complete") && !complete.text().contains('('),
        "{complete:?}"
    );
    assert_eq!(client.command("SYST").text(), "215 UNIX Type: L8");
    let pasv = client.command("PASV").text();
    let numbers = pasv.strip_prefix("227 Entering Passive Mode (").unwrap().strip_suffix(").").unwrap();
    assert!(
        numbers.split(',').all(|number| number.parse::<u8>().is_ok()) && numbers.split(',').count() == 6,
        "{pasv}"
    );
    let epsv = client.command("EPSV").text();
    assert!(epsv.starts_with("229 ") && epsv.contains("(|||") && epsv.ends_with("|)"), "{epsv}");
    let digits = |text: &str| {
        text.strip_prefix("213 ").is_some_and(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
    };
    assert!(digits(&client.command("SIZE file").text()) && digits(&client.command("AVBL").text()));
    let time = client.command("MDTM file").text();
    assert!(digits(&time) && time.len() == "213 ".len() + 14, "{time}");
    for (command, text) in [("PWD", "257 \"/\" "), ("MKD new", "257 \"/new\" ")] {
        let reply = client.command(command).text();
        assert!(reply.starts_with(text) && reply.matches('"').count() == 2, "{reply}");
    }
    assert!(client.command("HELP SITE").text().lines().all(|line| !line.contains("BUFS")));
    assert!(client.command("SITE HELP").text().lines().any(|line| line.trim() == "CHMOD"));
    let status = client.command("STAT d").text();
    assert!(status.starts_with("213-Stat") && status.ends_with("213 End."), "{status}");
    let features = client.command("FEAT").text();
    for line in [" UTF8", " MDTM", " SIZE", " EPSV", " EPRT", " TVFS", " MFMT", " HOST", " REST STREAM"] {
        assert!(features.lines().any(|known| known == line), "{line}: {features}");
    }
    for word in ["PRET", "CPSV", "SSCN", "CEPR", "SITE SYMLINK", "SITE MKDIR", "SITE COPY"] {
        assert!(!features.contains(word), "{word}: {features}");
    }
    assert!(features.lines().all(|line| line != " MFF"), "{features}");
}

/// lftp goes on trying to log in where it finds these, and lowers its own limit where it finds others.
#[test]
fn refused_logins_say_whether_they_pass() {
    let passes = [
        "too many",
        "overloaded",
        "try later",
        "try again later",
        "try back later",
        "is restricted to",
        "maximum number",
        "number of connect",
        "more connection",
        "already connected",
        "simultaneous login",
        "login incorrect",
    ];
    let says_so = |text: &str| passes.iter().any(|words| text.to_ascii_lowercase().contains(words));
    let setup = files().server("limits: { sessions_per_user: 1, sessions_per_ip: 4 }");
    let server = setup.start();
    let _first = server.login();
    for (user, password, passes) in [
        ("demo", "wrong", false),
        ("nobody", "x", false),
        ("anonymous", "a@b", false),
        ("demo", "demo", true),
    ] {
        let mut client = server.connect();
        let asked = client.expect(&format!("USER {user}"), 331).text().to_ascii_lowercase();
        assert!(
            ["s/key", "opiekey", "otp-md5", "encrypt challenge"].iter().all(|word| !asked.contains(word)),
            "{asked}"
        );
        let reply = client.expect(&format!("PASS {password}"), 530).text();
        assert_eq!(says_so(&reply), passes, "{user}: {reply}");
    }
    let _others: Vec<_> = (0..3).map(|_| server.connect()).collect();
    let refused = Client::connect(server.address).expect_reply(421).text().to_ascii_lowercase();
    assert!(
        !refused.contains("too many connections") && !refused.contains("no more connections"),
        "{refused}"
    );
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
