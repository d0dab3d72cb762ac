//! pure-ftpd as Debian configures it, with users of pure-pw.

use std::fs;
use std::os::unix::fs::symlink;

use super::everyday::{ANONYMOUS, AT_HOME, home};
use super::machine::{Machine, SERVERS};
use super::script::{Known, compare};
use crate::support::{Program, installed};

const OPTIONS: &[(&str, &str)] = &[
    ("ChrootEveryone", "yes"),
    ("DontResolve", "yes"),
    ("FSCharset", "UTF-8"),
    ("KeepAllFiles", "yes"),
    ("MaxClientsNumber", "20"),
    ("MinUID", "1000"),
    ("NoAnonymous", "# Everybody may fetch.\nno"),
    ("NoChmod", "yes"),
    ("PAMAuthentication", "no"),
    ("PerUserLimits", "4 8"),
    ("ProhibitDotFilesWrite", "yes"),
    ("PureDB", "/etc/pure-ftpd/pureftpd.pdb"),
    ("Umask", "137 027"),
    ("UnixAuthentication", "no"),
];

const DOTS: &str = "ProhibitDotFilesWrite: a comment says that files with such names may get others";

/// Users as pure-pw writes them: one with a quota, one with a number that is too low, one from elsewhere, one at another address.
fn with_pure_pw(machine: &Machine) {
    let folder = machine.path("old/etc/pure-ftpd");
    let pure_pw = || installed("servers/pure-ftpd/usr/bin/pure-pw", &folder);
    let anna =
        ["useradd", "anna", "-f", "pureftpd.passwd", "-u", "4001", "-g", "4001", "-d", "/srv/homes/anna"];
    pure_pw().args(anna).input("correct\ncorrect\n").run();
    // Its own hashes take seconds, and have a test already: pure-ftpd takes those of the system, too.
    let file = folder.join("pureftpd.passwd");
    let line = fs::read_to_string(&file).unwrap();
    let [name, _, rest] = line.splitn(3, ':').collect::<Vec<_>>().try_into().unwrap();
    let hash = super::HASH;
    let of = |user: &str, id: &str| format!("{user}:{hash}:{rest}").replace(name, user).replace("4001", id);
    let users = [("anna", "4001"), ("bob", "4002"), ("carl", "403"), ("dora", "4004"), ("emil", "4005")];
    fs::write(&file, users.map(|(user, id)| of(user, id)).concat()).unwrap();
    for (user, more) in [
        ("bob", &["-n", "3", "-N", "1"][..]),
        ("dora", &["-r", "192.0.2.0/24"]),
        ("emil", &["-i", "192.0.2.1"]),
    ] {
        pure_pw().args(["usermod", user, "-f", "pureftpd.passwd"]).args(more.iter().copied()).run();
    }
    pure_pw().args(["mkdb", "pureftpd.pdb", "-f", "pureftpd.passwd"]).run();
}

#[test]
fn users_of_pure_pw_with_a_quota() {
    let Some(machine) = Machine::new() else { return };
    let mut files = vec![("homes/".to_owned(), 0o755, 0, "")];
    for (name, owner) in [("anna", 4001), ("carl", 403), ("dora", 4004), ("emil", 4005)] {
        files.extend(home(name, owner));
    }
    files.extend([
        ("homes/bob/".to_owned(), 0o755, 4002, ""),
        ("ftp/".to_owned(), 0o755, 0, ""),
        ("ftp/readme".to_owned(), 0o644, 0, "for all"),
        ("ftp/incoming/".to_owned(), 0o755, 4000, ""),
        ("ftp/incoming/old".to_owned(), 0o644, 4000, "what somebody left"),
    ]);
    machine.srv(&files);
    machine.etc("passwd", super::PASSWD);
    for folder in ["conf", "auth"] {
        fs::create_dir_all(machine.path("old/etc/pure-ftpd").join(folder)).unwrap();
    }
    with_pure_pw(&machine);
    for (name, value) in OPTIONS {
        machine.etc(&format!("pure-ftpd/conf/{name}"), &format!("{value}\n"));
    }
    symlink("../conf/PureDB", machine.path("old/etc/pure-ftpd/auth/50pure")).unwrap();
    let other = machine.start("Pure-FTPd", |port| {
        machine.etc("pure-ftpd/conf/Bind", &format!("127.0.0.1,{port}\n"));
        // Debian's program makes options of the files.
        let package = format!("{SERVERS}/pure-ftpd/usr/sbin");
        let run = format!(
            "exec {package}/pure-ftpd $(perl {package}/pure-ftpd-wrapper --show-options) -g /etc/run/pid"
        );
        ["sh", "-c", &run].map(str::to_owned).to_vec()
    });
    let yaml =
        machine.import("pure-ftpd", &["/etc/pure-ftpd/conf", "/etc/pure-ftpd/pureftpd.pdb", "/etc/passwd"]);
    assert!(yaml.contains("limits: { sessions: 20, sessions_per_user: 4 }"), "{yaml}");
    assert!(yaml.contains("files that have one may be renamed"), "{yaml}");
    let setup = machine.wharf(&yaml);
    let wharf = setup.start();
    let servers = [other.address, wharf.address];
    let mirrored = servers.map(|server| mirror(&machine, server.port()));
    assert!(mirrored[0].contains("tree/deep/two"), "{}", mirrored[0]);
    assert_eq!(mirrored[0], mirrored[1]);
    let script = format!(
        "login anna wrong
         login carl correct
         login dora correct
         login emil correct
         login bob correct
         put a text
         put b text
         put c text
         put d text
         get a
         login anna correct
         {AT_HOME}
         {ANONYMOUS}
         add new more
         get new
         DELE new
         MKD folder
         RNFR new
         SITE CHMOD 666 new
         CWD ..
         PWD"
    );
    let anna = |line: &str, old, new, why| (format!("anna correct: {line}"), old, new, why);
    let nothing = "it changes nothing, as the tree shows";
    let known: Vec<Known> = vec![
        anna("RMD deep", "yes", "no", "KeepAllFiles lets remove empty directories; here that takes `delete`"),
        anna("SITE CHMOD 600 file", "no", "yes", nothing),
        ("anonymous me: SITE CHMOD 666 new".to_owned(), "no", "yes", nothing),
        anna("RNFR .hidden", "no", "yes", DOTS),
        anna("RNTO shown", "no", "yes", DOTS),
        ("/srv/homes/anna/.hidden".to_owned(), "file 0644 \".\"", "nothing", DOTS),
        ("/srv/homes/anna/shown".to_owned(), "nothing", "file 0644 \".\"", DOTS),
        anna("SITE CHMOD 711 folder", "no", "yes", nothing),
        ("/srv/homes/anna/deep".to_owned(), "nothing", "directory 0750", "it was not removed"),
        (
            "/srv/homes/bob/.ftpquota".to_owned(),
            "file 0600 \"3 12\\n\"",
            "nothing",
            "pure-ftpd counts in a file",
        ),
        (
            "/srv/homes/bob/d".to_owned(),
            "file 0640 \"\"",
            "nothing",
            "pure-ftpd leaves an empty file of a refused upload",
        ),
    ];
    compare(&machine, servers, None, &script, 100, &known);
}

/// lftp sends a tree, fetches it again, and lists it; what it shows.
fn mirror(machine: &Machine, port: u16) -> String {
    let folder = machine.path(&format!("lftp-{port}"));
    fs::create_dir_all(folder.join("tree/deep")).unwrap();
    fs::write(folder.join("tree/one"), "1").unwrap();
    fs::write(folder.join("tree/deep/two"), "22").unwrap();
    let script = format!(
        "set cmd:fail-exit yes; set net:max-retries 2; set ftp:ssl-allow no; open -u anna,correct ftp://127.0.0.1:{port}\n\
         mirror -R --no-perms tree tree\nfind tree\nmirror --no-perms tree back\n!cat back/one back/deep/two"
    );
    Program::new("lftp", &folder).args(["--norc", "-c", &script]).run()
}

/// Users of the system: rules of PAM refuse shells and names.
#[test]
fn users_of_the_system_whom_pam_refuses() {
    let Some(machine) = Machine::new() else { return };
    let mut files = vec![("homes/".to_owned(), 0o755, 0, "")];
    for (name, owner) in [("anna", 4001), ("bob", 4002), ("carl", 4003), ("dora", 4004)] {
        files.extend(home(name, owner));
    }
    machine.srv(&files);
    machine.etc("passwd", super::PASSWD);
    machine.etc("shadow", &super::shadow());
    machine.etc("ftpusers", "root\nbob\n");
    machine.etc("refused", "carl\n");
    let rules = fs::read_to_string(machine.path("old/etc/pam.d/vsftpd")).unwrap();
    let more = "auth required pam_listfile.so item=user sense=deny file=/etc/refused onerr=fail\n";
    machine.etc("pam.d/pure-ftpd", &format!("{more}{rules}"));
    for (name, value) in [
        ("ChrootEveryone", "yes"),
        ("MinUID", "1000"),
        ("NoAnonymous", "yes"),
        ("PAMAuthentication", "yes"),
        ("UnixAuthentication", "no"),
    ] {
        machine.etc(&format!("pure-ftpd/conf/{name}"), &format!("{value}\n"));
    }
    let other = machine.start("Pure-FTPd", |port| {
        let program = format!("{SERVERS}/pure-ftpd/usr/sbin/pure-ftpd");
        let bind = format!("127.0.0.1,{port}");
        [&program, "-S", &bind, "-l", "pam", "-E", "-A", "-u", "1000", "-g", "/etc/run/pid"]
            .map(str::to_owned)
            .to_vec()
    });
    let yaml = machine.import("pure-ftpd", &["/etc/pure-ftpd/conf", "/etc/passwd", "/etc/shadow"]);
    let setup = machine.wharf(&yaml);
    let wharf = setup.start();
    let script = "
        login anna wrong
        login bob correct
        login carl correct
        login dora correct
        login anna correct
        get file
    ";
    compare(&machine, [other.address, wharf.address], None, script, 10, &[]);
}
