//! vsftpd: for everybody, for users of the system, and for those with TLS.

use std::fs;

use super::everyday::{AT_HOME, home};
use super::machine::{Machine, Other, SERVERS};
use super::script::{Known, compare};
use super::{PASSWD, shadow};
use crate::support::Certificates;

const KEEPS_THE_REST: &str = "vsftpd leaves what is behind the resumed part; Wharf's upload ends the file";

/// vsftpd with these options, at a port.
fn vsftpd(machine: &Machine, options: &str) -> Other {
    machine.etc("passwd", PASSWD);
    machine.etc("shadow", &shadow());
    machine.start("(vsFTPd", |port| {
        let of_test = format!("listen_address=127.0.0.1\nlisten_port={port}\nsecure_chroot_dir=/etc/empty\n");
        machine.etc("vsftpd.conf", &format!("listen=YES\nbackground=NO\n{of_test}{options}"));
        vec![format!("{SERVERS}/vsftpd/usr/sbin/vsftpd"), "/etc/vsftpd.conf".to_owned()]
    })
}

fn import(machine: &Machine) -> String {
    machine.import("vsftpd", &["/etc/vsftpd.conf", "/etc/passwd", "/etc/shadow"])
}

/// Everybody may fetch, and leave files in one directory, which nobody can fetch from there.
#[test]
fn anonymous_with_a_directory_for_uploads() {
    let Some(machine) = Machine::new() else { return };
    machine.srv(&[
        ("ftp/", 0o755, 0, ""),
        ("ftp/readme", 0o644, 0, "for all"),
        ("ftp/.hidden", 0o644, 0, "."),
        ("ftp/secret", 0o600, 0, "for root"),
        ("ftp/pub/", 0o755, 0, ""),
        ("ftp/pub/tool", 0o644, 0, "a tool"),
        ("ftp/private/", 0o700, 0, ""),
        ("ftp/private/inside", 0o644, 0, "behind a door"),
        ("ftp/upload/", 0o755, 4000, ""),
        ("ftp/upload/old", 0o600, 4000, "what somebody left"),
        ("ftp/upload/rules/", 0o755, 0, ""),
    ]);
    let other = vsftpd(
        &machine,
        "anonymous_enable=YES\nlocal_enable=NO\nwrite_enable=YES\nanon_root=/srv/ftp\nanon_upload_enable=YES\n\
         anon_mkdir_write_enable=YES\n",
    );
    let yaml = import(&machine);
    assert!(yaml.contains("such as /secret, refuse to send them there"), "{yaml}");
    let setup = machine.wharf(&yaml);
    let wharf = setup.start();
    let script = "
        login anna correct
        login anonymous me@example.com
        PWD
        list
        list /pub
        names /pub
        get readme
        get@4 readme
        get /pub/tool
        get secret
        CWD private
        list
        CWD /
        get private/inside
        SIZE readme
        MDTM readme
        put new text
        put readme text
        add readme text
        DELE readme
        MKD folder
        RMD pub
        RNFR readme
        SITE CHMOD 777 readme
        CWD ..
        PWD
        CWD upload
        PWD
        put new text
        put new other
        put@2 new more
        add new more
        add another more
        get@0 new
        get old
        put old text
        put rules/new text
        SIZE new
        DELE new
        MKD folder
        put folder/inside text
        get folder/inside
        put ../beside text
        put ../../../../etc/evil text
        RMD folder
        RNFR new
        SITE CHMOD 644 new
        list /upload
        get /etc/passwd
        get ../../etc/passwd
        CWD /nowhere
        list nowhere
    ";
    let who = "anonymous me@example.com";
    const LISTED: &str = ".hidden 1, private/, pub/, readme 7, secret 8, upload/";
    let known: &[(&str, &str, &str, &str)] = &[
        (
            "get secret",
            "no",
            "\"for root\"",
            "modes of single files are said by a comment, which the test looks for",
        ),
        ("CWD private", "no", "yes", "what stands at a place of its own can be entered; it shows nothing"),
        ("list", LISTED, "no", "vsftpd has stayed where it was"),
        ("add another more", "no", "yes", "APPE of a new file is STOR, which is permitted there"),
        (
            "list /upload",
            "folder/, new 4, old 18, rules/",
            "another 4, folder/, new 4, old 18, rules/",
            "so it is there",
        ),
        ("list nowhere", "", "no", "vsftpd shows what is not there as empty"),
    ];
    let mut known: Vec<Known> =
        known.iter().map(|(line, old, new, why)| (format!("{who}: {line}"), *old, *new, *why)).collect();
    known.push(("/srv/ftp/upload/another".to_owned(), "nothing", "file 0600 \"more\"", "so it is there"));
    compare(&machine, [other.address, wharf.address], None, script, 55, &known);
}

/// Users of the system in their homes: a list of those who may log in, and files for single users.
#[test]
fn local_users_confined_to_their_homes() {
    let Some(machine) = Machine::new() else { return };
    let mut files = vec![("homes/".to_owned(), 0o755, 0, "")];
    for (name, owner) in [("anna", 4001), ("bob", 4002), ("carl", 4003), ("dora", 4004)] {
        files.extend(home(name, owner));
    }
    // As vsftpd wants homes that users are confined to: not theirs, with one directory to write to.
    files.extend([
        ("homes/emil/".to_owned(), 0o755, 0, ""),
        ("homes/emil/files/".to_owned(), 0o755, 4005, ""),
    ]);
    machine.srv(&files);
    machine.etc("vsftpd.user_list", "anna\nbob\ndora\nemil\n");
    machine.etc("vsftpd_users/anna", "local_umask=027\ncmds_denied=RMD,DELE\n");
    machine.etc("vsftpd_users/bob", "write_enable=NO\n");
    machine.etc("vsftpd_users/emil", "chmod_enable=NO\n");
    let other = vsftpd(
        &machine,
        "anonymous_enable=NO\nlocal_enable=YES\nwrite_enable=YES\nlocal_umask=022\nchroot_local_user=YES\n\
         allow_writeable_chroot=YES\nuserlist_enable=YES\nuserlist_deny=NO\nuserlist_file=/etc/vsftpd.user_list\n\
         user_config_dir=/etc/vsftpd_users\npam_service_name=vsftpd\n",
    );
    let setup = machine.wharf(&import(&machine));
    let wharf = setup.start();
    let emil = "
        list
        put new text
        MKD folder
        put files/new text
        MKD files/folder
        RNFR files/new
        RNTO new
        RNFR files/new
        RNTO files/other
        SITE CHMOD 777 files/other
        CWD files
        put ../beside text
        DELE other
    ";
    let script = format!(
        "login anonymous me
         login anna wrong
         login carl correct
         login dora correct
         login root correct
         login emil correct
         {emil}
         login anna correct
         {AT_HOME}
         login bob correct
         {AT_HOME}"
    );
    let anna = |line: &str| format!("anna correct: {line}");
    let known: &[Known] = &[
        (anna("get@0 file"), "\"chXYgedmore\"", "\"chXY\"", KEEPS_THE_REST),
        (
            "emil correct: SITE CHMOD 777 files/other".to_owned(),
            "no",
            "yes",
            "it changes nothing, as the tree shows",
        ),
    ];
    compare(&machine, [other.address, wharf.address], None, &script, 150, known);
}

/// The same with TLS, without which nobody gets in, and with data connections that go on with the session.
#[test]
fn local_users_with_tls() {
    let Some(machine) = Machine::new() else { return };
    let mut files = vec![("homes/".to_owned(), 0o755, 0, "")];
    files.extend(home("anna", 4001));
    machine.srv(&files);
    let folder = machine.path("old/etc/ssl");
    fs::create_dir(&folder).unwrap();
    let certificates = Certificates::write_to(&folder);
    let other = vsftpd(
        &machine,
        "anonymous_enable=NO\nlocal_enable=YES\nwrite_enable=YES\nlocal_umask=022\nchroot_local_user=YES\n\
         allow_writeable_chroot=YES\nssl_enable=YES\nrsa_cert_file=/etc/ssl/server.crt\n\
         rsa_private_key_file=/etc/ssl/server.key\nssl_ciphers=HIGH\npasv_min_port=32000\npasv_max_port=32700\n",
    );
    let yaml = import(&machine);
    for part in ["mode: required\n", "require_session_reuse: true", "passive: { ports: 32000-32700 }"] {
        assert!(yaml.contains(part), "{part} is missing in {yaml}");
    }
    let setup = machine.wharf(&yaml);
    let wharf = setup.start();
    let servers = [other.address, wharf.address];
    compare(&machine, servers, None, "login anna correct", 8, &[]);
    let script = format!("login anna wrong\nlogin anna correct\n{AT_HOME}");
    // A client for each: a session of one server is nothing to the other.
    let clients = [certificates.client_config(), certificates.client_config()];
    let known: &[Known] =
        &[("anna correct: get@0 file".to_owned(), "\"chXYgedmore\"", "\"chXY\"", KEEPS_THE_REST)];
    compare(&machine, servers, Some(&clients), &script, 70, known);
}

/// No directory of its own, and names that are refused: less than the whole machine, and nothing that has such a name.
#[test]
fn anonymous_with_names_that_are_refused() {
    let Some(machine) = Machine::new() else { return };
    machine.srv(&[
        ("ftp/", 0o755, 0, ""),
        ("ftp/a.exe", 0o644, 0, "refused"),
        ("ftp/readme", 0o644, 0, "for all"),
        ("ftp/upload/", 0o755, 4000, ""),
    ]);
    let other = vsftpd(
        &machine,
        "anonymous_enable=YES\nlocal_enable=NO\nwrite_enable=YES\nanon_upload_enable=YES\nanon_root=\ndeny_file={*.exe}\n",
    );
    let setup = machine.wharf(&import(&machine));
    let wharf = setup.start();
    let script = "
        login anonymous me
        list
        get readme
        get a.exe
        put upload/b.exe text
        get /etc/hosts
        list /upload
    ";
    let known: &[Known] = &[(
        "anonymous me: get readme".to_owned(),
        "\"for all\"",
        "no",
        "Wharf refuses no single names to the anonymous login, so it may fetch nothing",
    )];
    compare(&machine, [other.address, wharf.address], None, script, 10, known);
}

/// Guests with the rights of the anonymous login, whom rules of PAM let in by a list.
#[test]
fn guests_with_rights_of_the_anonymous_login() {
    let Some(machine) = Machine::new() else { return };
    machine.srv(&[
        // vsftpd begins in the home of the account of guests.
        ("homes/", 0o755, 0, ""),
        ("homes/emil/", 0o755, 4005, ""),
        ("guests/", 0o755, 4005, ""),
        ("guests/alice/", 0o755, 4005, ""),
        ("guests/alice/closed", 0o600, 4005, "for the account alone"),
        ("guests/alice/pub/", 0o755, 0, ""),
        ("guests/alice/pub/open", 0o644, 4005, "for all"),
    ]);
    machine.etc("allowed", "alice\nbob\n");
    machine.etc("guests", &["alice", "dora"].map(|name| format!("{name}:{}\n", super::HASH)).concat());
    machine.etc(
        "pam.d/guests",
        "auth required pam_listfile.so item=user sense=allow file=/etc/allowed onerr=fail\nauth required pam_permit.so\n\
         account required pam_permit.so\nsession required pam_permit.so\n",
    );
    let other = vsftpd(
        &machine,
        "anonymous_enable=NO\nlocal_enable=YES\nguest_enable=YES\nguest_username=emil\npam_service_name=guests\nwrite_enable=YES\n\
         anon_upload_enable=YES\nallow_writeable_chroot=YES\nuser_sub_token=$USER\nlocal_root=/srv/guests/$USER\n",
    );
    let yaml = machine.import("vsftpd", &["/etc/vsftpd.conf", "/etc/guests", "/etc/passwd", "/etc/shadow"]);
    assert!(yaml.contains("not accounts of the system"), "{yaml}");
    let setup = machine.wharf(&yaml);
    let wharf = setup.start();
    let script = "
        login dora correct
        login alice correct
        list
        get closed
        put new text
        get new
        get pub/open
        put pub/new text
        DELE new
        RNFR new
        MKD folder
    ";
    compare(&machine, [other.address, wharf.address], None, script, 15, &[]);
}
