//! Versions and cipher suites of TLS, and clients that have none in common with the server.

use std::process::Command;

use crate::support::{Program, Running, Setup};

/// What a handshake by OpenSSL came to: the version and the suite, as it calls them, or nothing.
fn agreed(server: &Running<'_>, arguments: &[&str]) -> Option<(String, String)> {
    let home = tempfile::tempdir().unwrap();
    let address = server.address.to_string();
    let outcome = Program::new("openssl", home.path())
        .args(["s_client", "-brief", "-starttls", "ftp", "-connect", &address])
        .args(arguments)
        .output();
    let said = format!("{}{}", outcome.stdout, outcome.stderr);
    let value = |name: &str| said.lines().find_map(|line| Some(line.strip_prefix(name)?.to_owned()));
    Some((value("Protocol version: ")?, value("Ciphersuite: ")?))
}

fn pair(version: &str, suite: &str) -> Option<(String, String)> {
    Some((version.to_owned(), suite.to_owned()))
}

#[test]
fn tls12_can_be_ruled_out() {
    let setup = Setup::local().tls_with("required", "min_version: 1.3");
    let server = setup.start();
    assert_eq!(agreed(&server, &["-tls1_2"]), None);
    server.log.expect("TLS handshake failed", &[("cause", "…SupportedVersionsExtensionRequired…")]);
    assert_eq!(agreed(&server, &["-tls1_3"]).unwrap().0, "TLSv1.3");
    let setup = Setup::local().tls_with("required", "min_version: \"1.2\"");
    let server = setup.start();
    assert_eq!(agreed(&server, &["-tls1_2"]).unwrap().0, "TLSv1.2");
    assert_eq!(agreed(&server, &[]).unwrap().0, "TLSv1.3");
    assert_eq!(agreed(&server, &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]), None);
}

#[test]
fn suites_can_be_chosen() {
    let setup = Setup::local().tls_with(
        "required",
        "cipher_suites: [TLS_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]",
    );
    let server = setup.start();
    assert_eq!(agreed(&server, &[]), pair("TLSv1.3", "TLS_AES_128_GCM_SHA256"));
    assert_eq!(agreed(&server, &["-tls1_2"]), pair("TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256"));
    assert_eq!(agreed(&server, &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384"]), None);
    server.log.expect("TLS handshake failed", &[("cause", "…NoCipherSuitesInCommon…")]);
    // Of one version alone the other is not spoken.
    let setup =
        Setup::local().tls_with("required", "cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]");
    let server = setup.start();
    assert_eq!(agreed(&server, &[]), pair("TLSv1.2", "ECDHE-ECDSA-AES256-GCM-SHA384"));
    let mut client = server.connect_tls();
    client.login("demo", "demo");
    client.store("file", b"12345");
    assert_eq!(client.retrieve("file"), b"12345");
}

/// Old systems of Windows have AES-GCM with ECDSA, and with RSA nothing that this server has.
#[test]
fn old_windows_needs_a_certificate_for_ecdsa() {
    const OF_WINDOWS: &[&str] = &[
        "-tls1_2",
        "-cipher",
        "AES128-SHA256:AES256-SHA:ECDHE-RSA-AES128-SHA256:ECDHE-RSA-AES256-SHA:ECDHE-ECDSA-AES128-GCM-SHA256:\
         ECDHE-ECDSA-AES128-SHA256:DHE-RSA-AES128-GCM-SHA256",
    ];
    let setup = Setup::local().tls("required");
    assert_eq!(agreed(&setup.start(), OF_WINDOWS), pair("TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=localhost"])
        .arg("-out")
        .arg(setup.folder().join("server.crt"))
        .arg("-keyout")
        .arg(setup.folder().join("server.key"))
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let server = setup.start();
    assert_eq!(agreed(&server, OF_WINDOWS), None);
    server.log.expect("TLS handshake failed", &[("cause", "…NoCipherSuitesInCommon…")]);
    assert_eq!(agreed(&server, &["-tls1_2"]), pair("TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384"));
}
