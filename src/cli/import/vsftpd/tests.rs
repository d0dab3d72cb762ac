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

/// Empty is not set, and no directory `/`. Where vsftpd wants a number or a switch, such a line of a user's file is nothing.
#[test]
fn an_empty_value_is_none() {
    let conf = "local_enable=YES\nlocal_max_rate=100000\nuser_config_dir=/etc/users\nanon_root=\npasv_address=\ncmds_allowed=\ndeny_file=\n\
                ftpd_banner=\nguest_username=\n";
    let (config, text, _) = accepted(
        Source::Vsftpd,
        &[
            ("vsftpd.conf", conf),
            ("passwd", PASSWD),
            ("shadow", &shadow()),
            ("in/etc/users/anna", "local_max_rate=\nlocal_root=\n"),
        ],
    );
    assert_eq!(config.anonymous.unwrap().account.permissions, Permissions::READ_ONLY);
    assert!(text.contains("root: /srv/public,") && !text.contains("root: /,"), "{text}");
    assert!(!text.contains("address:") && !text.contains("greeting:"), "{text}");
    assert_eq!(config.users[0].limits.bandwidth.upload, Some(100_000));
    assert_eq!(config.users[0].account.path.as_str(), "/anna");
    assert_remark(&text, "/etc/users/anna", 1, "no value");
}

#[test]
fn the_anonymous_login_has_no_names_that_are_refused() {
    let (config, text) = of("write_enable=YES\nanon_upload_enable=YES\ndeny_file={*.exe}\n");
    assert_eq!(config.anonymous.unwrap().account.permissions, Permissions::LIST);
    assert_remark(&text, "vsftpd.conf", 3, "may fetch and change nothing");
    let (config, text) = of("upload_file={*.txt}\ndownload_file={*.txt}\n");
    assert_eq!(config.anonymous.unwrap().account.permissions, Permissions::LIST);
    assert_remark(&text, "vsftpd.conf", 2, "refused to the anonymous login");
}

const GUESTS: &str = "anonymous_enable=NO\nguest_enable=YES\nuser_sub_token=$USER\nlocal_root=/srv/guests/$USER\nwrite_enable=YES\n";

#[test]
fn without_local_users_there_are_no_guests() {
    let (config, text, _) =
        accepted(Source::Vsftpd, &[("vsftpd.conf", GUESTS), ("guests", &format!("carl:{HASH}\n"))]);
    assert!(config.users.is_empty(), "{text}");
    assert_remark(&text, "vsftpd.conf", 2, "lets in no guests");
}

#[test]
fn accounts_of_the_system_are_no_guests() {
    let conf = format!("{GUESTS}local_enable=YES\nvirtual_use_local_privs=YES\n");
    let guests = format!("carl:{HASH}\n");
    let files = [("vsftpd.conf", conf.as_str()), ("passwd", PASSWD), ("shadow", &shadow())];
    let (config, text, _) = accepted(Source::Vsftpd, &[&files[..], &[("guests", &guests)]].concat());
    let names: Vec<_> = config.users.iter().map(|user| user.name.as_str()).collect();
    assert_eq!(names, ["carl"], "{text}");
    assert!(text.contains("not accounts of the system: anna, bob"), "{text}");
    // Without the file of guests, no other file is asked for than that.
    for files in [&files[..], &files[..2]] {
        let (config, text, _) = accepted(Source::Vsftpd, files);
        assert!(config.users.is_empty(), "{text}");
        assert!(text.contains("NAME:HASH") && !text.contains("name that file"), "{text}");
    }
    // Nor does a file of one user make a guest of somebody, or a local user of a guest.
    let own = [("in/etc/users/carl", "guest_enable=NO\n"), ("guests", &guests)];
    let conf = format!("{conf}user_config_dir=/etc/users\n");
    let (config, text, _) = accepted(Source::Vsftpd, &[&[("vsftpd.conf", conf.as_str())], &own[..]].concat());
    assert!(config.users.is_empty() && text.contains("guest_enable of their own files"), "{text}");
}

/// Guests get what the anonymous login would: what not all may read is not sent.
#[test]
fn guests_do_not_fetch_what_they_have_stored() {
    let stores = Permissions::READ_ONLY | Permissions::UPLOAD;
    let without = stores - Permissions::DOWNLOAD;
    for (more, permissions) in [
        ("", without),
        ("anon_umask=027\n", without),
        ("anon_umask=022\n", stores),
        ("anon_world_readable_only=NO\n", stores),
    ] {
        for passwd in [&[("passwd", PASSWD)][..], &[]] {
            let conf = format!("{GUESTS}local_enable=YES\nanon_upload_enable=YES\n{more}");
            let guests = format!("carl:{HASH}\n");
            let files = [&[("vsftpd.conf", conf.as_str()), ("guests", &guests)], passwd].concat();
            let (config, text, _) = accepted(Source::Vsftpd, &files);
            assert_eq!(config.users[0].account.permissions, permissions, "{conf}{text}");
            let asks_modes = !more.contains("only=NO");
            assert_eq!(text.contains("only files that all may read"), asks_modes, "{text}");
        }
    }
}

#[test]
fn rules_of_pam_are_kept_or_said() {
    let conf = "anonymous_enable=NO\nlocal_enable=YES\npam_service_name=ours\n";
    let rules = |rules: &str| {
        let (_, text, imported) = accepted(
            Source::Vsftpd,
            &[
                ("vsftpd.conf", conf),
                ("passwd", PASSWD),
                ("shadow", &shadow()),
                ("in/etc/allowed", "anna\nbob\r\ncarl\n"),
                ("in/etc/pam.d/ours", rules),
                (
                    "in/etc/pam.d/more",
                    "account requisite pam_listfile.so item=user sense=deny file=/etc/allowed\n",
                ),
            ],
        );
        let names: Vec<_> = imported.users.into_iter().map(|user| user.name).collect();
        (names.join(" "), text)
    };
    let allow = "auth required pam_listfile.so item=user sense=allow file=/etc/allowed onerr=fail";
    assert_eq!(rules(&format!("auth required pam_unix.so\n{allow}\n")).0, "anna");
    // Whether names end with a carriage return differs between versions of PAM.
    assert_eq!(rules(&allow.replace("allow ", "deny ")).0, "");
    assert_eq!(rules("@include common-auth\n@include more\n").0, "");
    assert_eq!(rules(&allow.replace("allowed", "missing")).0, "");
    // Files that include each other are read once.
    assert_eq!(rules(&format!("{}{allow}\n", "@include ours\n".repeat(50))).0, "anna");
    let (names, text) = rules(&allow.replace("allowed onerr=fail", "missing onerr=succeed"));
    assert_eq!(names, "anna bob");
    assert!(!text.contains("of PAM"), "{text}");
    let common = "auth [success=1 default=ignore] pam_unix.so nullok\nauth requisite pam_deny.so\nauth required pam_permit.so\n";
    assert!(!rules(common).1.contains("of PAM"));
    for (rule, about) in [
        ("auth required pam_deny.so", "pam_deny.so"),
        ("account required pam_access.so", "pam_access.so"),
        (&allow.replace("item=user", "item=rhost"), "pam_listfile.so"),
        ("@include nowhere", "/etc/pam.d/nowhere"),
    ] {
        let (names, text) = rules(&format!("# ours\n{rule}\n"));
        assert_eq!(names, "anna bob");
        assert_remark(&text, "/etc/pam.d/ours", 2, about);
    }
    let (_, text) = of(conf);
    assert_remark(&text, "vsftpd.conf", 3, "/etc/pam.d/ours, are not here");
}

/// vsftpd compares whole lines.
#[test]
fn names_with_a_carriage_return_are_nobodys() {
    for (list, expected) in [("anna\r\nbob\r\n", ""), ("anna \n bob\n", ""), ("anna\r\nbob\n", "bob")] {
        let (_, text, imported) = accepted(
            Source::Vsftpd,
            &[
                (
                    "vsftpd.conf",
                    "anonymous_enable=NO\nlocal_enable=YES\nuserlist_enable=YES\nuserlist_deny=NO\nuserlist_file=/etc/list\n",
                ),
                ("passwd", PASSWD),
                ("shadow", &shadow()),
                ("in/etc/list", list),
            ],
        );
        let names: Vec<_> = imported.users.iter().map(|user| user.name.as_str()).collect();
        assert_eq!(names.join(" "), expected);
        assert_remark(&text, "vsftpd.conf", 5, "which nobody has");
    }
}

#[test]
fn an_address_that_is_of_no_use_opens_nothing() {
    for (conf, listen) in [
        ("listen_address=ftp.local\n", "127.0.0.1:21"),
        ("listen_port=70000\n", "127.0.0.1:2121"),
        ("listen_port=0\nlisten_address=192.0.2.1\n", "127.0.0.1:2121"),
        ("listen_ipv6=YES\nlisten_address6=ftp.local\nlisten_port=2100\n", "127.0.0.1:2100"),
    ] {
        let (config, text) = of(conf);
        assert_eq!(config.server.listen, [listen.parse().unwrap()], "{text}");
        assert!(text.contains("no other machine can reach it"), "{text}");
    }
    let (_, text) = of("listen=YES\nlocal_enable=YES\npasv_address=2001:db8::1\n");
    assert!(!text.contains("address:"), "{text}");
    assert_remark(&text, "vsftpd.conf", 3, "can't carry 2001:db8::1");
}

#[test]
fn ports_and_numbers_are_such_as_wharf_takes() {
    let tls = "local_enable=YES\nssl_enable=YES\nimplicit_ssl=YES\nlisten_port=990\n";
    // As the certificate is not there, the check is asked for the rest alone.
    let read = |conf: &str| import(Source::Vsftpd, &[("vsftpd.conf", conf)]).unwrap();
    let (text, imported) = read(&format!("{tls}pasv_max_port=50000\n"));
    assert_eq!(imported.settings.passive_ports, Some((1024, 50000)));
    assert_eq!(imported.settings.listen, ["127.0.0.1:50001"], "{text}");
    for (conf, ports) in [
        ("listen_port=2100\npasv_min_port=2000\npasv_max_port=50000\n", "2101-50000"),
        ("listen_port=49000\npasv_min_port=2000\npasv_max_port=50000\n", "2000-48999"),
        ("listen_port=2100\npasv_min_port=2100\npasv_max_port=2100\n", "61000-61999"),
        ("listen_port=61000\n", "61001-61999"),
    ] {
        let (_, text) = of(conf);
        assert!(text.contains(&format!("ports: {ports} ")), "{text}");
        assert!(text.contains("listens on one of the others"), "{text}");
    }
    for number in ["4294967296", "99999999999999999999999"] {
        let (config, text) = of(&format!("max_clients={number}\n"));
        assert_eq!(config.server.limits.sessions, u32::MAX as usize);
        assert_remark(&text, "vsftpd.conf", 1, "too much");
    }
}

/// As the manual says, masks are decimal without a 0 in front: 22 is 026.
#[test]
fn numbers_are_octal_with_a_zero_in_front() {
    for (mask, mode) in [("022", "0644"), ("22", "0640"), ("077", "0600")] {
        let (_, text) = of(&format!("anonymous_enable=NO\nlocal_enable=YES\nlocal_umask={mask}\n"));
        assert!(text.contains(&format!("file_mode: \"{mode}\"")), "{text}");
    }
}

#[test]
fn nobody_gets_the_whole_machine() {
    let passwd = PASSWD.replace("/home/anna", "/").replace("/srv/public", "/.");
    let (config, text, _) = accepted(
        Source::Vsftpd,
        &[("vsftpd.conf", "local_enable=YES\n"), ("passwd", &passwd), ("shadow", &shadow())],
    );
    let names: Vec<_> = config.users.iter().map(|user| user.name.as_str()).collect();
    assert_eq!(names, ["bob"]);
    assert!(config.anonymous.is_none() && !text.contains("root: /,"), "{text}");
    assert!(text.contains("the whole machine: anna") && text.contains("the login is left out"), "{text}");
}
