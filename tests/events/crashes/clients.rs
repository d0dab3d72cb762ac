//! The clients, which work until their server is gone.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::support::Client;

pub const CLIENTS: usize = 20;

/// Something that a client was told to have succeeded.
#[derive(Debug)]
pub struct Deed {
    pub kind: &'static str,
    pub path: String,
    pub size: usize,
}

/// Uses each name of `prefix` once, and says what has succeeded.
pub fn work(
    address: SocketAddr,
    prefix: &str,
    first: usize,
    done: &AtomicUsize,
    over: &AtomicBool,
) -> Vec<Deed> {
    let mut deeds = Vec::new();
    let Some(mut client) = log_in(address) else { return deeds };
    for number in first.. {
        if over.load(Ordering::Relaxed) || act(&mut client, prefix, number, &mut deeds).is_none() {
            break;
        }
        done.fetch_add(1, Ordering::Relaxed);
    }
    deeds
}

fn log_in(address: SocketAddr) -> Option<Client> {
    let mut client = Client::try_connect(address).ok()?;
    client.try_reply().ok()?;
    for line in ["USER demo", "PASS demo", "TYPE I"] {
        client.try_command(line).ok()?;
    }
    Some(client)
}

fn act(client: &mut Client, prefix: &str, number: usize, deeds: &mut Vec<Deed>) -> Option<()> {
    let name = format!("{prefix}-{number}");
    let size = 100 + number % 7 * 1000;
    let mut note = |kind, name: &str, size| deeds.push(Deed { kind, path: format!("/{name}"), size });
    match number % 6 {
        // A part, which gets its name.
        0 => {
            store(client, &format!("{name}.part"), size)?;
            rename(client, &format!("{name}.part"), &name)?;
            note("file.stored", &name, size);
        }
        1 => {
            store(client, &name, size)?;
            note("file.stored", &name, size);
            expect(client, &format!("DELE {name}"), 250)?;
            note("file.removed", &name, size);
        }
        2 => {
            store(client, &name, size)?;
            note("file.stored", &name, size);
            rename(client, &name, &format!("{name}.r"))?;
            note("file.renamed", &format!("{name}.r"), size);
        }
        // It is there twice, under the same name.
        3 => {
            store(client, &name, size + 1)?;
            note("file.stored", &name, size + 1);
            store(client, &name, size)?;
            note("file.stored", &name, size);
        }
        _ => {
            store(client, &name, size)?;
            note("file.stored", &name, size);
        }
    }
    Some(())
}

/// `None`: the server is gone.
fn expect(client: &mut Client, line: &str, code: u16) -> Option<()> {
    let reply = client.try_command(line).ok()?;
    assert_eq!(reply.code, code, "{}", client.transcript());
    Some(())
}

fn rename(client: &mut Client, from: &str, to: &str) -> Option<()> {
    expect(client, &format!("RNFR {from}"), 350)?;
    expect(client, &format!("RNTO {to}"), 250)
}

fn store(client: &mut Client, name: &str, size: usize) -> Option<()> {
    let reply = client.try_command("EPSV").ok()?;
    let port = reply.lines.last()?.split("|||").nth(1)?.split('|').next()?.parse().ok()?;
    let mut data = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).ok()?;
    expect(client, &format!("STOR {name}"), 150)?;
    data.write_all(&vec![b'x'; size]).ok()?;
    drop(data);
    let reply = client.try_reply().ok()?;
    assert_eq!(reply.code, 226, "{}", client.transcript());
    Some(())
}
