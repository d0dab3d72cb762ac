//! The programs of people, through any replica. (lftp: `transfers`.)

use std::fs;

use super::spreader::What;
use super::{Replicas, Wanted, sum};
use crate::real_clients::filezilla::{FileZilla, queue};
use crate::real_clients::rclone_at;
use crate::support::{Running, assert_bytes, assert_same_tree, noise, wait_until};

fn passed_on(running: &[Running<'_>]) -> f64 {
    running.iter().map(|replica| sum(replica, "wharf_cluster_relayed_connections_total{")).sum()
}

fn over_tls(keys: &'static str) -> Replicas {
    Replicas::new(Wanted { tls: Some(keys), ..Wanted::default() })
}

/// Four transfers at once, each with a session of its own, and then it compares.
#[test]
fn rclone_copies_trees_through_any_replica() {
    for encryption in ["explicit_tls=false", "explicit_tls=true,no_check_certificate=true"] {
        let replicas = over_tls("");
        let running = replicas.start();
        let spreader = replicas.spread(&running, What::Kept);
        let folder = tempfile::tempdir().unwrap();
        let up = folder.path().join("up");
        for number in 0..60_usize {
            let within = up.join(format!("d{}", number % 5));
            fs::create_dir_all(&within).unwrap();
            let size = if number % 20 == 0 { 4 << 20 } else { number * 331 };
            fs::write(within.join(format!("f{number}")), noise(size, number as u64)).unwrap();
        }
        let control = spreader.control();
        let (certificates, _) = replicas.certificates.as_ref().unwrap();
        let ca = certificates.path().join("ca.crt");
        let rclone =
            rclone_at(control.ip().to_string(), control.port(), &ca, folder.path(), encryption.to_owned());
        rclone(&["copy", "up", "REMOTE:tree"]);
        assert_same_tree(&up, &replicas.file("tree"));
        rclone(&["copy", "REMOTE:tree", "down"]);
        assert_same_tree(&up, &folder.path().join("down"));
        rclone(&["check", "--download", "up", "REMOTE:tree"]);
        // Two of three data connections are not at the replica of their session.
        assert!(passed_on(&running) > 100.0, "{} connections passed on", passed_on(&running));
        let lost: f64 =
            running.iter().map(|replica| sum(replica, "wharf_cluster_relay_failures_total{")).sum();
        assert_eq!(lost, 0.0);
    }
}

/// A session to look with, two to transfer with; it wants data connections to resume the TLS session of the control connection.
#[test]
fn filezilla_works_off_its_queue_through_any_replica() {
    let replicas = over_tls(", require_session_reuse: true");
    let running = replicas.start();
    let spreader = replicas.spread(&running, What::Kept);
    let (download, upload) = (noise(3_000_000, 11), noise(4_000_000, 12));
    fs::write(replicas.file("download"), &download).unwrap();
    let (host, port) = (spreader.control().ip().to_string(), spreader.control().port());
    let (certificates, _) = replicas.certificates.as_ref().unwrap();
    let filezilla = FileZilla::at(&host, port, &certificates.path().join("server.crt"), |home| {
        fs::write(home.join("local/upload"), &upload).unwrap();
        queue(home, &host, port, &[]);
    });
    wait_until("FileZilla has looked", || filezilla.log().contains("Directory listing of \"/\" successful"));
    filezilla.press("ctrl+p");
    wait_until("FileZilla is done", || filezilla.log().matches("File transfer successful").count() == 2);
    assert_bytes(&fs::read(replicas.file("upload")).unwrap(), &upload);
    assert_bytes(&fs::read(filezilla.local("download")).unwrap(), &download);
    assert!(passed_on(&running) > 0.0);
}
