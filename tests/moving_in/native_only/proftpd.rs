//! ProFTPD with users of ftpasswd, limits by users, groups and directories, and an anonymous login.

use std::fs;

use super::everyday::{ANONYMOUS, AT_HOME, home};
use super::machine::{Machine, Other, SERVERS};
use super::script::{Known, compare};

/// Who there is, with the number of each.
const USERS: &[(&str, &str)] =
    &[("anna", "4001"), ("bob", "4002"), ("carl", "4003"), ("dora", "4004"), ("emil", "5001")];

const CONFIGURATION: &str = "
AuthOrder mod_auth_file.c
AuthUserFile /etc/proftpd/ftpd.passwd id 4000-4999
AuthGroupFile /etc/proftpd/ftpd.group
RequireValidShell off
DefaultRoot ~
Umask 027 022
AllowOverwrite on
<Limit LOGIN>
  DenyUser carl # who has left, and not dora
</Limit>
<Limit SITE_CHMOD>
  DenyAll
</Limit>
<Limit WRITE> # for a while
  # AllowAll \\
  DenyGroup readers # of the library
</Limit>
<Directory /srv/homes/*/locked>
  <Limit WRITE>
    DenyAll
  </Limit>
</Directory>
<IfDefine !OPEN>
  <IfUser dora>
    <Limit DELE RMD>
      DenyAll
    </Limit>
  </IfUser>
</IfDefine>
<Anonymous /srv/ftp>
  User ftp
  Group ftp
  UserAlias anonymous ftp
  <Limit WRITE>
    DenyAll
  </Limit>
  <Directory incoming>
    Umask 077
    <Limit READ WRITE>
      DenyAll
    </Limit>
    <Limit STOR>
      AllowAll
    </Limit>
  </Directory>
</Anonymous>
";

/// Users and groups as ftpasswd writes them, which wants homes to be there.
fn with_ftpasswd(machine: &Machine) {
    let ftpasswd = format!("{SERVERS}/proftpd/usr/sbin/ftpasswd");
    for (name, id) in USERS.iter().chain(&[("ftp", "4000")]) {
        let home = if *name == "ftp" { "/srv/ftp".to_owned() } else { format!("/srv/homes/{name}") };
        let of_all = ["--passwd", "--stdin", "--sha256", "--file", "/etc/proftpd/ftpd.passwd"];
        let of_user = ["--name", name, "--uid", id, "--gid", id, "--shell", "/bin/sh", "--home", &home];
        machine.run(&[&[ftpasswd.as_str()], &of_all[..], &of_user].concat(), "correct\n");
    }
    let group = [
        "--group",
        "--file",
        "/etc/proftpd/ftpd.group",
        "--name",
        "readers",
        "--gid",
        "4100",
        "--member",
        "bob",
    ];
    machine.run(&[&[ftpasswd.as_str()], &group[..]].concat(), "");
}

/// The other server, with a configuration and what the tests need.
fn start(machine: &Machine, configuration: &str) -> Other {
    machine.start("ProFTPD", |port| {
        let of_test = format!(
            "ModulePath {SERVERS}/proftpd/usr/lib/proftpd\nServerType standalone\nDefaultAddress 127.0.0.1\nPort {port}\nUseIPv6 off\n\
             User nobody\nGroup nogroup\nPidFile /etc/run/pid\nScoreboardFile /etc/run/scoreboard\nDelayEngine off\nTransferLog none\n\
             WtmpLog off\nLoadModule mod_ifsession.c\n"
        );
        machine.etc("proftpd/proftpd.conf", &format!("{of_test}{configuration}"));
        let program = format!("{SERVERS}/proftpd/usr/sbin/proftpd");
        [&program, "--nodaemon", "--config", "/etc/proftpd/proftpd.conf"].map(str::to_owned).to_vec()
    })
}

#[test]
fn users_of_files_with_limits() {
    let Some(machine) = Machine::new() else { return };
    let mut files = vec![("homes/".to_owned(), 0o755, 0, "")];
    for (name, id) in USERS {
        files.extend(home(name, id.parse().unwrap()));
    }
    files.extend([
        ("ftp/".to_owned(), 0o755, 0, ""),
        ("ftp/readme".to_owned(), 0o644, 0, "for all"),
        ("ftp/incoming/".to_owned(), 0o755, 4000, ""),
        ("ftp/incoming/old".to_owned(), 0o644, 4000, "what somebody left"),
    ]);
    machine.srv(&files);
    machine.etc("passwd", super::PASSWD);
    fs::create_dir(machine.path("old/etc/proftpd")).unwrap();
    with_ftpasswd(&machine);
    let other = start(&machine, CONFIGURATION);
    let yaml = machine.import("proftpd", &["/etc/proftpd/proftpd.conf"]);
    assert!(yaml.contains("who may overwrite may append and resume here"), "{yaml}");
    let setup = machine.wharf(&yaml);
    let wharf = setup.start();
    let script = format!(
        "login anna wrong
         login carl correct
         login emil correct
         login root correct
         login anna correct
         {AT_HOME}
         login bob correct
         {AT_HOME}
         login dora correct
         {AT_HOME}
         {ANONYMOUS}
         SIZE new
         get new
         DELE new
         MKD folder
         RNFR new
         SITE CHMOD 666 new
         put ../beside text
         CWD ..
         PWD"
    );
    const CHMOD: &str = "a comment says it: `overwrite` would permit SITE CHMOD, which is refused";
    let mut known: Vec<Known> = Vec::new();
    for who in ["anna", "dora"] {
        let mut at =
            |line: &str, old, new, why| known.push((format!("{who} correct: {line}"), old, new, why));
        let restart =
            "AllowStoreRestart is off, which a comment says: whoever may overwrite may change the end, too";
        at("add file more", "no", "yes", restart);
        at("put@2 file XY", "no", "yes", restart);
        at("get@0 file", "\"changed\"", "\"chXY\"", restart);
        let nothing = "it changes nothing, as the tree shows";
        at("SITE CHMOD 600 file", "no", "yes", nothing);
        at("SITE CHMOD 711 folder", "no", "yes", nothing);
    }
    known.push(("anonymous me: put new other".to_owned(), "yes", "no", CHMOD));
    known.push((
        "anonymous me: SIZE new".to_owned(),
        "no",
        "213 4",
        "whoever may list may ask for the size that a listing has, too",
    ));
    known.push(("/srv/ftp/incoming/new".to_owned(), "file 0600 \"other\"", "file 0600 \"text\"", CHMOD));
    compare(&machine, [other.address, wharf.address], None, &script, 230, &known);
}

/// Nobody gets in, or into a directory, whom the other server refuses there alone.
#[test]
fn what_one_login_and_one_directory_are_refused() {
    let Some(machine) = Machine::new() else { return };
    let mut files = vec![("homes/".to_owned(), 0o755, 0, "")];
    for (name, id) in USERS {
        files.extend(home(name, id.parse().unwrap()));
    }
    files.extend([
        ("homes/anna/pub/.ftpaccess".to_owned(), 0o644, 0, "<Limit ALL>\n  DenyAll\n</Limit>\n"),
        ("ftp/".to_owned(), 0o755, 0, ""),
        ("ftp/readme".to_owned(), 0o644, 0, "for all"),
    ]);
    machine.srv(&files);
    machine.etc("passwd", super::PASSWD);
    fs::create_dir(machine.path("old/etc/proftpd")).unwrap();
    with_ftpasswd(&machine);
    let refused = "  <Limit LOGIN>\n    DenyAll\n  </Limit>\n</Anonymous>";
    let other = start(&machine, &CONFIGURATION.replace("</Anonymous>", refused));
    let setup = machine.wharf(&machine.import("proftpd", &["/etc/proftpd/proftpd.conf"]));
    let wharf = setup.start();
    let script = "
        login anonymous me
        login anna correct
        get file
        put new text
        get pub/tool
        put pub/new text
        DELE pub/tool
        MKD pub/folder";
    compare(&machine, [other.address, wharf.address], None, script, 30, &[]);
}
