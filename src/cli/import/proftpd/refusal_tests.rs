//! Nobody gets more than there: what ends a line, what is not understood, and what is refused to one login alone.

use super::super::super::Source;
use super::super::super::tests::{accepted, assert_remark, import};
use super::{BASE, GROUPS, account, of, users};
use crate::config::Permissions;

fn names(conf: &str) -> (Vec<String>, String) {
    let (config, text) = of(conf);
    (config.users.iter().map(|user| user.name.clone()).collect(), text)
}

#[test]
fn comments_end_lines_and_go_on_in_none() {
    let (config, text) = of("<Limit WRITE> # readers only\n  DenyAll\n</Limit> # until May\n");
    assert_eq!(account(&config, "anna").permissions, Permissions::READ_ONLY, "{text}");
    let (config, text) = of("<Limit WRITE>\n  DenyGroup guests # contractors, too\n</Limit>\n");
    assert_eq!(account(&config, "carl").permissions, Permissions::READ_ONLY, "{text}");
    assert_eq!(account(&config, "anna").permissions, Permissions::FULL, "{text}");
    assert_eq!(names("<Limit LOGIN>\n  AllowUser anna # bob is gone\n  DenyAll\n</Limit>\n").0, ["anna"]);
    let (config, text) = of("<Limit WRITE>\n  # AllowAll \\\n  DenyAll\n</Limit>\n");
    assert_eq!(account(&config, "anna").permissions, Permissions::READ_ONLY, "{text}");
    // In a directive of several lines they are left out, or end it.
    let (config, _) = of("<Limit WRITE>\n  DenyUser OR anna\\\n  # bob \\\n  ,carl # bob\n</Limit>\n");
    let may = |name: &str| account(&config, name).permissions == Permissions::FULL;
    assert_eq!(["anna", "bob", "carl"].map(may), [false, true, false]);
    // In quotes it is a part of a word.
    let (config, _) = of("<Limit \"WRITE\" >\n  DenyUser \"#x\" bob\n</Limit>\n");
    assert_eq!(account(&config, "bob").permissions, Permissions::READ_ONLY);
}

#[test]
fn files_are_included_by_patterns_of_folders() {
    let limit = "<Limit WRITE>\n  DenyAll\n</Limit>\n";
    let (config, text, _) = accepted(
        Source::Proftpd,
        &[
            ("proftpd.conf", &format!("{BASE}Include /etc/sites/*/limits.conf\n")),
            ("in/etc/sites/one/limits.conf", limit),
            ("in/etc/users", &users()),
            ("in/etc/groups", GROUPS),
        ],
    );
    assert_eq!(account(&config, "anna").permissions, Permissions::READ_ONLY, "{text}");
}

#[test]
fn definitions_count_as_not_given() {
    let refuse = "<Limit WRITE>\n  DenyAll\n</Limit>\n";
    let (config, text) = of(&format!("<IfDefine !OPEN>\n{refuse}</IfDefine>\n"));
    assert_eq!(account(&config, "anna").permissions, Permissions::READ_ONLY, "{text}");
    assert_remark(&text, "proftpd.conf", 6, "<ifdefine !OPEN>");
    let (config, text) = of(&format!(
        "{refuse}<IfDefine OPEN>\n<Limit STOR>\n  AllowAll\n</Limit>\n</IfDefine>\n<IfModule !mod_x.c>\n  Umask 0\n</IfModule>\n"
    ));
    assert_eq!(account(&config, "anna").permissions, Permissions::READ_ONLY, "{text}");
    assert_remark(&text, "proftpd.conf", 9, "<ifdefine OPEN>");
    assert_remark(&text, "proftpd.conf", 14, "all modules count as loaded");
}

fn anonymous(before: &str, inside: &str) -> (bool, String) {
    let (config, text) = of(&format!(
        "{before}<Anonymous /srv/public>\n  User ftp\n  UserAlias anonymous ftp\n{inside}</Anonymous>\n"
    ));
    (config.anonymous.is_some(), text)
}

#[test]
fn limits_of_logins_are_those_of_the_anonymous_one_too() {
    let limit = |says: &str| format!("<Limit LOGIN>\n{says}</Limit>\n");
    let ten = limit("Order allow,deny\nAllow from 10.0.0.0/8\nDeny from all\n");
    let all = limit("AllowAll\n");
    assert!(anonymous("", "").0);
    let (is_there, text) = anonymous("", &limit("DenyAll\n"));
    assert!(!is_there, "{text}");
    assert_remark(&text, "proftpd.conf", 6, "<Limit LOGIN> refuses the anonymous login");
    for (before, inside) in [("", ten.as_str()), (&ten, ""), ("", &limit("Deny from bad.example.com\n"))] {
        let (is_there, text) = anonymous(before, inside);
        assert!(!is_there, "{text}");
        let line = 6 + before.lines().count();
        assert_remark(&text, "proftpd.conf", line, "which `anonymous` can't say");
    }
    // What the block itself allows is allowed.
    assert!(anonymous(&limit("DenyAll\n"), &all).0);
    assert!(anonymous(&ten, &all).0);
    assert!(!anonymous(&limit("DenyAll\n"), "").0);
}

#[test]
fn each_limit_of_logins_may_refuse() {
    let limit = |says: &str| format!("<Limit LOGIN>\n{says}</Limit>\n");
    let two = [limit("DenyUser bob\n"), limit("AllowAll\n")];
    assert_eq!(names(&two.concat()).0, ["anna", "carl"]);
    // By name, from wherever: the network is no way around it.
    let (left, _) = names(&limit("Order deny,allow\nAllow from 10.0.0.0/8\nDenyUser bob\n"));
    assert_eq!(left, ["anna", "carl"]);
    assert!(names(&limit("Deny from !10.0.0.0/8\n")).0.is_empty());
    assert!(names(&limit("Deny from 10.0.0.*\n")).0.is_empty());
}

#[test]
fn what_is_not_understood_refuses_everybody_and_allows_nobody() {
    for (line, about) in [
        ("DenyUser regex ^b", "regular expressions, so this refuses everybody"),
        ("DenyGroup regex ^den", "regular expressions"),
        ("Deny from 127.0.0.0/8", "networks count for LOGIN alone"),
        ("DenyClass outside", "classes of clients"),
        ("DenyFilter ^x", "commands are not looked at"),
        ("AllowUser regex ^b\n  DenyAll", "regular expressions, so this allows nobody"),
        ("AllowClass inside\n  DenyAll", "allows nobody"),
        ("AllowFilter ^x\n  DenyAll", "allows nobody"),
        ("Allow from 127.0.0.1\n  DenyAll", "networks count for LOGIN alone, so this allows nobody"),
    ] {
        let (config, text) = of(&format!("<Limit WRITE>\n  {line}\n</Limit>\n"));
        for name in ["anna", "bob"] {
            assert_eq!(account(&config, name).permissions, Permissions::READ_ONLY, "{line}\n{text}");
        }
        assert_remark(&text, "proftpd.conf", 7, about);
    }
    let (left, text) = names("<Limit LOGIN>\n  DenyUser regex ^b\n</Limit>\n");
    assert!(left.is_empty(), "{text}");
    let (config, _) = of("<Limit WRITE>\n  Deny from none\n</Limit>\n");
    assert_eq!(account(&config, "anna").permissions, Permissions::FULL);
}

/// With no file of groups it is not known who is in one.
#[test]
fn unknown_groups_refuse() {
    let conf = format!(
        "{}<Limit WRITE>\n  DenyGroup guests\n</Limit>\n",
        BASE.replace("AuthGroupFile /etc/groups\n", "")
    );
    let files = [("proftpd.conf", conf.as_str()), ("in/etc/users", &users())];
    let (config, text, _) = accepted(Source::Proftpd, &files);
    assert_eq!(account(&config, "carl").permissions, Permissions::READ_ONLY, "{text}");
    assert_remark(&text, "proftpd.conf", 6, "no file of groups was read");
}

#[test]
fn filters_of_names_take_what_makes_names() {
    let left = Permissions::READ_ONLY | Permissions::DELETE;
    let (config, text) = of(
        "PathDenyFilter \"\\.(php|exe)$\"\n<Directory ~/open>\n  PathDenyFilter none\n</Directory>\n<Directory ~/in>\n  PathAllowFilter ^x\n\
         </Directory>\n",
    );
    let anna = account(&config, "anna");
    assert_eq!(anna.permissions, left, "{text}");
    let mounts: Vec<_> = anna.mounts.iter().map(|mount| (mount.at.as_str(), mount.permissions)).collect();
    assert_eq!(mounts, [("/open", Permissions::FULL)], "{text}");
    assert_remark(&text, "proftpd.conf", 6, "limits.refuse_names");
    assert_remark(&text, "proftpd.conf", 11, "limits.refuse_names");
}

#[test]
fn encryption_is_required_as_there() {
    let mode = |conf: &str| {
        let files = "TLSEngine on\nTLSRSACertificateFile /c\nTLSRSACertificateKeyFile /k\n";
        let conf = format!("{BASE}{files}{conf}");
        let files = [("proftpd.conf", conf.as_str()), ("in/etc/users", &users()), ("in/etc/groups", GROUPS)];
        let text = import(Source::Proftpd, &files).unwrap().0;
        let line = text.lines().find_map(|line| line.strip_prefix("  mode: ")).unwrap().to_owned();
        (line, text)
    };
    for (word, expected) in [
        ("on", "required"),
        ("YES", "required"),
        ("both", "required"),
        ("ctrl+data", "required"),
        ("auth+data", "required"),
        ("control", "required-control"),
        ("ctrl", "required-control"),
        ("ctrl+!data", "required-control"),
        ("auth", "required-control"),
        ("auth+!data", "required-control"),
        ("data", "required-data"),
        ("!data", "optional"),
        ("off", "optional"),
        ("certainly", "required"),
    ] {
        assert_eq!(mode(&format!("TLSRequired {word}\n")).0, expected, "{word}");
    }
    let (inner, text) = mode("TLSRequired ctrl\n<Directory ~/secret>\n  TLSRequired data\n</Directory>\n");
    assert_eq!(inner, "required");
    assert_remark(&text, "proftpd.conf", 11, "required of all");
    let host = "<VirtualHost 127.0.0.9>\n  TLSEngine on\n  TLSRSACertificateFile /d\n  TLSRequired on\n</VirtualHost>\n";
    assert_eq!(mode(host).0, "required");
    for (word, expected) in [("yes", false), ("on", false), ("1", false), ("optional", true)] {
        let (_, text) = mode(&format!("TLSVerifyClient {word}\nTLSCACertificateFile /a\n"));
        assert!(text.contains("client_authorities: /a\n"), "{text}");
        assert_eq!(text.contains("require_client_certificate: false"), expected, "{word}");
    }
    assert!(mode("TLSVerifyClient on\n").1.contains("client_authorities: tls/clients.crt\n"));
    assert!(!mode("TLSVerifyClient no\nTLSCACertificateFile /a\n").1.contains("client_authorities"));
}

/// A server without its certificate must not take passwords in the clear: it does not start.
#[test]
fn encryption_without_a_certificate_of_pem_stays_required() {
    let conf = format!("{BASE}TLSEngine on\nTLSRequired on\nTLSPKCS12File /etc/p12\n");
    let files = [("proftpd.conf", conf.as_str()), ("in/etc/users", &users()), ("in/etc/groups", GROUPS)];
    let (text, _) = import(Source::Proftpd, &files).unwrap();
    assert!(
        text.contains("tls:\n  mode: required\n  certificate: tls/tls.crt\n  key: tls/tls.key\n"),
        "{text}"
    );
    assert_remark(&text, "proftpd.conf", 8, "put one and its key to tls/tls.crt and tls/tls.key");
}

#[test]
fn directories_with_an_access_file_are_closed() {
    let read = |conf: &str| {
        let conf = format!("{BASE}{conf}");
        let (config, text, _) = accepted(
            Source::Proftpd,
            &[
                ("proftpd.conf", conf.as_str()),
                ("in/etc/users", &users().replace(":1000:", ":987654:")),
                ("in/etc/groups", GROUPS),
                ("in/srv/ftp/anna/a/.ftpaccess", "<Limit WRITE>\n  DenyAll\n</Limit>\n"),
                ("in/srv/ftp/anna/a/b/c/file", ""),
                ("in/srv/ftp/bob/.ftpaccess", "<Limit ALL>\n  DenyAll\n</Limit>\n"),
                ("in/srv/public/.ftpaccess", "<Limit LOGIN>\n  DenyAll\n</Limit>\n"),
            ],
        );
        (config, text)
    };
    let anonymous = "<Anonymous /srv/public>\n  User ftp\n</Anonymous>\n";
    let below = "<Directory ~/a/b>\n  AllowOverwrite off\n</Directory>\n";
    let (config, text) = read(&format!("{below}{anonymous}"));
    let shown = |config: &crate::config::Config, name: &str| {
        let account = account(config, name);
        let mounts: Vec<_> =
            account.mounts.iter().map(|mount| (mount.at.to_string(), mount.permissions)).collect();
        (account.permissions, mounts)
    };
    assert_eq!(
        shown(&config, "anna"),
        (Permissions::READ_ONLY, vec![("/a".to_owned(), Permissions::empty())]),
        "{text}"
    );
    assert_eq!(shown(&config, "bob"), (Permissions::empty(), Vec::new()), "{text}");
    assert_eq!(account(&config, "carl").permissions, Permissions::FULL, "{text}");
    assert!(config.anonymous.unwrap().account.permissions.is_empty(), "{text}");
    assert_remark(&text, "/etc/users", 1, "/srv/ftp/anna/a/.ftpaccess is not read");
    assert_remark(&text, "proftpd.conf", 9, "/srv/public/.ftpaccess is not read");
    // Where such files don't count, they close nothing.
    let (config, text) = read(
        "AllowOverride off user bob\n<Directory ~/a>\n  AllowOverride off\n</Directory>\n<Directory /srv/ftp/bob>\n  AllowOverride on user anna\n\
         </Directory>\n",
    );
    for name in ["anna", "bob"] {
        assert_eq!(shown(&config, name), (Permissions::READ_ONLY, Vec::new()), "{text}");
    }
    assert!(!text.contains(".ftpaccess"), "{text}");
}
