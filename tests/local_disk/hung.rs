//! A disk that does not answer for a while, whatever the engine.

use std::fs;

use super::odd::{Hang, hanging};
use crate::support::{Client, Engine, Setup, assert_bytes, metric, noise, wait_until};

#[test]
fn holds_up_no_other_disk() {
    let users = "
backends:
  hung: { kind: local, root: '{folder}/files', timeout: 10s }
  other: { kind: local, root: '{folder}/other' }
users:
  - { name: demo, password: demo, plain: true, backend: hung, permissions: full }
  - { name: other, password: other, plain: true, backend: other, permissions: full }
";
    let setup = Setup::new(users).server("limits: { sessions_per_ip: 2000 }").http();
    fs::create_dir(setup.folder().join("other")).unwrap();
    let Some(setup) = hanging(setup, &[]) else { return };
    let server = setup.start();
    let mut clients: Vec<Client> = (0..300).map(|_| server.login()).collect();
    let hang = Hang::of(&setup, "all");
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(&format!("MKD {number}"));
    }
    let running = || metric(&server, "wharf_disk_operations{backend=\"hung\"}").unwrap();
    let most = metric(&server, "wharf_disk_operations_limit{backend=\"hung\"}").unwrap();
    assert!(most < clients.len() as f64);
    wait_until("all places of the disk are taken", || running() == most);
    let mut other = server.login_as("other", "other");
    let content = noise(300_000, 1);
    other.store("file", &content);
    assert_bytes(&other.retrieve("file"), &content);
    assert_eq!(other.names(""), ["file"]);
    for client in &mut clients {
        let code = client.reply().code;
        // libunftp has words of its own for it.
        assert!(code == 451 || Engine::current() == Engine::Libunftp && code >= 400, "{code}");
    }
    drop(hang);
    wait_until("nothing runs there", || running() == 0.0);
    let mut client = server.login();
    client.store("file", &content);
    assert_bytes(&client.retrieve("file"), &content);
}
