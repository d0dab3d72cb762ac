use super::super::Source;
use super::super::tests::{HASH, accepted, assert_remark, import};
use crate::config::{Account, Permissions};

#[path = "refusal_tests.rs"]
mod refusals;

fn users() -> String {
    let line = |name: &str, gid: u32| format!("{name}:{HASH}:1000:{gid}::/srv/ftp/{name}:/bin/sh\n");
    let ftp = "ftp:*:104:104::/srv/public:/bin/false\n";
    format!("{}{}{}{ftp}", line("anna", 100), line("bob", 101), line("carl", 102))
}

const GROUPS: &str = "staff:x:100:\nguests:x:101:carl\n";
const BASE: &str = "AuthUserFile /etc/users\nAuthGroupFile /etc/groups\nAuthOrder mod_auth_file.c\nDefaultRoot ~\nAllowOverwrite on\n";

fn of(conf: &str) -> (crate::config::Config, String) {
    let (config, text, _) = accepted(
        Source::Proftpd,
        &[("proftpd.conf", &format!("{BASE}{conf}")), ("in/etc/users", &users()), ("in/etc/groups", GROUPS)],
    );
    (config, text)
}

fn account<'a>(config: &'a crate::config::Config, name: &str) -> &'a Account {
    &config.users.iter().find(|user| user.name == name).unwrap_or_else(|| panic!("no {name}")).account
}

#[test]
fn users_of_files_come_with_hashes_and_homes() {
    let (config, text) = of(
        "Umask 027 007\nPassivePorts 40000 40100\nMasqueradeAddress ftp.example.com\nMaxInstances 30\nTimeoutIdle 60\n\
                             Port 2121\nUseIPv6 off\nServerIdent on \"Hello there\"\n",
    );
    assert_eq!(account(&config, "anna").permissions, Permissions::FULL);
    assert_eq!(account(&config, "anna").path.as_str(), "/anna");
    assert!(text.contains("file_mode: \"0640\", directory_mode: \"0770\""), "{text}");
    assert_eq!(config.server.passive.ports, 40000..=40100);
    assert_eq!(config.server.limits.sessions, 30);
    assert_eq!(config.server.greeting.as_deref(), Some("Hello there"));
    assert_eq!(config.server.listen, ["0.0.0.0:2121".parse().unwrap()]);
}

/// Off is the default there.
#[test]
fn nothing_is_overwritten_if_that_is_not_allowed() {
    for conf in
        [BASE.replace("AllowOverwrite on\n", ""), BASE.replace("AllowOverwrite on", "AllowOverwrite off")]
    {
        let (config, _, _) = accepted(
            Source::Proftpd,
            &[("proftpd.conf", &conf), ("in/etc/users", &users()), ("in/etc/groups", GROUPS)],
        );
        assert_eq!(account(&config, "anna").permissions, Permissions::FULL - Permissions::OVERWRITE);
    }
}

#[test]
fn limits_are_permissions() {
    let (config, text) = of(
        "<Limit WRITE>\n  AllowGroup staff\n  DenyAll\n</Limit>\n<Limit DELE>\n  DenyUser anna\n</Limit>\n\
                             <Limit LOGIN>\n  DenyUser carl\n</Limit>\n",
    );
    let anna = account(&config, "anna").permissions;
    assert_eq!(anna, Permissions::FULL - Permissions::DELETE, "{text}");
    assert_eq!(account(&config, "bob").permissions, Permissions::READ_ONLY);
    assert!(!config.users.iter().any(|user| user.name == "carl"));
    assert!(text.contains("<Limit LOGIN> refuses them: carl"), "{text}");
    assert_remark(&text, "/etc/users", 1, "DELE and RMD");
}

#[test]
fn directories_with_limits_are_mounts() {
    let (config, text) = of(
        "<Directory ~/incoming>\n  <Limit READ DELE RMD RNFR RNTO>\n    DenyAll\n  </Limit>\n</Directory>\n\
                             <Directory /srv/ftp/*/public/*>\n  <Limit WRITE>\n    DenyAll\n  </Limit>\n</Directory>\n",
    );
    let anna = account(&config, "anna");
    let mounts: Vec<_> = anna.mounts.iter().map(|mount| (mount.at.as_str(), mount.permissions)).collect();
    let incoming = Permissions::LIST | Permissions::UPLOAD | Permissions::OVERWRITE | Permissions::MKDIR;
    assert_eq!(mounts, [("/incoming", incoming), ("/public", Permissions::READ_ONLY)], "{text}");
    assert_eq!(anna.mounts[0].path.as_str(), "/anna/incoming");
}

#[test]
fn logins_from_some_networks_are_networks_of_users() {
    let (config, _) =
        of("<Limit LOGIN>\n  Order allow,deny\n  Allow from 10.0.0.0/8 192.0.2.\n  DenyAll\n</Limit>\n");
    let networks: Vec<_> = config.users[0].networks.iter().map(ToString::to_string).collect();
    assert_eq!(networks, ["10.0.0.0/8", "192.0.2.0/24"]);
}

#[test]
fn refused_networks_are_cut_out_of_those_of_users() {
    let networks = |limit: &str| {
        let (config, text) = of(&format!("<Limit LOGIN>\n{limit}</Limit>\n"));
        let shown =
            |user: &crate::config::User| user.networks.iter().map(ToString::to_string).collect::<Vec<_>>();
        (config.users.first().map(shown), text)
    };
    let (left, text) = networks("  Deny from 128.0.0.0/1 bad.example.com\n");
    assert_eq!(left.unwrap(), ["0.0.0.0/1", "::/0"]);
    assert!(text.contains("Deny from bad.example.com"), "{text}");
    let (left, _) = networks("  Order allow,deny\n  Allow from 192.0.2.0/24\n  Deny from 192.0.2.0/25\n");
    assert_eq!(left.unwrap(), [""; 0]);
    let (left, _) = networks("  Order deny,allow\n  Allow from 192.0.2.0/24\n  Deny from 192.0.2.0/25\n");
    assert_eq!(left.unwrap(), ["192.0.2.128/25"]);
    let (left, _) = networks("  DenyAll\n");
    assert_eq!(left, None);
}

#[test]
fn the_root_depends_on_groups() {
    let (config, text, _) = accepted(
        Source::Proftpd,
        &[
            (
                "proftpd.conf",
                "AuthUserFile /etc/users\nAuthGroupFile /etc/groups\nAuthOrder mod_auth_file.c\nDefaultRoot /srv staff\n",
            ),
            ("in/etc/users", &users()),
            ("in/etc/groups", GROUPS),
        ],
    );
    assert!(text.contains("sessions began in /ftp/anna"), "{text}");
    assert!(text.contains("only their own: bob, carl"), "{text}");
    assert_eq!(account(&config, "bob").path.as_str(), "/ftp/bob");
    assert_eq!(account(&config, "anna").path.as_str(), "/");
}

#[test]
fn the_anonymous_login_is_one() {
    let (config, text) = of(
        "<Anonymous /srv/public>\n  User ftp\n  UserAlias anonymous ftp\n  MaxClients 10\n  <Directory *>\n    <Limit WRITE>\n\
                               DenyAll\n    </Limit>\n  </Directory>\n  <Directory incoming>\n    <Limit STOR>\n      AllowAll\n    </Limit>\n\
                               <Limit READ>\n      DenyAll\n    </Limit>\n  </Directory>\n</Anonymous>\n",
    );
    let anonymous = config.anonymous.unwrap().account;
    assert_eq!(anonymous.permissions, Permissions::READ_ONLY, "{text}");
    assert_eq!(anonymous.mounts.len(), 1);
    let incoming = anonymous.mounts[0].permissions;
    // SITE CHMOD is refused there, and would come with `overwrite`.
    assert_eq!(incoming, Permissions::LIST | Permissions::UPLOAD, "{text}");
    assert_remark(&text, "proftpd.conf", 9, "maxclients");
}

#[test]
fn included_files_are_read_and_modules_count_as_loaded() {
    let (config, text, _) = accepted(
        Source::Proftpd,
        &[
            (
                "proftpd.conf",
                "Include /etc/conf.d/*.conf\nInclude /etc/missing.conf\n<IfModule !mod_tls.c>\n  Port 99\n</IfModule>\n",
            ),
            ("in/etc/conf.d/a.conf", BASE),
            (
                "in/etc/conf.d/b.conf",
                "<IfModule mod_x.c>\n  Port \\\n    2121\n</IfModule>\nDefaultAddress 127.0.0.1\nHideFiles ^x\n",
            ),
            ("in/etc/conf.d/c.txt", "<rubbish"),
            ("in/etc/users", &users()),
            ("in/etc/groups", GROUPS),
        ],
    );
    assert_eq!(config.users.len(), 3);
    assert_eq!(config.server.listen, ["127.0.0.1:2121".parse().unwrap()]);
    assert_remark(&text, "proftpd.conf", 2, "/etc/missing.conf");
    assert_remark(&text, "/etc/conf.d/b.conf", 6, "listings have all files");
}

#[test]
fn files_that_include_themselves_end() {
    let error = import(Source::Proftpd, &[("proftpd.conf", "Include /a\n"), ("in/a", "Include /a\n")])
        .map(|_| ())
        .unwrap_err();
    assert!(error.contains("/a:1"), "{error}");
    for conf in ["<Limit ALL>\n", "</Limit>\n", "<Limit ALL>\n</Global>\n"] {
        import(Source::Proftpd, &[("proftpd.conf", conf)]).map(|_| ()).unwrap_err();
    }
}

#[test]
fn virtual_hosts_add_addresses_and_users() {
    let (config, text) = of(
        "Port 21\nUseIPv6 off\n<Global>\n  Umask 022\n</Global>\n<VirtualHost 127.0.0.9>\n  Port 2122\n  AuthUserFile /etc/users\n\
                             DefaultRoot ~\n</VirtualHost>\n<VirtualHost 0.0.0.0>\n  SFTPEngine on\n  Port 2222\n</VirtualHost>\n",
    );
    assert_eq!(config.server.listen, ["0.0.0.0:21".parse().unwrap(), "127.0.0.9:2122".parse().unwrap()]);
    assert_eq!(config.users.len(), 3, "the same names are there once");
    assert_remark(&text, "proftpd.conf", 11, "one server listens on all addresses");
    assert_remark(&text, "proftpd.conf", 16, "SFTP");
}

#[test]
fn rates_and_sizes_are_of_whom_they_are_meant_for() {
    let (config, _) = of(
        "TransferRate RETR 100.5\nTransferRate STOR,APPE 20 user bob\nMaxStoreFileSize 10 Mb group staff\n",
    );
    let limits = |name: &str| config.users.iter().find(|user| user.name == name).unwrap().limits.clone();
    assert_eq!(limits("anna").bandwidth.download, Some(102_912));
    assert_eq!((limits("anna").bandwidth.upload, limits("bob").bandwidth.upload), (None, Some(20_480)));
    assert_eq!((limits("anna").file_size, limits("bob").file_size), (Some(10 << 20), None));
}

#[test]
fn conditions_hold_for_those_whom_they_name() {
    let (config, text) = of(
        "<IfUser bob>\n  <Limit WRITE>\n    DenyAll\n  </Limit>\n</IfUser>\n<IfGroup AND staff !guests>\n  DefaultRoot /srv/staff\n\
         <Limit SITE_CHMOD>\nDenyAll\n</Limit>\n</IfGroup>\n<IfUser regex ^c>\n  <Limit ALL>\n    DenyAll\n  </Limit>\n</IfUser>\n\
         <Global>\n  <IfClass inside>\n  </IfClass>\n</Global>\n",
    );
    assert_eq!(account(&config, "bob").permissions, Permissions::READ_ONLY, "{text}");
    assert!(text.contains("root: /srv/staff"), "{text}");
    assert!(text.contains("chmod: ignore"), "{text}");
    assert_eq!(account(&config, "carl").permissions, Permissions::FULL);
    assert_remark(&text, "proftpd.conf", 17, "<ifuser regex ^c> is no block");
    assert_remark(&text, "proftpd.conf", 23, "<ifclass inside> is no block");
}

/// Whom the other server can't know, or refuses by what is not told apart here, does not come along.
#[test]
fn nobody_comes_along_whom_the_other_refuses() {
    let names = |base: &str| {
        let conf = format!("{base}AuthGroupFile /etc/groups\nDefaultRoot ~\n");
        let (config, _, _) = accepted(
            Source::Proftpd,
            &[("proftpd.conf", &conf), ("in/etc/users", &users()), ("in/etc/groups", GROUPS)],
        );
        config.users.iter().map(|user| user.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names("AuthUserFile /etc/users\n"), ["anna", "bob", "carl"]);
    assert!(names("AuthUserFile /etc/users\nAuthOrder mod_auth_unix.c\n").is_empty());
    assert!(names("AuthUserFile /etc/users id 2000-3000\n").is_empty());
    assert!(names("AuthUserFile /etc/users name ^a\n").is_empty());
    assert!(names("AuthUserFile /etc/users\n<Limit LOGIN>\n  DenyClass outside\n</Limit>\n").is_empty());
}

/// The check asks for a file, and Wharf does not start without one.
#[test]
fn a_directory_of_authorities_is_asked_for_as_a_file() {
    let conf = format!(
        "{BASE}TLSEngine on\nTLSRSACertificateFile /c\nTLSRSACertificateKeyFile /k\nTLSVerifyClient on\nTLSCACertificatePath /etc/ca\n"
    );
    let (text, _) = import(Source::Proftpd, &[("proftpd.conf", &conf), ("in/etc/users", &users())]).unwrap();
    assert!(text.contains("client_authorities: /etc/ca\n"), "{text}");
    assert!(!text.contains("require_client_certificate: false"), "{text}");
}

#[test]
fn masks_of_directories_are_those_of_mounts() {
    let (config, text) = of("Umask 022\n<Directory ~/in>\n  Umask 077\n</Directory>\n");
    let anna = account(&config, "anna");
    assert_eq!(anna.mounts.len(), 1, "{text}");
    assert_eq!(anna.mounts[0].permissions, anna.permissions);
    assert!(text.contains("file_mode: \"0600\", directory_mode: \"0700\""), "{text}");
}

/// As the server itself does it: the first of two directives, the last of two limits, all groups of a list unless `OR` stands there.
#[test]
fn of_two_the_right_one_counts() {
    let limit = |says: &str| format!("<Limit STOR>\n  {says}\n</Limit>\n");
    let may_store = |conf: &str| account(&of(conf).0, "carl").permissions.contains(Permissions::UPLOAD);
    assert!(may_store(&[limit("DenyAll"), limit("AllowAll")].concat()));
    assert!(!may_store(&[limit("AllowAll"), limit("DenyAll")].concat()));
    assert!(may_store(&limit("DenyGroup guests,staff")));
    assert!(!may_store(&limit("DenyGroup OR guests,staff")));
    let (config, _) = of("AllowOverwrite off\n");
    assert!(account(&config, "carl").permissions.contains(Permissions::OVERWRITE), "the first one is `on`");
    let (config, _) = of("<IfUser carl>\n  AllowOverwrite off\n</IfUser>\n");
    assert!(!account(&config, "carl").permissions.contains(Permissions::OVERWRITE));
}
