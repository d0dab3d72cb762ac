//! Apache commons-net, which applications in Java are built with.

use std::fs;
use std::time::{Duration, UNIX_EPOCH};

use super::encrypted;
use crate::support::{Program, Running, Setup, client_script};

/// 2020-02-03 04:05:06, which the program gives to the one file that it leaves in each folder.
const MODIFIED: Duration = Duration::from_secs(1_580_702_706);

/// Passive mode by PASV and by EPSV, and active mode; what was said.
fn serve(setup: &Setup, server: &Running<'_>, port: u16, mode: &str) -> String {
    let home = tempfile::tempdir().unwrap();
    let program = Program::new("java", home.path())
        .args(["-XX:-UsePerfData", "-cp", "/usr/share/java/commons-net.jar"])
        .arg(client_script("CommonsNet.java"))
        .args(["localhost", &port.to_string(), mode]);
    let program = if mode == "plain" { program } else { program.arg(&server.certificates().ca_file) };
    let said = program.run();
    for sent in ["PASV", "EPSV", "PORT "] {
        assert!(said.contains(&format!("\n{sent}")), "{sent} was not sent:\n{said}");
    }
    for sent in ["TYPE A N", "TYPE L 8", "TYPE I I"] {
        assert!(said.contains(&format!("\n{sent}")), "{sent} was not sent:\n{said}");
    }
    for folder in ["passive", "extended", "active"] {
        let names = fs::read_dir(setup.files().join(folder)).unwrap();
        let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["log"], "{folder}");
        let log = fs::metadata(setup.files().join(folder).join("log")).unwrap();
        assert_eq!(log.len(), 3000);
        assert_eq!(log.modified().unwrap(), UNIX_EPOCH + MODIFIED);
    }
    said
}

#[test]
fn is_served_without_encryption() {
    let setup = Setup::local();
    let server = setup.start();
    let said = serve(&setup, &server, server.address.port(), "plain");
    assert!(!said.contains("PROT"), "{said}");
}

#[test]
fn is_served_over_explicit_tls() {
    let setup = encrypted();
    let server = setup.start();
    let said = serve(&setup, &server, server.address.port(), "explicit");
    assert!(said.contains("AUTH TLS") && said.contains("PROT P"), "{said}");
}

#[test]
fn is_served_over_implicit_tls() {
    let setup = encrypted();
    let server = setup.start();
    let said = serve(&setup, &server, server.implicit_address().port(), "implicit");
    assert!(!said.contains("AUTH") && said.contains("PROT P"), "{said}");
}
