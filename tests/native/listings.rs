//! LIST, NLST, MLSD and STAT: flags, patterns, and directories that are large.

use std::fs;
use std::time::{Duration, SystemTime};

use crate::support::{Client, Program, Setup};

/// `a.txt`, `b.txt`, `c.bin`, `[d].txt`, `-x`, `sub/one.txt`, `sub dir/two.txt`.
fn prepared() -> Setup {
    let setup = Setup::local().tls("optional");
    let files = setup.files();
    for directory in ["sub", "sub dir"] {
        fs::create_dir(files.join(directory)).unwrap();
    }
    for name in ["a.txt", "b.txt", "c.bin", "[d].txt", "-x", "sub/one.txt", "sub dir/two.txt"] {
        fs::write(files.join(name), name).unwrap();
    }
    setup
}

/// What NLST shows, sorted.
fn names(client: &mut Client, argument: &str) -> Vec<String> {
    let listing = String::from_utf8(client.fetch(&format!("NLST {argument}"))).unwrap();
    assert!(listing.is_empty() || listing.ends_with("\r\n"), "{listing:?}");
    let mut names: Vec<String> = listing.split_terminator("\r\n").map(str::to_owned).collect();
    names.sort();
    names
}

const ALL: [&str; 7] = ["-x", "[d].txt", "a.txt", "b.txt", "c.bin", "sub", "sub dir"];

/// Clients send what they would give to `ls`.
#[test]
fn flags_are_left_out_of_account() {
    let setup = prepared();
    let server = setup.start();
    let mut client = server.login();
    for argument in ["", "-a", "-la", "-CF", "-l -a", "-R", "."] {
        assert_eq!(names(&mut client, argument), ALL, "NLST {argument}");
        let listing = String::from_utf8(client.fetch(&format!("LIST {argument}"))).unwrap();
        assert_eq!(listing.lines().count(), 7, "LIST {argument}: {listing}");
    }
    for argument in ["-la sub", "-R sub/", "-CF /sub", "-1 -a ./sub"] {
        let listing = String::from_utf8(client.fetch(&format!("LIST {argument}"))).unwrap();
        assert!(
            listing.ends_with(" one.txt\r\n") && listing.lines().count() == 1,
            "LIST {argument}: {listing}"
        );
    }
    assert_eq!(names(&mut client, "-a sub dir"), ["sub dir/two.txt"]);
}

/// A blank or `-` in front may belong to the name; what clients send by themselves does not.
#[test]
fn names_that_look_like_flags_are_names() {
    let setup = prepared();
    for directory in [" lead", "-report", "--draft", "-la", "-e  -x"] {
        fs::create_dir(setup.files().join(directory)).unwrap();
        fs::write(setup.files().join(directory).join("inside"), directory).unwrap();
    }
    fs::write(setup.files().join(" a.txt"), "blank").unwrap();
    let server = setup.start();
    let mut client = server.login();
    let all = client.fetch("LIST").len();
    for said in [
        " lead",
        "-report",
        "--draft",
        "-e  -x",
        "-la -report",
        "-a  lead",
        "--full-time  lead",
        "-- -la",
        "./-la",
    ] {
        let listing = String::from_utf8(client.fetch(&format!("LIST {said}"))).unwrap();
        assert!(listing.ends_with(" inside\r\n") && listing.lines().count() == 1, "LIST {said}: {listing}");
        let status = client.expect(&format!("STAT {said}"), 213).text();
        assert!(status.contains(" inside") && !status.contains("b.txt"), "STAT {said}: {status}");
        let listed = names(&mut client, said);
        assert!(listed.len() == 1 && listed[0].ends_with("/inside"), "NLST {said}: {listed:?}");
        assert!(!client.retrieve(&listed[0]).is_empty(), "{listed:?}");
    }
    assert_eq!(names(&mut client, " a.txt"), [" a.txt"]);
    assert_eq!(names(&mut client, "-x"), ["-x"]);
    assert_eq!(names(&mut client, " b.txt"), ["b.txt"]);
    assert_eq!(names(&mut client, " sub"), ["sub/one.txt"]);
    assert_eq!(names(&mut client, "  -la  *.bin"), ["c.bin"]);
    // Of a name that is not there the flags are left.
    for said in [
        "-la",
        " -la",
        "--full-time",
        "-l --full-time --time-style=long-iso",
        "--color=never .",
        "-Z",
        "--dired",
    ] {
        assert_eq!(client.fetch(&format!("LIST {said}")).len(), all, "LIST {said}");
    }
    for said in ["-la missing", "--full-time missing", "-Z missing", " missing", "-a  missing"] {
        let (_, reply) = client.try_fetch(&format!("LIST {said}"));
        assert_eq!(
            (reply.code, reply.text().contains("missing: not found")),
            (550, true),
            "{said}: {reply:?}"
        );
    }
    // What a line ends in is no part of the name.
    for end in ["\r\n", "\n", "\r\r\n", "\r\r\r\r\n"] {
        client.send_raw(format!("CWD sub dir{end}").as_bytes());
        client.expect_reply(250);
        client.send_raw(format!("SIZE two.txt{end}").as_bytes());
        client.expect_reply(213);
        client.send_raw(format!("CWD /{end}").as_bytes());
        client.expect_reply(250);
    }
}

/// RFC 1123, section 4.1.2.7: what NLST shows is a name for RETR.
#[test]
fn nlst_shows_names_that_can_be_asked_for() {
    let setup = prepared();
    let server = setup.start();
    let mut client = server.login();
    for argument in ["sub", "/sub", "sub/../sub", "sub dir/", "*.txt", "a.txt"] {
        let found = names(&mut client, argument);
        assert!(!found.is_empty(), "{argument}");
        for name in found {
            assert!(!client.retrieve(&name).is_empty(), "{argument}: {name}");
        }
    }
    client.expect("CWD sub", 250);
    assert_eq!(names(&mut client, ""), ["one.txt"]);
    assert_eq!(
        names(&mut client, ".."),
        ["../-x", "../[d].txt", "../a.txt", "../b.txt", "../c.bin", "../sub", "../sub dir"]
    );
}

#[test]
fn patterns_choose_names_of_one_directory() {
    let setup = prepared();
    let server = setup.start();
    let mut client = server.login();
    assert_eq!(names(&mut client, "*.txt"), ["[d].txt", "a.txt", "b.txt"]);
    assert_eq!(names(&mut client, "?.txt"), ["a.txt", "b.txt"]);
    assert_eq!(names(&mut client, "[ac].*"), ["a.txt", "c.bin"]);
    assert_eq!(names(&mut client, "[!a].txt"), ["b.txt"]);
    assert_eq!(names(&mut client, "*"), ALL);
    assert_eq!(names(&mut client, "sub/*"), ["sub/one.txt"]);
    assert_eq!(names(&mut client, "/sub*"), ["/sub", "/sub dir"]);
    assert_eq!(names(&mut client, "none*"), [""; 0]);
    assert_eq!(names(&mut client, "{a,c}.*"), ["a.txt", "c.bin"]);
    assert_eq!(names(&mut client, "sub/*.{txt,bin}"), ["sub/one.txt"]);
    // A name may look like a pattern.
    assert_eq!(names(&mut client, "[d].txt"), ["[d].txt"]);
    let listing = String::from_utf8(client.fetch("LIST -l *.bin")).unwrap();
    assert!(listing.ends_with(" c.bin\r\n") && listing.lines().count() == 1, "{listing}");
    let status = client.expect("STAT *.bin", 213).text();
    assert!(status.contains(" c.bin") && !status.contains("a.txt"), "{status}");
    let (_, reply) = client.try_fetch("NLST missing/*");
    assert_eq!(reply.code, 550, "{reply:?}");
}

/// In lines that can't be taken for the end, all of them, and the connection is the same after it.
#[test]
fn stat_lists_5000_entries() {
    let setup = prepared();
    let folder = setup.files().join("many");
    fs::create_dir(&folder).unwrap();
    for number in 0..5000 {
        fs::write(folder.join(format!("213 {number}")), b"").unwrap();
    }
    let server = setup.start();
    for encrypted in [false, true] {
        let mut client = if encrypted { server.connect_tls() } else { server.connect() };
        client.login("demo", "demo");
        let reply = client.expect("STAT many", 213);
        assert_eq!(reply.lines.len(), 5002);
        let inner = &reply.lines[1..5001];
        assert!(inner.iter().all(|line| line.starts_with(" -r")), "{inner:?}");
        client.expect("NOOP", 200);
        assert_eq!(client.names("many").len(), 5000);
        assert_eq!(names(&mut client, "many").len(), 5000);
    }
}

/// RFC 3659, section 7: the facts that were asked for, and no others.
#[test]
fn mlsd_shows_the_facts_that_are_wanted() {
    let setup = prepared();
    let server = setup.start();
    let mut client = server.login();
    let all = String::from_utf8(client.fetch("MLSD sub")).unwrap();
    for fact in ["type=file;", "size=11;", "modify=2", "perm=", "unique=", "UNIX.mode=0644;"] {
        assert!(all.contains(fact), "{fact}: {all}");
    }
    client.expect("OPTS MLST size;", 200);
    assert_eq!(client.fetch("MLSD sub"), b"size=11; one.txt\r\n");
    client.expect("OPTS MLST", 200);
    assert_eq!(client.fetch("MLSD sub"), b" one.txt\r\n");
}

/// An entry is the same in both, so that a client knows a file again (RFC 3659, section 7.5.2).
#[test]
fn mlst_and_mlsd_agree() {
    let setup = prepared();
    let server = setup.start();
    let mut client = server.login();
    let listed = String::from_utf8(client.fetch("MLSD sub")).unwrap();
    let told = client.expect("MLST sub/one.txt", 250).lines[1].clone();
    let facts = |line: &str| line.trim_start().split_once(' ').unwrap().0.to_owned();
    assert_eq!(facts(listed.trim_end()), facts(&told));
    let root = String::from_utf8(client.fetch("MLSD")).unwrap();
    let line = root.lines().find(|line| line.ends_with(" a.txt")).unwrap().to_owned();
    assert_eq!(facts(&line), facts(&client.expect("MLST a.txt", 250).lines[1]));
}

/// A client that looks at `perm` before it stores would not try where another mount stands.
#[test]
fn a_mount_is_listed_with_its_own_permissions() {
    let setup = Setup::new(
        "
backends: { root: { kind: memory }, drop: { kind: memory } }
users:
  - name: demo
    password: demo
    plain: true
    backend: root
    permissions: read-only
    mounts: [{ at: /in/drop, backend: drop, permissions: upload-only }]
",
    );
    let server = setup.start();
    let mut client = server.login();
    let facts = |listing: Vec<u8>| String::from_utf8(listing).unwrap();
    let way = facts(client.fetch("MLSD /"));
    assert!(way.contains("perm=el;") && way.contains("UNIX.mode=0555; in\r\n"), "{way}");
    let mount = facts(client.fetch("MLSD /in"));
    assert!(mount.contains("perm=celm;") && mount.contains("UNIX.mode=0755; drop\r\n"), "{mount}");
    assert!(facts(client.fetch("LIST /in")).starts_with("drwxr-xr-x "));
}

/// As `ls` has them, whatever the storage lists in: the newest first, the largest first, reversed.
#[test]
fn flags_order() {
    for setup in [Setup::local(), Setup::memory()] {
        let server = setup.start();
        let mut client = server.login();
        for (name, content, time) in
            [("a", "123", "20200101000000"), ("b", "1", "20220101000000"), ("c", "12", "20210101000000")]
        {
            client.store(name, content.as_bytes());
            client.expect(&format!("MFMT {time} {name}"), 213);
        }
        let names = |client: &mut Client, command: &str| {
            let listing = String::from_utf8(client.fetch(command)).unwrap();
            listing.lines().map(|line| line.chars().next_back().unwrap()).collect::<String>()
        };
        for (flags, order) in
            [("-la", "abc"), ("-r", "cba"), ("-t", "bca"), ("-ltr", "acb"), ("-S", "acb"), ("-l -rS", "bca")]
        {
            assert_eq!(names(&mut client, &format!("LIST {flags}")), order, "{flags}");
            assert_eq!(names(&mut client, &format!("NLST {flags} /")), order, "{flags}");
        }
        let told = client.expect("STAT -t .", 213);
        let told: String = told.lines[1..4].iter().map(|line| line.chars().next_back().unwrap()).collect();
        assert_eq!(told, "bca");
    }
}

/// Lines of LIST and STAT name no zone: programs take the times for those of some clock, which the operator knows.
#[test]
fn times_are_shown_in_the_zone_of_the_configuration() {
    let setup = Setup::new(
        "
backends:
  disk: { kind: local, root: '{folder}/files' }
users:
  - { name: demo, password: demo, plain: true, backend: disk }
  - { name: berlin, password: berlin, plain: true, backend: disk, listing_time: Europe/Berlin }
  - { name: utc, password: utc, plain: true, backend: disk, listing_time: utc }
  - { name: local, password: local, plain: true, backend: disk, listing_time: local }
",
    )
    .server("listing_time: Asia/Kolkata")
    .environment("TZ", "America/New_York");
    let written = fs::File::create(setup.files().join("new-year")).unwrap();
    // 2020-12-31 23:30 in UTC.
    written.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_609_457_400)).unwrap();
    let recent = fs::File::create(setup.files().join("recent")).unwrap();
    let at = SystemTime::now() - Duration::from_secs(30 * 24 * 3600);
    recent.set_modified(at).unwrap();
    let server = setup.start();
    for (user, zone, day) in [
        ("demo", "Asia/Kolkata", "Jan  1  2021"),
        ("berlin", "Europe/Berlin", "Jan  1  2021"),
        ("utc", "UTC", "Dec 31  2020"),
        ("local", "America/New_York", "Dec 31  2020"),
    ] {
        let mut client = server.login_as(user, user);
        let listing = String::from_utf8(client.fetch("LIST")).unwrap();
        assert!(listing.contains(&format!(" {day} new-year\r\n")), "{user}: {listing}");
        // As the system's own program has it.
        let seconds = at.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let clock = Program::new("date", setup.folder())
            .env("TZ", zone)
            .env("LC_ALL", "C")
            .args(["-d", &format!("@{seconds}"), "+%b %e %H:%M"])
            .run();
        assert!(listing.contains(&format!(" {} recent\r\n", clock.trim_end())), "{user}: {listing} {clock}");
        let status = client.command("STAT new-year").text();
        assert!(status.contains(&format!(" {day} new-year")), "{user}: {status}");
        // RFC 3659, section 2.3.
        assert_eq!(client.expect("MDTM new-year", 213).text(), "213 20201231233000");
        let facts = String::from_utf8(client.fetch("MLSD")).unwrap();
        assert!(facts.contains("modify=20201231233000;"), "{user}: {facts}");
    }
}
