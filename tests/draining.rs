//! An end in good order: what runs is finished, nobody new begins, and no file is lost that got its 226.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{
    Client, Engine, SOON, Setup, assert_bytes, more_than_is_buffered, noise, request, wait_until, wharf,
};

/// Ten uploads and ten downloads are in the middle when the server is told to stop.
#[test]
fn twenty_transfers_are_finished_and_nobody_new_begins() {
    let setup = Setup::local().http();
    let server = setup.start();
    let content = more_than_is_buffered();
    fs::write(setup.files().join("big.bin"), &content).unwrap();
    let mut sessions: Vec<_> = (0..20)
        .map(|number| {
            let mut client = server.login();
            let mut data = if number % 2 == 0 {
                client.start_transfer(&format!("STOR up-{number}.bin"))
            } else {
                client.start_transfer("RETR big.bin")
            };
            let mut start = vec![0; 1000];
            match number % 2 {
                0 => data.write_all(&content[..1000]).unwrap(),
                _ => data.read_exact(&mut start).unwrap(),
            }
            (client, data, start)
        })
        .collect();
    let mut idle = server.login();

    server.terminate();
    wait_until("the server is not ready any more", || {
        request(server.http_address(), "GET /readyz HTTP/1.1\r\nHost: test").0 == 503
    });
    assert_eq!(request(server.http_address(), "GET /livez HTTP/1.1\r\nHost: test").0, 200);
    let url = format!("http://{}/readyz", server.http_address());
    let health = wharf(["health", "--url", &url]).output().unwrap();
    assert_eq!(health.status.code(), Some(1), "{health:?}");
    let mut late = Client::connect(server.address);
    let refusal = late.expect_reply(421);
    assert!(refusal.text().contains("stopping"), "{refusal:?}");
    late.expect_end();
    idle.expect_end();

    for (number, (client, data, start)) in sessions.iter_mut().enumerate() {
        if number % 2 == 0 {
            data.write_all(&content[1000..]).unwrap();
            data.finish().unwrap();
        } else {
            data.read_to_end(start).unwrap();
            assert_bytes(start, &content);
        }
        client.expect_reply(226);
    }
    let log = server.log.clone();
    assert_eq!(server.wait().code(), Some(0), "{}", log.text());
    for number in (0..20).step_by(2) {
        assert_bytes(&fs::read(setup.files().join(format!("up-{number}.bin"))).unwrap(), &content);
    }
    assert_eq!(fs::read_dir(setup.files()).unwrap().filter(|entry| !hidden(entry)).count(), 11);
}

/// What only the backend itself sees.
fn hidden(entry: &std::io::Result<fs::DirEntry>) -> bool {
    entry.as_ref().unwrap().file_name().to_string_lossy().starts_with('.')
}

/// Stores files one after the other until the server has enough, and notes each that got its 226.
fn store_until_refused(
    server: std::net::SocketAddr,
    name: &str,
    done: &AtomicUsize,
    stored: &Mutex<BTreeMap<String, Vec<u8>>>,
) {
    let mut number = 0;
    while let Ok(mut client) = Client::try_connect(server) {
        if !matches!(client.try_reply(), Ok(reply) if reply.code == 220) {
            return;
        }
        let mut store = |client: &mut Client| -> std::io::Result<bool> {
            let content = noise(1 + number * 977 % 40_000, number as u64);
            let file = format!("{name}-{number}.bin");
            number += 1;
            let reply = client.try_command("EPSV")?;
            let Some(port) = reply.lines[0].split('|').nth(3).and_then(|port| port.parse().ok()) else {
                return Ok(false);
            };
            let mut data = std::net::TcpStream::connect((server.ip(), port))?;
            data.set_write_timeout(Some(SOON))?;
            if client.try_command(&format!("STOR {file}"))?.code != 150 {
                return Ok(false);
            }
            data.write_all(&content)?;
            drop(data);
            let complete = client.try_reply()?.code == 226;
            if complete {
                stored.lock().unwrap().insert(file, content);
                done.fetch_add(1, Ordering::Relaxed);
            }
            Ok(complete)
        };
        let logged_in = ["USER demo", "PASS demo", "TYPE I"]
            .iter()
            .all(|line| client.try_command(line).is_ok_and(|reply| reply.code < 400));
        if !logged_in {
            return;
        }
        while store(&mut client).unwrap_or(false) {}
    }
}

/// SIGTERM comes at any moment while four clients store small files; each file that got its 226 is there, whole, and
/// nothing else is.
#[test]
fn at_random_moments_no_file_is_lost_that_got_its_226() {
    let rounds = match Engine::current() {
        Engine::Native => 100,
        // It lingers at the end of each session.
        Engine::Libunftp => 10,
    };
    let seed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    let moments = noise(rounds * 4, u64::try_from(seed % (1 << 60)).unwrap());
    let mut in_all = 0;
    for moment in moments.chunks(4) {
        let setup = Setup::local();
        let server = setup.start();
        let (done, stored) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
        std::thread::scope(|scope| {
            let clients: Vec<_> = ["a", "b", "c", "d"]
                .map(|name| {
                    let (done, stored, address) = (&done, &stored, server.address);
                    scope.spawn(move || store_until_refused(address, name, done, stored))
                })
                .into();
            // After so many files, and so many looks at the clock.
            let files = usize::from(moment[0] % 24);
            wait_until("files are stored", || done.load(Ordering::Relaxed) >= files);
            for _ in 0..u32::from(moment[1]) * u32::from(moment[2]) {
                std::hint::spin_loop();
            }
            server.terminate();
            for client in clients {
                client.join().unwrap();
            }
        });
        let log = server.log.clone();
        assert_eq!(server.wait().code(), Some(0), "{}", log.text());
        let stored = stored.into_inner().unwrap();
        in_all += stored.len();
        for (file, content) in &stored {
            let found = fs::read(setup.files().join(file)).unwrap_or_else(|error| {
                panic!("{file} got its 226 and is gone: {error}\nseed {seed}\n{}", log.text())
            });
            assert_bytes(&found, content);
        }
        // A client may have missed its 226, but then the file is whole, too.
        for entry in fs::read_dir(setup.files()).unwrap().filter(|entry| !hidden(entry)) {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let number: usize = name.trim_end_matches(".bin")[2..].parse().unwrap();
            let content = fs::read(setup.files().join(&name)).unwrap();
            assert_bytes(&content, &noise(1 + number * 977 % 40_000, number as u64));
        }
    }
    assert!(in_all > rounds, "only {in_all} files were stored in {rounds} rounds");
}
