//! `make attack` in small, against the built server: each probe finds that it holds.

use std::path::Path;

use crate::support::{Program, skipped};

/// Runs a probe. Its exit status is 1 if the good client suffered.
#[track_caller]
fn assert_holds(probe: &str, rows: usize) {
    let home = tempfile::tempdir().unwrap();
    let attack = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/attack");
    let outcome = Program::new("python3", home.path())
        // What it leaves behind if it is killed goes with the home.
        .env("TMPDIR", home.path())
        .arg(attack)
        .args(["--quick", "--probes", probe, "--wharf", env!("CARGO_BIN_EXE_wharf")])
        .output();
    assert_eq!(outcome.status, 0, "{outcome}");
    let beginning = format!("| `{probe}` |");
    let found: Vec<&str> = outcome.stdout.lines().filter(|line| line.starts_with(&beginning)).collect();
    assert_eq!(found.len(), rows, "{outcome}");
    for row in found {
        if row.ends_with("| not permitted here |") {
            skipped(format!("the probe {probe}: {}", outcome.stderr));
        } else {
            assert!(row.ends_with("| held |") || row.ends_with("| not preventable |"), "{outcome}");
        }
    }
    let guide = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/trust.md")).unwrap();
    let told = guide.lines().filter(|line| line.starts_with(&beginning)).count();
    assert_eq!(told, rows, "docs/trust.md has other rows of {probe}");
}

#[test]
fn by_a_tls_session_of_a_stranger_is_held() {
    assert_holds("reuse", 1);
}

#[test]
fn by_a_scan_for_ports_is_held() {
    assert_holds("scan", 3);
}

#[test]
fn by_floods_of_passwords_is_held() {
    assert_holds("logins", 2);
}

#[test]
fn by_checksums_for_nobody_is_held() {
    assert_holds("checksums", 1);
}

#[test]
fn by_use_of_a_hung_disk_is_held() {
    assert_holds("disk", 1);
}

#[test]
fn by_sessions_that_never_log_in_is_held() {
    assert_holds("networks", 2);
}

#[test]
fn on_a_log_that_nobody_reads_is_held() {
    assert_holds("log", 2);
}
