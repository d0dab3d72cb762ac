use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::*;
use crate::config;

fn needs_of(folder: &Path, rest: &str) -> Vec<Need> {
    fs::create_dir_all(folder.join("files")).unwrap();
    let text = format!(
        "backends: {{ disk: {{ kind: local, root: files }}{rest}\nusers: [{{ name: a, password: x, plain: true, backend: disk }}]\n"
    );
    of(&config::parse(&text, "wharf.yaml", folder, &crate::storages::KINDS, &crate::engine::ENGINES).unwrap())
}

fn read(path: impl Into<PathBuf>) -> Need {
    Need { path: path.into(), purpose: Use::Read }
}

#[test]
fn a_local_disk_alone_needs_nothing_of_the_network() {
    let folder = tempfile::tempdir().unwrap();
    let needs = needs_of(folder.path(), " }");
    let changed: Vec<_> = needs.iter().filter(|need| need.purpose == Use::Change).collect();
    assert_eq!(changed, [&Need { path: folder.path().join("files"), purpose: Use::Change }]);
    assert!(!needs.contains(&read("/etc")) && !needs.contains(&read("/etc/ssl")), "{needs:?}");
}

#[test]
fn a_bucket_needs_names_and_authorities() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("credentials"),
        "[default]\naws_access_key_id = a\naws_secret_access_key = b\n",
    )
    .unwrap();
    let needs = needs_of(
        folder.path(),
        ", lake: { kind: s3, bucket: b, region: eu-west-1, credentials_file: credentials } }",
    );
    for path in ["/etc", "/etc/ssl"].map(PathBuf::from).into_iter().chain([folder.path().to_owned()]) {
        assert!(needs.contains(&read(&path)), "{path:?}: {needs:?}");
    }
}

#[test]
fn a_service_with_users_needs_names_and_authorities() {
    let folder = tempfile::tempdir().unwrap();
    let needs = needs_of(folder.path(), " }\nusers_from: [{ http: https://idp.example.com/ }]");
    for path in ["/etc", "/etc/ssl"] {
        assert!(needs.contains(&read(path)), "{path:?}: {needs:?}");
    }
}

/// A file is given other names in its directory, and one whose name is only known to the resolver is looked up.
#[test]
fn an_audit_needs_the_directory_of_its_file_or_the_way_to_its_collector() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("log")).unwrap();
    let rest = " }\naudit: [{ to: { file: log/audit } }, { to: { syslog: 'unix:run/log' } }, { to: { syslog: 'tcp://a:6514' } }]";
    let needs = needs_of(folder.path(), rest);
    let change = Need { path: folder.path().join("log"), purpose: Use::Change };
    for need in [&change, &read(folder.path().join("run")), &read("/etc")] {
        assert!(needs.contains(need), "{need:?}: {needs:?}");
    }
}

#[cfg(feature = "sql")]
#[test]
fn a_database_needs_names_and_authorities_or_its_file() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("users")).unwrap();
    fs::write(folder.path().join("users/users.db"), "").unwrap();
    let of = |url: &str| {
        let item = format!(" }}\nusers_from: [{{ sql: {{ url: '{url}', query: '$1 ?' }} }}]");
        needs_of(folder.path(), &item)
    };
    for path in ["/etc", "/etc/ssl"] {
        assert!(of("postgres://a@b.example.com").contains(&read(path)), "{path:?}");
        assert!(!of("sqlite:users/users.db").contains(&read(path)), "{path:?}");
    }
    assert!(of("sqlite:users/users.db").contains(&read(folder.path().join("users"))));
    assert!(of("mysql://a@%2Frun%2Fmysqld%2Fmysqld.sock").contains(&read("/run/mysqld")));
}

#[test]
#[cfg(feature = "jwt")]
fn keys_of_tokens_need_the_same_if_they_are_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("keys.pem"), wharf_testing::tokens::Signer::p256("k").pem()).unwrap();
    for (keys, elsewhere) in [("url: https://idp.example.com/", true), ("file: keys.pem", false)] {
        let sources = format!(
            " }}\nusers_from: [{{ jwt: {{ issuer: i, audience: a, keys: {{ {keys} }} }}, defaults: {{ backend: disk }} }}]"
        );
        let needs = needs_of(folder.path(), &sources);
        assert_eq!(needs.contains(&read("/etc/ssl")), elsewhere, "{keys}: {needs:?}");
        // A file is read again when the configuration is.
        assert_eq!(needs.contains(&read(folder.path())), !elsewhere, "{keys}: {needs:?}");
    }
}

#[test]
#[cfg(feature = "ldap")]
fn a_directory_with_users_needs_them_too() {
    let folder = tempfile::tempdir().unwrap();
    let ldap = "ldap: { url: ldaps://a, user_dn: \"uid={name},dc=x\" }, defaults: { backend: disk }";
    let needs = needs_of(folder.path(), &format!(" }}\nusers_from: [{{ {ldap} }}]"));
    for path in ["/etc", "/etc/ssl"] {
        assert!(needs.contains(&read(path)), "{path:?}: {needs:?}");
    }
}

#[test]
fn a_scanner_needs_names_or_its_socket() {
    let folder = tempfile::tempdir().unwrap();
    let of = |scanner: &str| needs_of(folder.path(), &format!(" }}\nscan: {{ {scanner} }}"));
    for scanner in ["clamd: 'tcp://scanner'", "icap: 'icap://scanner/a'"] {
        assert!(of(scanner).contains(&read("/etc")), "{scanner}");
    }
    let needs = of("clamd: 'unix:/run/clamav/clamd.ctl'");
    assert!(needs.contains(&read("/run/clamav")) && !needs.contains(&read("/etc")), "{needs:?}");
}

#[test]
fn names_for_passive_mode_are_looked_up() {
    let folder = tempfile::tempdir().unwrap();
    let needs = needs_of(folder.path(), " }\nserver: { passive: { address: ftp.example.com } }");
    assert!(needs.contains(&read("/etc")), "{needs:?}");
}

#[test]
fn tls_of_the_admin_interface_needs_the_authorities_of_its_clients_too() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("files")).unwrap();
    let text = "backends: { disk: { kind: local, root: files } }\n\
                users: [{ name: a, password: x, plain: true, backend: disk }]\n";
    let kinds = (&crate::storages::KINDS, &crate::engine::ENGINES);
    let mut config = config::parse(text, "wharf.yaml", folder.path(), kinds.0, kinds.1).unwrap();
    let clients = config::ClientCertificates {
        authorities: "/made-up/admins/ca.crt".into(),
        revocations: Vec::new(),
        required: true,
    };
    let tls = TlsSettings {
        required_control: true,
        required_data: true,
        certificate: "/made-up/tls/admin.crt".into(),
        key: "/made-up/keys/admin.key".into(),
        certificates: Vec::new(),
        clients: Some(clients),
        require_session_reuse: false,
        require_close_notify: false,
        min_version: config::TlsVersion::Tls12,
        cipher_suites: Vec::new(),
        max_record: 16384,
    };
    config.http.admin = Some(config::Admin {
        token: None,
        read_only_token: None,
        listen: Vec::new(),
        page: true,
        tls: Some(Box::new(tls)),
    });
    let needs = of(&config);
    for folder in ["/made-up/tls", "/made-up/keys", "/made-up/admins"] {
        assert!(needs.contains(&read(folder)), "{folder}: {needs:?}");
    }
}

/// Certificates are replaced: by another file of the directory, or by a link to one in another directory.
#[test]
fn files_that_are_read_again_are_allowed_by_their_directories() {
    let folder = tempfile::tempdir().unwrap();
    let [live, archive] = ["live", "archive"].map(|name| folder.path().join(name));
    fs::create_dir(&live).unwrap();
    fs::create_dir(&archive).unwrap();
    fs::write(archive.join("cert1.pem"), "").unwrap();
    symlink("../archive/cert1.pem", live.join("cert.pem")).unwrap();
    let mut needs = Needs::default();
    needs.follow([live.join("cert.pem")]);
    assert_eq!(needs.0, [read(&live), read(&archive)]);
}

#[test]
fn the_topmost_directory_is_never_allowed_for_a_file_in_it() {
    let mut needs = Needs::default();
    needs.follow(["/not-there.pem"]);
    assert_eq!(needs.0, [read("/not-there.pem")]);
}
