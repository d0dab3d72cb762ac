use super::super::Source;
use super::super::tests::{HASH, accepted, assert_remark, import};
use crate::config::Permissions;

const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash
daemon:*:1:1:daemon:/usr/sbin:/usr/sbin/nologin
ftp:*:104:104::/srv/public:/usr/sbin/nologin
anna:x:1000:1000:Anna:/home/anna:/bin/sh
bob:x:1001:1001:Bob:/home/bob:/bin/sh
";

fn shadow() -> String {
    format!("root:*:19000:0:99999:7:::\nanna:{HASH}:19000:0:99999:7:::\nbob:{HASH}:19000:0:99999:7::24000:\n")
}

fn of(conf: &str) -> (crate::config::Config, String) {
    let (config, text, _) =
        accepted(Source::Vsftpd, &[("vsftpd.conf", conf), ("passwd", PASSWD), ("shadow", &shadow())]);
    (config, text)
}

#[test]
fn local_users_come_with_hashes_and_homes() {
    let (config, text) = of(
        "listen=YES\nanonymous_enable=NO\nlocal_enable=YES\nwrite_enable=YES\nlocal_umask=022\nchroot_local_user=YES\n",
    );
    let names: Vec<_> = config.users.iter().map(|user| user.name.as_str()).collect();
    assert_eq!(names, ["anna", "bob"]);
    let [anna, bob] = config.users.as_slice() else { panic!("{text}") };
    assert_eq!((anna.account.backend.as_str(), anna.account.path.as_str()), ("home", "/anna"));
    assert_eq!(anna.account.permissions, Permissions::FULL);
    assert!(anna.expires.is_none() && bob.expires.is_some());
    assert!(text.contains("file_mode: \"0644\", directory_mode: \"0755\""), "{text}");
    assert!(config.anonymous.is_none());
    assert_eq!(config.server.listen, ["0.0.0.0:21".parse().unwrap()]);
}

/// The defaults of vsftpd are other ones than those of Debian's file.
#[test]
fn what_is_not_said_is_as_vsftpd_has_it() {
    let (config, text) = of("local_enable=YES\n");
    assert_eq!(config.users[0].account.permissions, Permissions::READ_ONLY);
    assert_eq!(config.anonymous.unwrap().account.permissions, Permissions::READ_ONLY);
    assert!(text.contains("root: /srv/public"), "{text}");
    // Not confined: said, and confined all the same.
    assert!(text.contains("could see all directories of the machine"), "{text}");
}

#[test]
fn lists_of_names_let_in_and_refuse() {
    let conf = "anonymous_enable=NO\nlocal_enable=YES\nuserlist_enable=YES\nuserlist_file=/etc/list\n";
    for (denies, expected) in [("userlist_deny=NO\n", "anna"), ("userlist_deny=YES\n", "bob")] {
        let (_, _, imported) = accepted(
            Source::Vsftpd,
            &[
                ("vsftpd.conf", &format!("{conf}{denies}")),
                ("passwd", PASSWD),
                ("shadow", &shadow()),
                ("in/etc/list", "# comment\nanna\n"),
            ],
        );
        let names: Vec<_> = imported.users.iter().map(|user| user.name.as_str()).collect();
        assert_eq!(names, [expected]);
    }
}

#[test]
fn files_of_single_users_count_before_the_rest() {
    let conf =
        "anonymous_enable=NO\nlocal_enable=YES\nchroot_local_user=YES\nuser_config_dir=/etc/vsftpd_users\n";
    let (config, text, _) = accepted(
        Source::Vsftpd,
        &[
            ("vsftpd.conf", conf),
            ("passwd", PASSWD),
            ("shadow", &shadow()),
            (
                "in/etc/vsftpd_users/anna",
                "local_root=/srv/special\nwrite_enable=YES\ncmds_denied=DELE,RMD\nlocal_max_rate=100000\n",
            ),
        ],
    );
    let anna = &config.users[0];
    assert_eq!(anna.account.permissions, Permissions::FULL - Permissions::DELETE);
    assert_eq!(anna.limits.bandwidth.upload, Some(100_000));
    assert!(text.contains("root: /srv/special"), "{text}");
    assert_eq!(config.users[1].account.permissions, Permissions::READ_ONLY);
    assert_remark(&text, "/etc/vsftpd_users/anna", 4, "local_max_rate");
}

#[test]
fn guests_are_users_of_a_file_of_hashes() {
    let conf = "anonymous_enable=NO\nlocal_enable=YES\nguest_enable=YES\nguest_username=ftp\nuser_sub_token=$USER\nlocal_root=/srv/guests/$USER\n\
                virtual_use_local_privs=YES\nwrite_enable=YES\n";
    let (config, text, _) = accepted(
        Source::Vsftpd,
        &[("vsftpd.conf", conf), ("guests", &format!("carl:{HASH}\ndora:{HASH}\n"))],
    );
    let places: Vec<_> = config.users.iter().map(|user| user.account.path.as_str()).collect();
    assert_eq!(places, ["/carl", "/dora"], "{text}");
    assert!(text.contains("root: /srv/guests"), "{text}");
}

#[test]
fn what_is_left_out_is_said_with_its_line() {
    let conf = "anonymous_enable=NO\nlocal_enable=YES\nchroot_local_user=YES\ntcp_wrappers=YES\nno_such_option=1\nrubbish\nhide_file={.*}\n\
                ftpd_banner=Hello: \"you\" # all\npasv_min_port=1\npasv_max_port=0\n";
    let (_, text) = of(conf);
    assert_remark(&text, "vsftpd.conf", 4, "hosts.allow");
    assert_remark(&text, "vsftpd.conf", 5, "no_such_option");
    assert_remark(&text, "vsftpd.conf", 6, "option=value");
    assert_remark(&text, "vsftpd.conf", 7, "listings have all files");
    assert!(text.contains("left out, as nobody can log in with a password: root, daemon, ftp"), "{text}");
}

#[test]
fn hashes_that_wharf_does_not_verify_are_comments() {
    let shadow = "anna:$apr1$salt$hash:19000:0:99999:7:::\nbob:ab8RGXlnG1FYo:19000:0:99999:7:::\n";
    let (config, text, _) = accepted(
        Source::Vsftpd,
        &[("vsftpd.conf", "local_enable=YES\nanonymous_enable=NO\n"), ("passwd", PASSWD), ("shadow", shadow)],
    );
    assert!(config.users.is_empty());
    assert_remark(&text, "shadow", 1, "Apache MD5");
    assert_remark(&text, "shadow", 2, "DES crypt");
    assert!(text.contains("  # - name: anna"), "{text}");
    assert!(!text.contains("$apr1$"), "a hash that is of no use is repeated");
}

#[test]
fn two_configurations_are_one_too_many() {
    let conf = "local_enable=YES\n";
    let error = import(Source::Vsftpd, &[("a.conf", conf), ("b.conf", conf)]).map(|_| ()).unwrap_err();
    assert!(error.contains("b.conf"), "{error}");
}

/// vsftpd does not start with it. Taken for NO, it would let in whom the list refuses.
#[test]
fn neither_yes_nor_no_is_refused() {
    for line in ["userlist_deny=MAYBE", "write_enable=ON", "ssl_enable= yes"] {
        let conf = format!("local_enable=YES\n{line}\n");
        let error = import(Source::Vsftpd, &[("vsftpd.conf", &conf)]).map(|_| ()).unwrap_err();
        assert!(error.contains("vsftpd.conf:2: ") && error.contains("neither YES nor NO"), "{error}");
    }
    let conf = "local_enable=YES\nwrite_enable=true\nuserlist_deny=0\nchroot_local_user=\n";
    assert!(import(Source::Vsftpd, &[("vsftpd.conf", conf)]).is_ok());
}

/// vsftpd lets nobody in if it can't read the list of those whom it refuses.
#[test]
fn a_list_that_is_lost_lets_nobody_in() {
    let (config, text) =
        of("anonymous_enable=NO\nlocal_enable=YES\nuserlist_enable=YES\nuserlist_file=/nonexistent/list\n");
    assert!(config.users.is_empty(), "{text}");
    assert!(text.contains("userlist_file can't be read"), "{text}");
}

#[test]
fn modes_are_not_changed_by_whoever_may_not() {
    let conf = "anonymous_enable=NO\nlocal_enable=YES\nwrite_enable=YES\nuser_config_dir=/etc/users\n";
    let (_, text, imported) = accepted(
        Source::Vsftpd,
        &[
            ("vsftpd.conf", conf),
            ("passwd", PASSWD),
            ("shadow", &shadow()),
            ("in/etc/users/anna", "chmod_enable=NO\ndownload_file={*.txt}\n"),
            ("in/etc/users/bob", "cmds_allowed=USER,PASS,LIST,RETR,STOR,PASV,QUIT\nunheard_of=1\n"),
        ],
    );
    let [anna, bob] = imported.users.as_slice() else { panic!("{text}") };
    assert!(anna.ignore_chmod && bob.ignore_chmod, "{text}");
    assert_eq!(anna.view.permissions, Permissions::FULL - Permissions::DOWNLOAD);
    assert_remark(&text, "/etc/users/anna", 2, "names that alone are allowed");
    assert_remark(&text, "/etc/users/bob", 2, "unheard_of");
}

/// TLS is what those who may log in have to use.
#[test]
fn tls_is_as_strict_as_for_the_strictest() {
    for (conf, mode) in [
        ("anonymous_enable=YES\nssl_enable=YES\n", "optional"),
        ("anonymous_enable=YES\nssl_enable=YES\nforce_anon_data_ssl=YES\n", "required-data"),
        ("anonymous_enable=NO\nlocal_enable=YES\nssl_enable=YES\n", "required"),
        ("local_enable=YES\nssl_enable=YES\nforce_local_data_ssl=NO\n", "required-control"),
    ] {
        let (text, _) = import(Source::Vsftpd, &[("vsftpd.conf", conf), ("passwd", PASSWD)]).unwrap();
        assert!(text.contains(&format!("  mode: {mode}\n")), "{conf}{text}");
    }
}

/// Nobody knows where the account of the anonymous login may write, if its directory is elsewhere.
#[test]
fn uploads_of_everybody_need_a_directory_for_them() {
    let conf = "write_enable=YES\nanon_upload_enable=YES\nanon_root=/nonexistent/public\n";
    let (config, text) = of(conf);
    assert_eq!(config.anonymous.unwrap().account.permissions, Permissions::READ_ONLY);
    assert!(text.contains("add `mounts` with `upload`"), "{text}");
}
