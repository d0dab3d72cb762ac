//! How many transfers there can be where the addresses of clients are lost.

use std::io::Write;

use super::spreader::What;
use super::{EACH, Replicas, Wanted, address, session};
use crate::support::Client;

/// Each port is for one transfer at a time: so many as a replica has ports, whoever the clients are.
#[test]
fn without_addresses_a_port_is_for_one_transfer() {
    let replicas = Replicas::new(Wanted { cluster: ", client_addresses: lost", ..Wanted::default() });
    let running = replicas.start();
    let spreader = replicas.spread(&running, What::Lost([address(11), address(12)]));
    let mut open: Vec<(Client, _)> = (0..EACH)
        .map(|number| {
            let mut client = session(&spreader, 0);
            spreader.send_to(None);
            let data = client.start_transfer(&format!("STOR {number}"));
            (client, data)
        })
        .collect();
    let mut client = session(&spreader, 1);
    spreader.send_to(None);
    client.store("elsewhere", b"there are others at another replica");
    // The ports are free again when their transfers are over; and each has got what was its own.
    for (number, (client, data)) in open.iter_mut().enumerate() {
        data.write_all(number.to_string().as_bytes()).unwrap();
        data.finish().unwrap();
        client.expect_reply(226);
        assert_eq!(std::fs::read_to_string(replicas.file(&number.to_string())).unwrap(), number.to_string());
    }
    drop(open);
    let mut client = session(&spreader, 0);
    spreader.send_to(None);
    client.store("afterwards", b"there is room again");
}

/// With their addresses, clients share the ports.
#[test]
fn with_addresses_more_clients_than_ports_transfer_at_once() {
    let replicas = Replicas::new(Wanted::default());
    let running = replicas.start();
    let spreader = replicas.spread(&running, What::Kept);
    let mut open = Vec::new();
    for number in 0..2 * EACH {
        spreader.send_to(Some(0));
        let source = format!("127.8.0.{}", number + 1);
        let mut client = Client::connect_from(&source, spreader.control());
        client.expect_reply(220);
        client.login("demo", "demo");
        spreader.send_to(Some(1));
        let told = client.pasv();
        let data = Client::connect_from(&source, told);
        client.expect(&format!("STOR {number}"), 150);
        open.push((client, data));
    }
    for (number, (client, mut data)) in open.into_iter().enumerate() {
        data.send_raw(format!("{number}").as_bytes());
        drop(data);
        let mut client = client;
        client.expect_reply(226);
        assert_eq!(std::fs::read_to_string(replicas.file(&number.to_string())).unwrap(), number.to_string());
    }
}
