use std::fs;
use std::path::Path;

use super::*;
use crate::config::TlsVersion;

/// Writes a certificate of these names; returns the item of the configuration that names it for these hosts.
fn item(folder: &Path, file: &str, names: &[&str], hosts: &[&str]) -> HostCertificate {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let pair = rcgen::generate_simple_self_signed(names).unwrap();
    let (certificate, key) = (folder.join(format!("{file}.crt")), folder.join(format!("{file}.key")));
    fs::write(&certificate, pair.cert.pem()).unwrap();
    fs::write(&key, pair.signing_key.serialize_pem()).unwrap();
    HostCertificate {
        hosts: hosts.iter().map(|host| HostPattern::parse(host).unwrap()).collect(),
        certificate,
        key,
    }
}

fn settings(usual: HostCertificate, certificates: Vec<HostCertificate>) -> TlsSettings {
    TlsSettings {
        required_control: false,
        required_data: false,
        certificate: usual.certificate,
        key: usual.key,
        certificates,
        clients: None,
        require_session_reuse: false,
        require_close_notify: true,
        min_version: TlsVersion::Tls12,
        cipher_suites: Vec::new(),
        max_record: 16 * 1024,
    }
}

fn host(text: &str) -> Host {
    Host::parse(text).unwrap()
}

#[test]
fn each_host_has_its_certificate_and_all_others_the_usual_one() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let settings = settings(
        item(folder, "usual", &["ftp.example", "192.0.2.7"], &[]),
        vec![
            // What is configured counts, and not what the certificate names.
            item(folder, "a", &["other.example"], &["ftp.a.example", "*.b.example", "192.0.2.8"]),
            item(folder, "b", &["own.b.example", "*.C.example", "192.0.2.9"], &[]),
        ],
    );
    let hosts = HostCertificates::load(&settings).unwrap();
    for (named, choice, is_known) in [
        ("ftp.example", Choice(None), true),
        ("192.0.2.7", Choice(None), true),
        ("ftp.A.example.", Choice(Some(0)), true),
        ("x.b.example", Choice(Some(0)), true),
        ("192.0.2.8", Choice(Some(0)), true),
        ("own.b.example", Choice(Some(1)), true),
        ("x.c.example", Choice(Some(1)), true),
        ("other.example", Choice(None), false),
        ("c.example", Choice(None), false),
        ("x.x.c.example", Choice(None), false),
        ("192.0.2.9", Choice(None), false),
        ("[::1]", Choice(None), false),
    ] {
        assert_eq!(
            (hosts.choose(Some(&host(named))), hosts.knows(&host(named))),
            (choice, is_known),
            "{named}"
        );
        assert_eq!(hosts.shown(choice).is_some(), choice != Choice(None), "{named}");
    }
    assert_eq!(hosts.choose(None), Choice(None));
}

#[test]
fn errors_name_the_hosts_and_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let usual = item(folder, "usual", &["ftp.example"], &[]);
    let error = |item: HostCertificate| {
        let error = HostCertificates::load(&settings(usual.clone(), vec![item])).unwrap_err();
        error.to_string().replace(folder.to_str().unwrap(), "DIR")
    };
    let good = item(folder, "a", &["a.example"], &["a.example", "b.example", "c.example", "d.example"]);
    let nowhere = HostCertificate { certificate: folder.join("nowhere"), ..good.clone() };
    assert_eq!(
        error(nowhere),
        "hosts a.example, b.example, c.example, …: certificate DIR/nowhere: there is no such file or directory"
    );
    let other = HostCertificate { key: usual.key.clone(), hosts: Vec::new(), ..good };
    assert_eq!(error(other), "key DIR/usual.key does not belong to certificate DIR/a.crt");
    assert_eq!(
        error(item(folder, "nobody", &[], &[])),
        "certificate DIR/nobody.crt: it names no host, so `hosts` is needed"
    );
    let blunt = HostCertificate {
        hosts: vec![HostPattern::parse("x.example").unwrap()],
        ..item(folder, "x", &[], &[])
    };
    assert!(HostCertificates::load(&settings(usual.clone(), vec![blunt])).is_ok());
}

#[test]
fn certificates_cover_what_clients_would_accept() {
    let folder = tempfile::tempdir().unwrap();
    let item = item(folder.path(), "a", &["a.example", "*.b.example", "192.0.2.7"], &[]);
    let certificate = crate::tls::certificates(&item.certificate).unwrap().remove(0);
    for (pattern, is_covered) in [
        ("A.example", true),
        ("*.b.example", true),
        ("x.b.example", true),
        ("192.0.2.7", true),
        ("*.a.example", false),
        ("b.example", false),
        ("192.0.2.8", false),
    ] {
        let host = HostPattern::parse(pattern).unwrap().example();
        assert_eq!(covers(&certificate, &host), is_covered, "{pattern}");
    }
}
