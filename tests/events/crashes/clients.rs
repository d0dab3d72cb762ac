//! The clients, which work until their server is gone.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::Client;

pub const CLIENTS: usize = 20;

/// Something that a client was told to have succeeded.
#[derive(Debug)]
pub struct Deed {
    pub kind: &'static str,
    pub path: String,
    pub size: usize,
}

/// Why a client did not come to the end of what it was about.
enum Stop {
    /// The server is gone.
    Gone,
    /// It was refused: a slow store makes the server refuse changes for a while.
    Refused,
}

/// The pause after a refusal.
const PAUSE: Duration = Duration::from_millis(50);

/// What clients share.
#[derive(Debug, Default)]
pub struct Counts {
    pub done: AtomicUsize,
    pub refused: AtomicUsize,
    pub over: AtomicBool,
}

/// Uses each name of `prefix` once, and says what has succeeded.
pub fn work(address: SocketAddr, prefix: &str, first: usize, counts: &Counts) -> Vec<Deed> {
    let mut deeds = Vec::new();
    let Some(mut client) = log_in(address) else { return deeds };
    for number in first.. {
        if counts.over.load(Ordering::Relaxed) {
            break;
        }
        match act(&mut client, prefix, number, &mut deeds) {
            Ok(()) => {
                counts.done.fetch_add(1, Ordering::Relaxed);
            }
            Err(Stop::Refused) => {
                counts.refused.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(PAUSE);
            }
            Err(Stop::Gone) => break,
        }
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

fn act(client: &mut Client, prefix: &str, number: usize, deeds: &mut Vec<Deed>) -> Result<(), Stop> {
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
    Ok(())
}

fn expect(client: &mut Client, line: &str, code: u16) -> Result<(), Stop> {
    let reply = client.try_command(line).map_err(|_| Stop::Gone)?.code;
    is_well(client, reply, code)
}

/// Other replies than this one and those of a server that can't do it now are wrong.
fn is_well(client: &Client, reply: u16, code: u16) -> Result<(), Stop> {
    match reply {
        421 => Err(Stop::Gone),
        426 | 450..=452 => Err(Stop::Refused),
        reply => {
            assert_eq!(reply, code, "{}", client.transcript());
            Ok(())
        }
    }
}

fn rename(client: &mut Client, from: &str, to: &str) -> Result<(), Stop> {
    expect(client, &format!("RNFR {from}"), 350)?;
    expect(client, &format!("RNTO {to}"), 250)
}

fn store(client: &mut Client, name: &str, size: usize) -> Result<(), Stop> {
    let reply = client.try_command("EPSV").map_err(|_| Stop::Gone)?;
    is_well(client, reply.code, 229)?;
    let text = reply.lines.last().and_then(|line| line.split("|||").nth(1)?.split('|').next());
    let port = text.and_then(|port| port.parse().ok()).ok_or(Stop::Gone)?;
    let mut data = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).map_err(|_| Stop::Gone)?;
    expect(client, &format!("STOR {name}"), 150)?;
    // If the server refuses it meanwhile, it says so.
    let sent = data.write_all(&vec![b'x'; size]);
    drop(data);
    let reply = client.try_reply().map_err(|_| Stop::Gone)?.code;
    is_well(client, reply, 226)?;
    sent.map_err(|_| Stop::Gone)
}
