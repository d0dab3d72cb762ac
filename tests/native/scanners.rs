//! What the security scanners nmap, sslyze and testssl.sh find. They are told to stay on loopback: nmap would have the
//! server dial out, testssl.sh would ask a name server.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use rustix::process::geteuid;
use serde_json::Value;

use crate::support::{Program, Setup, installed};

fn encrypted(mode: &str) -> Setup {
    Setup::local().tls(mode).server("implicit_tls_listen: [\"127.0.0.1:0\"]")
}

fn nmap(ports: &[u16], scripts: &str, arguments: &str, folder: &Path) -> String {
    let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
    Program::new("nmap", folder)
        // Without a checkhost, ftp-bounce has the server connect to a host of the Internet.
        .args(["-Pn", "-n", "-v", "-sV", "--script", scripts, "--script-args"])
        .arg(format!("ftp-bounce.checkhost=127.0.0.9{arguments}"))
        .args(["-p", &ports.join(","), "127.0.0.1"])
        .run()
}

#[test]
fn nmap_finds_no_anonymous_login_and_only_good_ciphers() {
    let setup = encrypted("required");
    let server = setup.start();
    let ports = [server.address.port(), server.implicit_address().port()];
    let said = nmap(&ports, "ftp-anon,ftp-syst,ftp-bounce,ssl-enum-ciphers", "", setup.folder());
    let about = |port: u16| {
        let from = said.find(&format!("{port}/tcp open")).unwrap_or_else(|| panic!("{port}\n{said}"));
        let lines = said[from..].lines();
        let others = lines.clone().skip(1).take_while(|line| line.starts_with('|'));
        (lines.clone().next().unwrap().to_owned(), others.collect::<Vec<_>>())
    };
    for (port, kind) in ports.into_iter().zip(["open  ftp ", "open  ssl/ftp "]) {
        let (service, lines) = about(port);
        assert!(service.contains(kind), "{said}");
        // What a script says begins right behind its mark, its further lines further in.
        let scripts: Vec<_> = lines.iter().filter(|line| line.as_bytes().get(2) != Some(&b' ')).collect();
        assert_eq!(scripts, [&"| ssl-enum-ciphers: "], "{said}");
        let versions: Vec<_> = lines
            .iter()
            .filter_map(|line| line.strip_prefix("|   "))
            .filter(|line| line.starts_with(['T', 'S']))
            .collect();
        assert_eq!(versions, ["TLSv1.2: ", "TLSv1.3: "], "{said}");
        let ciphers: Vec<_> = lines.iter().filter(|line| line.starts_with("|       TLS_")).collect();
        assert!(ciphers.len() >= 4 && ciphers.iter().all(|line| line.ends_with(" - A")), "{said}");
        assert!(lines.contains(&"|_  least strength: A"), "{said}");
        assert!(!said.contains("warnings:"), "{said}");
    }
    server
        .log
        .expect("login failed", &[("user", "anonymous"), ("cause", "…anonymous logins are not enabled…")]);
}

/// Logged in, as only then PORT is answered by more than a demand for a login.
#[test]
fn nmap_can_not_bounce() {
    let setup = Setup::local();
    let server = setup.start();
    let login = ",ftp-bounce.username=demo,ftp-bounce.password=demo";
    let said = nmap(&[server.address.port()], "ftp-bounce", login, setup.folder());
    assert!(said.contains("PORT response: 504 Only your own address"), "{said}");
    assert!(!said.contains("bounce working") && !said.contains("forbids bouncing to low ports"), "{said}");
}

/// What Mozilla's profile "intermediate" holds against the test's own certificate.
const ABOUT_THE_CERTIFICATE_TO_SSLYZE: &[&str] = &[
    // The authority was made for this test.
    "certificate_path_validation",
    // It is valid from 1975 to 4096.
    "maximum_certificate_lifespan",
];

#[test]
fn sslyze_finds_nothing_over_explicit_tls() {
    let setup = encrypted("required");
    let server = setup.start();
    sslyze(server.address.port(), &["--starttls=ftp"], setup.folder());
}

#[test]
fn sslyze_finds_nothing_over_implicit_tls() {
    let setup = encrypted("required");
    let server = setup.start();
    sslyze(server.implicit_address().port(), &[], setup.folder());
}

fn sslyze(port: u16, how: &[&str], folder: &Path) {
    let outcome = installed("scanners/bin/sslyze", folder)
        .args(["--mozilla_config=intermediate", "--early_data", "--json_out=sslyze.json"])
        .args(how)
        .arg(format!("localhost:{port}"))
        .output();
    let found: Value = serde_json::from_slice(&fs::read(folder.join("sslyze.json")).unwrap()).unwrap();
    let server = &found["server_scan_results"][0];
    assert_eq!(server["scan_status"], "COMPLETED", "{outcome}");
    let checks = server["scan_result"].as_object().unwrap();
    for (name, check) in checks {
        let left_out = ["session_resumption", "http_headers"].contains(&name.as_str());
        assert_eq!(
            check["status"],
            if left_out { "NOT_SCHEDULED" } else { "COMPLETED" },
            "{name}\n{outcome}"
        );
    }
    let is = |check: &str, name: &str| checks[check]["result"][name].clone();
    for version in ["ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1"] {
        let accepted = is(&format!("{version}_cipher_suites"), "accepted_cipher_suites");
        assert_eq!(accepted, Value::Array(Vec::new()), "{version}\n{outcome}");
    }
    for version in ["tls_1_2", "tls_1_3"] {
        assert_eq!(is(&format!("{version}_cipher_suites"), "is_tls_version_supported"), true, "{outcome}");
    }
    for (check, name, right) in [
        ("heartbleed", "is_vulnerable_to_heartbleed", false),
        ("openssl_ccs_injection", "is_vulnerable_to_ccs_injection", false),
        ("session_renegotiation", "is_vulnerable_to_client_renegotiation_dos", false),
        ("session_renegotiation", "supports_secure_renegotiation", true),
        ("tls_1_3_early_data", "supports_early_data", false),
        ("tls_compression", "supports_compression", false),
        ("tls_extended_master_secret", "supports_ems_extension", true),
        ("tls_fallback_scsv", "supports_fallback_scsv", true),
    ] {
        assert_eq!(is(check, name), right, "{check}\n{outcome}");
    }
    assert_eq!(is("robot", "robot_result"), "NOT_VULNERABLE_RSA_NOT_SUPPORTED", "{outcome}");
    assert!(outcome.stdout.contains("COMPLIANCE AGAINST TLS CONFIGURATION"), "{outcome}");
    let complaints = outcome.stdout.lines().filter_map(|line| line.strip_prefix("        * "));
    let complaints: BTreeSet<_> = complaints.filter_map(|line| line.split(':').next()).collect();
    assert_eq!(complaints, ABOUT_THE_CERTIFICATE_TO_SSLYZE.iter().copied().collect(), "{outcome}");
}

#[test]
fn testssl_finds_nothing_in_the_protocols_and_the_certificate() {
    let expected = [
        // All ciphers there are are good, so the server takes the one that the client likes best, as Mozilla recommends.
        ("cipher_order", "HIGH"),
        // The test's authority says nowhere what it has revoked.
        ("cert_revocation", "HIGH"),
        // It signs for the time from 1975 to 4096.
        ("cert_validityPeriod", "HIGH"),
    ];
    testssl(&["--protocols", "--std", "--server-preference", "--server-defaults"], &expected);
}

/// By name: Heartbleed, CCS, ROBOT, CRIME, POODLE, SWEET32, FREAK, DROWN, LOGJAM, BEAST, LUCKY13, RC4 and renegotiation.
#[test]
fn testssl_finds_no_vulnerability() {
    testssl(&["--vulnerable"], &[]);
}

/// Demands that exactly these findings are worse than `INFO`.
fn testssl(checks: &[&str], expected: &[(&str, &str)]) {
    let setup = encrypted("required");
    let server = setup.start();
    let unshare = if geteuid().is_root() { "--mount" } else { "--map-root-user" };
    // It tries its openssl on the name `invalid`. Without this file, loopback is asked for it instead of a name server.
    let without_name_servers = "mount --bind /dev/null /etc/resolv.conf && exec \"$@\"";
    let outcome = Program::new("unshare", setup.folder())
        .args([unshare, "--mount", "sh", "-c", without_name_servers, "sh", "testssl", "--starttls", "ftp"])
        .args(["--nodns=none", "--warnings=batch", "--quiet", "--color=0"])
        .args(["--connect-timeout=60", "--openssl-timeout=60", "--jsonfile=testssl.json", "--add-ca=ca.crt"])
        .args(checks)
        .arg(server.address.to_string())
        .output();
    let found = fs::read(setup.folder().join("testssl.json")).unwrap_or_else(|_| panic!("{outcome}"));
    let found: Vec<Value> = serde_json::from_slice(&found).unwrap_or_else(|_| panic!("{outcome}"));
    assert!(found.iter().filter(|finding| finding["severity"] == "OK").count() > 8, "{outcome}");
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
    let worse: BTreeSet<_> = found
        .iter()
        .filter(|finding| !["OK", "INFO"].contains(&text(finding, "severity").as_str()))
        // About the scanner: the openssl of this machine knows no GOST.
        .filter(|finding| text(finding, "id") != "engine_problem")
        // Its openssl is told to leave at once. If it does so before the ticket of TLS 1.3 has come, which is sent behind the
        // handshake, it has nothing to come back with, and that is what it says. `session_reuse` shows that tickets work.
        .filter(|finding| {
            (text(finding, "id").as_str(), text(finding, "finding").as_str())
                != ("sessionresumption_ticket", "check failed because of connect problem")
        })
        .map(|finding| (text(finding, "id"), text(finding, "severity")))
        .collect();
    let expected = expected.iter().map(|(id, severity)| ((*id).to_owned(), (*severity).to_owned())).collect();
    assert_eq!(worse, expected, "{outcome}");
}
