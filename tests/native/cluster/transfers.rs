//! Whole trees and single files, through any replica.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use super::spreader::What;
use super::{Replicas, Wanted, address, first_port, session, sum};
use crate::support::{Client, Program, assert_bytes, assert_same_tree, noise};

/// A hundred files, the largest of which are larger than what sockets buffer.
fn write_some(root: &Path) {
    for number in 0..100_u64 {
        let folder = root.join(format!("d{}", number % 7));
        fs::create_dir_all(&folder).unwrap();
        let size = if number % 50 == 49 { 6 << 20 } else { (number * 97) as usize };
        fs::write(folder.join(format!("f{number}")), noise(size, number)).unwrap();
    }
}

/// lftp mirrors up and down; what the replicas have passed on.
fn mirrors(tls: Option<(&'static str, &'static str)>, what: fn() -> What, wanted: Wanted) {
    mirrors_with("", tls, what, wanted, |passed_on, bytes| {
        assert!(passed_on > 10.0, "{passed_on} connections passed on");
        assert!(bytes > 5e4, "{bytes} bytes passed on");
    });
}

fn mirrors_with(
    settings: &str,
    tls: Option<(&'static str, &'static str)>,
    what: fn() -> What,
    wanted: Wanted,
    expect: fn(f64, f64),
) {
    let replicas = Replicas::new(Wanted { tls: tls.map(|(keys, _)| keys), ..wanted });
    let running = replicas.start();
    let spreader = replicas.spread(&running, what());
    let folder = tempfile::tempdir().unwrap();
    write_some(&folder.path().join("up"));
    let encryption = match (&replicas.certificates, tls) {
        (Some((folder, _)), Some((_, priority))) => format!(
            "set ftp:ssl-force yes; set ftp:ssl-protect-data yes; set ssl:check-hostname no; set ssl:ca-file {}/ca.crt; set ssl:priority {priority}",
            folder.path().display()
        ),
        _ => "set ftp:ssl-allow no".to_owned(),
    };
    let script = format!(
        "set cmd:fail-exit yes; set net:max-retries 3; set net:timeout 30; set net:reconnect-interval-base 1; {settings}{encryption}
open -u demo,demo ftp://{}
mirror --reverse --parallel=4 up tree
mirror --parallel=4 tree down",
        spreader.control()
    );
    Program::new("lftp", folder.path()).args(["--norc", "-c"]).arg(&script).run();
    assert_same_tree(&folder.path().join("up"), &replicas.file("tree"));
    assert_same_tree(&folder.path().join("up"), &folder.path().join("down"));
    for replica in &running {
        expect(
            sum(replica, "wharf_cluster_relayed_connections_total{"),
            sum(replica, "wharf_cluster_relayed_bytes_total{"),
        );
        assert_eq!(sum(replica, "wharf_cluster_relay_failures_total{"), 0.0);
    }
}

#[test]
fn in_plain_text_trees_go_through_any_replica() {
    mirrors(None, || What::Kept, Wanted::default());
}

#[test]
fn over_tls_1_2_trees_go_through_any_replica() {
    let tls = (", require_session_reuse: true", "NORMAL:-VERS-ALL:+VERS-TLS1.2");
    mirrors(Some(tls), || What::Kept, Wanted::default());
}

#[test]
fn over_tls_1_3_trees_go_through_any_replica() {
    let tls = (", min_version: \"1.3\"", "NORMAL:-VERS-ALL:+VERS-TLS1.3");
    let told = || What::Told(address(13));
    let server = vec![format!("proxy_protocol: {{ trusted: [{}] }}", address(13))];
    mirrors(Some(tls), told, Wanted { server, ..Wanted::default() });
}

#[test]
fn without_the_addresses_of_clients_trees_go_through_any_replica() {
    let lost = || What::Lost([address(11), address(12)]);
    mirrors(None, lost, Wanted { cluster: ", client_addresses: lost", ..Wanted::default() });
}

/// The replica of the session connects to the client, by itself.
#[test]
fn in_active_mode_trees_take_no_other_replica() {
    let tls = (", require_session_reuse: true", "NORMAL");
    let nothing = |passed_on, bytes| assert_eq!((passed_on, bytes), (0.0, 0.0));
    mirrors_with("set ftp:passive-mode off; ", None, || What::Kept, Wanted::default(), nothing);
    mirrors_with("set ftp:passive-mode off; ", Some(tls), || What::Kept, Wanted::default(), nothing);
}

#[test]
fn each_replica_names_ports_of_its_own() {
    let replicas = Replicas::new(Wanted::default());
    let running = replicas.start();
    let spreader = replicas.spread(&running, What::Kept);
    for (number, first) in [(0, first_port(0)), (1, first_port(1)), (2, first_port(2))] {
        let mut client = session(&spreader, number);
        for _ in 0..10 {
            let port = client.expect("EPSV", 229).extended_port().unwrap();
            assert!((first..first + 8).contains(&port), "{port} of replica {number}");
            let told = client.pasv();
            assert_eq!(told.ip(), spreader.control().ip());
        }
    }
}

/// Whichever replica has the session and whichever the data connection, files are whole in both directions, and so is an empty one.
#[test]
fn files_are_whole_whichever_way_they_take() {
    let replicas = Replicas::new(Wanted::default());
    let running = replicas.start();
    let spreader = replicas.spread(&running, What::Kept);
    for owner in 0..3 {
        let mut client = session(&spreader, owner);
        for way in 0..3 {
            spreader.send_to(Some(way));
            for size in [0, 1, 3_000_000] {
                let (name, bytes) = (format!("{owner}-{way}-{size}"), noise(size, 5));
                client.store(&name, &bytes);
                assert_bytes(&fs::read(replicas.file(&name)).unwrap(), &bytes);
                assert_bytes(&client.retrieve(&name), &bytes);
            }
            assert!(client.names("").len() >= 3);
        }
    }
}

/// The client's address is the one that the session has, whichever replica was reached: nobody else gets its data.
#[test]
fn a_stranger_at_another_replica_is_a_stranger() {
    let replicas = Replicas::new(Wanted::default());
    let running = replicas.start();
    let spreader = replicas.spread(&running, What::Kept);
    fs::write(replicas.file("secret"), "for demo alone").unwrap();
    let mut client = session(&spreader, 0);
    spreader.send_to(Some(1));
    let told = client.pasv();
    let _stranger = Client::connect_from(&Ipv4Addr::new(127, 9, 9, 9).to_string(), told);
    let reply = client.command("RETR secret");
    let reply = if reply.code == 150 { client.reply() } else { reply };
    assert_eq!(reply.code, 425, "{reply:?}");
    let text = format!("{reply:?}");
    assert!(text.contains("127.9.9.9") && text.contains("127.0.0.1"), "{text}");
}

/// What balancers tell of clients reaches the replica that has the session.
#[test]
fn a_balancers_word_is_passed_on() {
    let server = vec![format!("proxy_protocol: {{ trusted: [{}] }}", address(13))];
    let replicas = Replicas::new(Wanted { server, ..Wanted::default() });
    let running = replicas.start();
    let spreader = replicas.spread(&running, What::Told(address(13)));
    fs::write(replicas.file("file"), "some bytes").unwrap();
    spreader.send_to(Some(0));
    let mut client = Client::connect_from("127.7.7.7", spreader.control());
    client.expect_reply(220);
    client.login("demo", "demo");
    spreader.send_to(Some(2));
    // The balancer itself, and whoever else it speaks for, is not this client.
    let told = client.pasv();
    let mut data = Client::connect_from("127.7.7.7", told);
    client.expect("RETR file", 150);
    client.expect_reply(226);
    let mut bytes = String::new();
    std::io::Read::read_to_string(&mut data.tcp(), &mut bytes).unwrap();
    assert_eq!(bytes, "some bytes");
    data.expect_end();
}
