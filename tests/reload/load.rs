//! Reloads while there is much to do.

use std::fs;
use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::{reload, setup_of};
use crate::support::{metric, wait_until};

const TRANSFERS: usize = 50;
const RELOADS: usize = 200;

/// Transfers are begun again and again while good and bad configurations are read. None of them is lost, each bad one is reported,
/// and nothing is left behind.
#[test]
fn no_transfer_is_lost_while_configurations_come_and_go() {
    let setup = setup_of(
        "
backends:
  disk: { kind: local, root: '{folder}/files' }
users:
  - { name: anna, password: apple, plain: true, backend: disk }
  - { name: bert, password: berry, plain: true, backend: disk }
",
    )
    .server("limits: { sessions_per_ip: 1000 }");
    let server = setup.start();
    let path = setup.folder().join("wharf.yaml");
    let good = fs::read_to_string(&path).unwrap();
    let other = good.replace("/files' }", "/files', sync: false }").replace("berry", "banana");
    let bad = good.replace("backend: disk", "backend: dusk");
    let descriptors = || fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap().count();
    let content = vec![b'x'; 256 * 1024];
    // All that is made once.
    server.login_as("anna", "apple").store("first", &content);
    assert_eq!(reload(&setup).status.code(), Some(0));
    let before = descriptors();
    let (over, done) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for number in 0..TRANSFERS {
            let (server, content, over, done) = (&server, &content, &over, &done);
            scope.spawn(move || {
                let mut client = server.login_as("anna", "apple");
                client.expect("TYPE I", 200);
                let name = format!("file{number}");
                while !over.load(Ordering::Relaxed) {
                    let mut data = client.start_transfer(&format!("STOR {name}"));
                    let (half, rest) = content.split_at(content.len() / 2);
                    data.write_all(half).unwrap();
                    data.flush().unwrap();
                    data.write_all(rest).unwrap();
                    drop(data);
                    client.expect_reply(226);
                    let mut data = client.start_transfer(&format!("RETR {name}"));
                    let mut found = Vec::new();
                    data.read_to_end(&mut found).unwrap();
                    drop(data);
                    client.expect_reply(226);
                    assert!(found == *content, "{name}");
                    done.fetch_add(1, Ordering::Relaxed);
                }
                client.expect("QUIT", 221);
            });
        }
        let mut bad_ones = 0;
        for round in 0..RELOADS {
            let (text, status) = match round % 3 {
                0 => (&other, 0),
                1 => (&bad, 2),
                _ => (&good, 0),
            };
            bad_ones += usize::from(status == 2);
            fs::write(&path, text).unwrap();
            let output = reload(&setup);
            let complaint = String::from_utf8_lossy(&output.stderr);
            // Whatever fails, the others have to end.
            if output.status.code() != Some(status) || (status == 2 && !complaint.contains("\"dusk\"")) {
                over.store(true, Ordering::Relaxed);
                panic!("round {round}: {complaint}");
            }
        }
        // Each transfer has seen some of them.
        wait_until("all transfers were done", || done.load(Ordering::Relaxed) >= TRANSFERS);
        over.store(true, Ordering::Relaxed);
        let counted =
            |result: &str| metric(&server, &format!("wharf_config_reloads_total{{result=\"{result}\"}}"));
        assert_eq!(counted("problems"), Some(bad_ones as f64));
        assert_eq!(counted("done"), Some((1 + RELOADS - bad_ones) as f64));
    });
    assert_eq!(metric(&server, "wharf_transfer_failures_total"), None);
    // The disk of the last world may not be the one of the first.
    wait_until("descriptors are closed", || descriptors() <= before + 2);
}
