//! vsftpd, with everybody as anonymous, and with the users of the system.

use super::machine::{Machine, Other};
use super::script::compare;
use super::{PASSWD, shadow};

/// vsftpd with these options, at a port.
fn vsftpd(machine: &Machine, options: &str) -> Other {
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/.test-tools/servers/vsftpd/usr/sbin/vsftpd");
    machine.start("(vsFTPd", |port| {
        machine.etc(
            "vsftpd.conf",
            &format!(
                "listen=YES\nbackground=NO\nlisten_address=127.0.0.1\nlisten_port={port}\nsecure_chroot_dir=/etc/empty\n{options}"
            ),
        );
        vec![program.to_owned(), "/etc/vsftpd.conf".to_owned()]
    })
}

/// Everybody may fetch, and leave files in one folder, which nobody else can fetch from there.
#[test]
fn anonymous_with_a_folder_for_uploads() {
    let Some(machine) = Machine::new() else { return };
    machine.etc("passwd", PASSWD);
    machine.etc("shadow", &shadow());
    machine.srv(&[
        ("ftp/", 0o755, 0, ""),
        ("ftp/readme", 0o644, 0, "for all"),
        ("ftp/.hidden", 0o644, 0, "."),
        ("ftp/secret", 0o600, 0, "for root"),
        ("ftp/pub/", 0o755, 0, ""),
        ("ftp/pub/tool", 0o644, 0, "a tool"),
        ("ftp/upload/", 0o755, 4000, ""),
        ("ftp/upload/old", 0o600, 4000, "what somebody left"),
    ]);
    let other = vsftpd(
        &machine,
        "anonymous_enable=YES\nlocal_enable=NO\nwrite_enable=YES\nanon_root=/srv/ftp\nanon_upload_enable=YES\nanon_mkdir_write_enable=YES\n",
    );
    let yaml = machine.import("vsftpd", &["/etc/vsftpd.conf", "/etc/passwd", "/etc/shadow"]);
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
        get new
        get old
        put old text
        SIZE new
        DELE new
        MKD folder
        put folder/inside text
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
    compare(&machine, [other.address, wharf.address], None, script, 50, &[]);
}
