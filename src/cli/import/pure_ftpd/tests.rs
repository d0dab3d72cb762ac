use super::super::Source;
use super::super::tests::{HASH, accepted, assert_remark, import};
use crate::config::Permissions;

fn list() -> String {
    format!(
        "anna:{HASH}:1000:1000:Anna:/srv/anna/./:204800:102400:1:2:3:10:52428800:::10.0.0.0/8,192.0.2.7:10.9.0.0/16:\n\
         bob:{HASH}:1000:1000::/srv/bob::::::::::::\n\
         short:x\n\
         wrong:{HASH}:1000:1000::/srv/wrong::::::::::example.com:::\n\
         hours:{HASH}:1000:1000::/srv/hours/./::::::::::::0900-1700\n\
         local:{HASH}:1000:1000::/srv/local/./::::::::192.0.2.1::::\n"
    )
}

#[test]
fn users_of_pure_pw_come_with_all_their_fields() {
    let (config, text, _) = accepted(Source::PureFtpd, &[("pureftpd.passwd", &list())]);
    let [anna, bob] = config.users.as_slice() else { panic!("{text}") };
    assert_eq!((anna.account.backend.as_str(), anna.account.path.as_str()), ("srv", "/anna"));
    assert_eq!(anna.limits.bandwidth.upload, Some(204_800));
    assert_eq!(anna.limits.bandwidth.download, Some(102_400));
    assert_eq!(anna.limits.sessions, Some(3));
    let quota = anna.account.quota.as_ref().unwrap();
    assert_eq!((quota.bytes, quota.files), (Some(52_428_800), Some(10)));
    let networks: Vec<_> = anna.networks.iter().map(ToString::to_string).collect();
    assert_eq!(networks.len(), 9, "10.0.0.0/8 without 10.9.0.0/16, and 192.0.2.7: {networks:?}");
    assert!(networks.contains(&"10.8.0.0/16".to_owned()) && networks.contains(&"192.0.2.7/32".to_owned()));
    assert!(bob.networks.is_empty() && bob.account.quota.is_none());
    assert_remark(&text, "pureftpd.passwd", 1, "ratios");
    // What Wharf can't refuse is not let in.
    assert_remark(&text, "pureftpd.passwd", 5, "0900-1700");
    assert_remark(&text, "pureftpd.passwd", 6, "192.0.2.1");
    assert_remark(&text, "pureftpd.passwd", 3, "fields of pure-pw");
    // A network that can't be read must not let in everybody.
    assert_remark(&text, "pureftpd.passwd", 4, "example.com");
}

#[test]
fn the_directory_of_values_is_the_server() {
    let values = [
        ("in/conf/Bind", "192.0.2.1,2121"),
        ("in/conf/PassivePortRange", "30000 30100"),
        ("in/conf/ForcePassiveIP", "ftp.example.com"),
        ("in/conf/MaxClientsNumber", "7"),
        ("in/conf/MaxClientsPerIP", "3"),
        ("in/conf/PerUserLimits", "2:1"),
        ("in/conf/MaxIdleTime", "5"),
        ("in/conf/NoAnonymous", "yes"),
        ("in/conf/KeepAllFiles", "yes"),
        ("in/conf/ProhibitDotFilesWrite", "yes"),
        ("in/conf/Umask", "137 027"),
        ("in/conf/UserBandwidth", "100:200"),
        ("in/conf/Quota", "1000:5"),
        ("in/conf/AltLog", "clf:/var/log/x"),
        ("in/conf/Unheard", "1"),
        ("in/conf/readme.txt", "not a value"),
        ("in/conf/LDAPConfigFile", "no"),
    ];
    let folder = tempfile::tempdir().unwrap();
    let conf = folder.path().join("conf");
    std::fs::create_dir(&conf).unwrap();
    for (name, value) in values {
        std::fs::write(conf.join(name.trim_start_matches("in/conf/")), format!("{value}\n")).unwrap();
    }
    let passwd = folder.path().join("passwd");
    std::fs::write(&passwd, list()).unwrap();
    let options = super::super::Options {
        finder: super::super::Finder::default(),
        homes: "/srv/ftp".to_owned(),
        budget: super::super::Budget::default(),
    };
    let imported = super::read(&[conf, passwd], &options).unwrap();
    let settings = &imported.settings;
    assert_eq!(settings.listen, ["192.0.2.1:2121"]);
    assert_eq!(settings.passive_ports, Some((30000, 30100)));
    assert_eq!(settings.passive_address.as_deref(), Some("ftp.example.com"));
    assert_eq!(
        (settings.sessions, settings.sessions_per_ip, settings.sessions_per_user),
        (Some(7), Some(3), Some(2))
    );
    assert_eq!(settings.idle_timeout, Some(300));
    assert!(imported.anonymous.is_none());
    let bob = imported.users.iter().find(|user| user.name == "bob").unwrap();
    // What is kept may be replaced and get another name: pure-ftpd refuses DELE alone.
    assert_eq!(bob.view.permissions, Permissions::FULL - Permissions::DELETE);
    assert_eq!((bob.limits.upload, bob.limits.download), (Some(102_400), Some(204_800)));
    assert_eq!(bob.limits.refuse_names, [".*"]);
    assert_eq!(bob.view.quota.bytes, Some(5 << 20));
    let anna = imported.users.iter().find(|user| user.name == "anna").unwrap();
    assert_eq!(anna.limits.upload, Some(204_800), "what the user has counts before the rest");
    let remarks: Vec<_> = imported.remarks.iter().map(|remark| remark.text.as_str()).collect();
    assert!(remarks.iter().any(|text| text.starts_with("altlog")), "{remarks:?}");
    assert!(remarks.iter().any(|text| text.starts_with("unheard")), "{remarks:?}");
    assert!(!remarks.iter().any(|text| text.contains("ldap") || text.contains("readme")), "{remarks:?}");
}

#[test]
fn a_configuration_in_one_file_is_the_same() {
    let conf = "# comment\nNoAnonymous   yes\nTLS 2\nCertFile /etc/ssl/pure.pem # both\nUmask 133:022\nMaxDiskUsage   99\n";
    let (text, imported) =
        import(Source::PureFtpd, &[("pure-ftpd.conf", conf), ("passwd", &list())]).unwrap();
    let tls = imported.settings.tls.as_ref().unwrap();
    assert_eq!(tls.certificate, tls.key);
    assert!(tls.required_control && !tls.required_data);
    assert!(text.contains("mode: required-control"), "{text}");
    assert!(text.contains("file_mode: \"0644\", directory_mode: \"0755\""), "{text}");
    assert_remark(&text, "pure-ftpd.conf", 6, "full disk");
}

/// Numbers below the least are refused, whatever file they are of; both ways to write two numbers are read.
#[test]
fn what_debian_writes_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let conf = folder.path().join("conf");
    std::fs::create_dir(&conf).unwrap();
    for (name, value) in [
        ("NoAnonymous", "# nobody\n\nyes\n"),
        ("MinUID", "1001"),
        ("Quota", "1000 5"),
        ("PerUserLimits", "3 20"),
        ("NoChmod", "# only a comment\n"),
    ] {
        std::fs::write(conf.join(name), value).unwrap();
    }
    let list = folder.path().join("passwd");
    let of = |name: &str, uid: u32| format!("{name}:{HASH}:{uid}:1000::/nonexistent/{name}/./::::::::::::\n");
    std::fs::write(&list, [of("low", 1000), of("high", 1001)].concat()).unwrap();
    let options = super::super::Options {
        finder: super::super::Finder::default(),
        homes: "/srv/ftp".to_owned(),
        budget: super::super::Budget::default(),
    };
    let imported = super::read(&[conf, list], &options).unwrap();
    assert!(imported.anonymous.is_none());
    assert!(!imported.settings.ignore_chmod);
    assert_eq!(imported.settings.sessions_per_user, Some(3));
    let [low, high] = imported.users.as_slice() else { panic!("two users") };
    assert!(low.left_out.as_deref().unwrap().contains("MinUID, 1001"));
    assert!(high.left_out.is_none());
    assert_eq!((high.view.quota.files, high.view.quota.bytes), (Some(1000), Some(5 << 20)));
}

#[test]
fn files_that_are_included_count() {
    let missing =
        import(Source::PureFtpd, &[("pure-ftpd.conf", "Include /more.conf\n"), ("passwd", &list())]);
    let remarks = missing.unwrap().1.remarks;
    assert!(remarks.iter().any(|remark| remark.text.contains("what it says is not here")), "{remarks:?}");
    let (_, imported) = import(
        Source::PureFtpd,
        &[
            ("pure-ftpd.conf", "Include /more.conf\n"),
            ("passwd", &list()),
            ("in/more.conf", "MaxIdleTime 3\n"),
        ],
    )
    .unwrap();
    assert_eq!(imported.settings.idle_timeout, Some(180));
    let around = import(
        Source::PureFtpd,
        &[
            ("pure-ftpd.conf", "Include /more.conf\n"),
            ("passwd", &list()),
            ("in/more.conf", "Include /more.conf\n"),
        ],
    );
    assert!(around.map(|_| ()).unwrap_err().contains("include each other"));
}

/// Debian's rules of PAM refuse names and shells; with UnixAuthentication, shells count, too.
#[test]
fn local_users_are_those_whom_pam_lets_in() {
    let passwd = format!(
        "anna:{HASH}:1000:1000::/srv/anna:/bin/sh\nbob:{HASH}:1001:1001::/srv/bob:/usr/sbin/nologin\n\
         carl:{HASH}:1002:1002::/srv/carl:/bin/sh\n"
    );
    for (way, expected) in [("PAMAuthentication yes", "anna"), ("UnixAuthentication yes", "anna carl")] {
        let conf = format!("NoAnonymous yes\n{way}\n");
        for shells in [&[("in/etc/shells", "/bin/sh\n")][..], &[]] {
            let files =
                [("pure-ftpd.conf", conf.as_str()), ("passwd", &passwd), ("in/etc/ftpusers", "carl\n")];
            let (_, text, imported) = accepted(Source::PureFtpd, &[&files[..], shells].concat());
            let names: Vec<_> = imported.users.iter().map(|user| user.name.as_str()).collect();
            assert_eq!(names.join(" "), expected, "{text}");
            assert!(text.contains("their shell"), "{text}");
        }
    }
}

#[test]
fn an_address_that_is_of_no_use_opens_nothing() {
    for (conf, listen) in [
        ("Bind localhost,21", "127.0.0.1:21"),
        ("Bind localhost,2100", "127.0.0.1:2100"),
        ("Bind 192.0.2.1,70000", "127.0.0.1:2121"),
        ("IPV4Only yes\nIPV6Only yes", "127.0.0.1:21"),
    ] {
        let (config, text, _) =
            accepted(Source::PureFtpd, &[("pure-ftpd.conf", &format!("{conf}\n")), ("passwd", &list())]);
        assert_eq!(config.server.listen, [listen.parse().unwrap()], "{text}");
        assert!(text.contains("no other machine can reach it"), "{text}");
    }
    let conf = "Bind ,2100\nPassivePortRange 2000 3000\nForcePassiveIP \"\"\nMaxClientsNumber 99999999999\nPerUserLimits 4294967296:1\n";
    let (config, text, _) = accepted(Source::PureFtpd, &[("pure-ftpd.conf", conf), ("passwd", &list())]);
    assert_eq!(config.server.limits.sessions, u32::MAX as usize);
    assert!(text.contains("passive: { ports: 2101-3000 }"), "{text}");
    assert_remark(&text, "pure-ftpd.conf", 4, "too much");
    assert_remark(&text, "pure-ftpd.conf", 5, "too much");
}

#[test]
fn nobody_gets_the_whole_machine() {
    let of = |name: &str, home: &str| format!("{name}:{HASH}:1000:1000::{home}::::::::::::\n");
    let list = [of("anna", "/"), of("bob", "/./home/bob"), of("carl", ""), of("anna", "/srv/anna")].concat();
    let passwd = format!("dora:{HASH}:1000:1000::/:/bin/sh\nftp:*:104:104::/:/bin/sh\n");
    let conf = "UnixAuthentication yes\n";
    let (config, text, _) = accepted(
        Source::PureFtpd,
        &[("pure-ftpd.conf", conf), ("pureftpd.passwd", &list), ("passwd", &passwd)],
    );
    assert!(config.users.is_empty() && config.anonymous.is_none(), "{text}");
    assert!(!text.contains("root: /,"), "{text}");
    for line in 1..=4 {
        assert_remark(&text, "pureftpd.passwd", line, "the whole machine");
    }
    assert!(text.contains("the whole machine: dora") && text.contains("login is left out"), "{text}");
}
