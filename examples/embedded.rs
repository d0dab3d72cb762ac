//! A server embedded in a program: the program has the configuration and says when the server ends. Try it with
//! `cargo run --example embedded`, then `curl ftp://demo:demo@127.0.0.1:PORT/` with the port that it prints.

#![allow(clippy::print_stdout, reason = "a program that somebody tries")]

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use tokio::task::{JoinHandle, spawn_blocking};
use wharf::engine::ENGINES;
use wharf::ops::metrics::Metrics;
use wharf::server::Server;
use wharf::shutdown::Shutdown;
use wharf::storages::KINDS;
use wharf::world::{CurrentWorld, Ground, World};
use wharf::{config, engine};
use wharf_backends::Buffers;

const CONFIGURATION: &str = "
server: { listen: ['127.0.0.1:0'] }
backends:
  scratch: { kind: memory, capacity: 64MiB }
users:
  - { name: demo, password: demo, plain: true, backend: scratch, permissions: full }
";

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Starts a server, which ends when the shutdown is told to: its address, and what waits for its end.
async fn start(shutdown: Shutdown) -> Result<(SocketAddr, JoinHandle<()>), Failure> {
    let config = config::parse(CONFIGURATION, "this program", Path::new("."), &KINDS, &ENGINES)?;
    let (engine, limits) = (config.server.engine, config.server.limits.clone());
    let metrics = Metrics::new(engine.word, limits.sessions);
    let buffers = Buffers::new(limits.buffer_memory, limits.spill_directory);
    let ground = Ground::new(buffers, Arc::clone(&metrics))?;
    let build = move || World::build(config, &ground);
    let world = Arc::new(CurrentWorld::new(spawn_blocking(build).await??));
    let engine = engine::open(engine, Arc::clone(&world), &metrics)?;
    let server = Server::bind(world, engine, metrics).await?;
    let address = server.addresses().next().ok_or("the configuration names no address")?;
    Ok((address, tokio::spawn(server.run(shutdown))))
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let shutdown = Shutdown::default();
    let (address, end) = start(shutdown.clone()).await?;
    println!("ftp://demo:demo@{address}/ until Ctrl-C");
    tokio::signal::ctrl_c().await?;
    shutdown.stopping.cancel();
    Ok(end.await?)
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Duration;

    use wharf_testing::ftp::Control;

    use super::*;

    const SOON: Duration = Duration::from_secs(60);

    fn log_in(address: SocketAddr) -> io::Result<()> {
        let mut client = Control::connect(address, SOON, SOON)?;
        let mut expect = |line: &str, code: u16| {
            if !line.is_empty() {
                client.send(format!("{line}\r\n").as_bytes())?;
            }
            let reply = client.reply(|_| ())?;
            assert_eq!(reply.code, code, "{line}: {reply:?}");
            io::Result::Ok(())
        };
        expect("", 220)?;
        expect("USER demo", 331)?;
        expect("PASS demo", 230)?;
        expect("MKD folder", 257)?;
        expect("QUIT", 221)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn serves_until_it_is_told_to_end() {
        let shutdown = Shutdown::default();
        let (address, end) = start(shutdown.clone()).await.unwrap();
        spawn_blocking(move || log_in(address)).await.unwrap().unwrap();
        shutdown.stopping.cancel();
        tokio::time::timeout(SOON, end).await.unwrap().unwrap();
    }
}
