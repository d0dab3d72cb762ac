//! How transfers and sessions end before their time: ABOR, silence, and a server that is stopped.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::net::SendFlags;

use crate::support::{Client, SOON, Setup, Stream, assert_bytes, more_than_is_buffered, noise, wait_until};

const BIG: usize = 32 << 20;

fn with_big_file() -> Setup {
    let setup = Setup::local().tls("optional");
    fs::write(setup.files().join("big"), noise(BIG, 4)).unwrap();
    setup
}

fn files_in(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}

/// RFC 959, section 5.4: 426 for the transfer, 226 for ABOR. Then the session is as before.
fn expect_abort(client: &mut Client) {
    client.expect_reply(426);
    let text = client.expect_reply(226).text();
    assert_eq!(text, "226 Abort processed; the data connection is closed.");
    client.expect("PWD", 257);
    let text = client.expect("ABOR", 226).text();
    assert_eq!(text, "226 Abort processed; no transfer is under way.");
}

/// Reads what was sent before; whether the end was a whole one.
fn read_rest(mut data: Stream) -> (usize, bool) {
    let mut found = Vec::new();
    let end = data.read_to_end(&mut found);
    (found.len(), end.is_ok())
}

#[test]
fn abor_ends_a_download() {
    let setup = with_big_file();
    let server = setup.start();
    for encrypted in [false, true] {
        let mut client = if encrypted { server.connect_tls() } else { server.connect() };
        client.login("demo", "demo");
        let mut data = client.start_transfer("RETR big");
        data.read_exact(&mut [0; 1000]).unwrap();
        client.send("ABOR");
        expect_abort(&mut client);
        let (length, whole) = read_rest(data);
        assert!(length < BIG, "{length}");
        assert!(!(encrypted && whole), "what was cut looks like the whole");
        // Nothing is left of it.
        let mut data = client.start_transfer("RETR big");
        assert_bytes(&first_bytes(&mut data), &noise(1000, 4));
    }
}

fn first_bytes(data: &mut Stream) -> Vec<u8> {
    let mut found = vec![0; 1000];
    data.read_exact(&mut found).unwrap();
    found
}

/// A small file fits into the buffer of a connection that nobody reads any more: the server can know that it is lost.
#[test]
fn a_download_into_a_closed_connection_is_not_complete() {
    let setup = Setup::local();
    for (name, size) in [("small", 1000), ("larger", 40_000)] {
        fs::write(setup.files().join(name), noise(size, 4)).unwrap();
    }
    let server = setup.start();
    let mut client = server.connect();
    client.login("demo", "demo");
    client.expect("TYPE I", 200);
    for command in ["RETR small", "RETR larger"] {
        drop(client.open_passive());
        client.expect(command, 150);
        client.expect_reply(426);
    }
}

/// A client that gives an upload up says so and closes its data connection, in this order: both may reach the server
/// together, and the end of the data must not overtake the word.
#[test]
fn abor_counts_before_the_end_of_the_data_behind_it() {
    let setup = with_big_file();
    let server = setup.start();
    for encrypted in [false, true] {
        let mut client = if encrypted { server.connect_tls() } else { server.connect() };
        client.login("demo", "demo");
        for round in 0..40 {
            let sizes = [1000, 64 * 1024, 300 * 1024];
            let mut data = client.start_transfer("STOR given-up");
            data.write_all(&noise(sizes[round % sizes.len()], 7)).unwrap();
            client.send("ABOR");
            // The server may have closed it already.
            let _ = data.finish();
            client.expect_reply(426);
            client.expect_reply(226);
            client.expect("MLST given-up", 550);
        }
    }
}

#[test]
fn abor_ends_an_upload_and_nothing_is_stored() {
    let setup = with_big_file();
    let server = setup.start();
    for encrypted in [false, true] {
        let mut client = if encrypted { server.connect_tls() } else { server.connect() };
        client.login("demo", "demo");
        for command in ["APPE big", "STOR new", "STOR other", "STOU"] {
            let mut data = client.start_transfer(command);
            data.write_all(&noise(300_000, 1)).unwrap();
            data.flush().unwrap();
            wait_until("some of it has arrived", || {
                client.expect("STAT", 211).text().contains(": 300000 bytes so far")
            });
            client.send("ABOR");
            expect_abort(&mut client);
        }
    }
    assert_eq!(files_in(&setup.files()), ["big"]);
    assert_bytes(&fs::read(setup.files().join("big")).unwrap(), &noise(BIG, 4));
    let mut client = server.login();
    client.store("new", b"after all");
    assert_eq!(client.retrieve("new"), b"after all");
}

/// Seven megabytes of names: more than the server's side of the socket takes, and the client's takes nearly nothing.
#[test]
fn abor_ends_a_listing() {
    let setup = Setup::local();
    for number in 0..20_000 {
        fs::write(setup.files().join(format!("{}{number}", "n".repeat(240))), b"").unwrap();
    }
    let server = setup.start();
    let mut client = server.login();
    let data = client.open_passive();
    rustix::net::sockopt::set_socket_recv_buffer_size(&data, 4096).unwrap();
    client.expect("MLSD", 150);
    client.send("ABOR");
    expect_abort(&mut client);
    drop(data);
    assert_eq!(client.names("").len(), 20_000);
}

/// Before the client has connected, there is a transfer all the same.
#[test]
fn abor_ends_a_transfer_that_waits_for_its_connection() {
    let setup = with_big_file();
    let server = setup.start();
    for command in ["RETR big", "STOR new", "LIST"] {
        let mut client = server.login();
        client.expect("EPSV", 229);
        client.expect(command, 150);
        client.send("ABOR");
        expect_abort(&mut client);
    }
    assert_eq!(files_in(&setup.files()), ["big"]);
}

/// A store that takes connections and never answers doesn't keep the client waiting: what is left there is removed later.
#[test]
fn abor_ends_an_upload_into_a_store_that_hangs() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let setup = Setup::new(format!(
        "
backends:
  bucket: {{ kind: s3, bucket: b, endpoint: 'http://{}', access_key_id: a, secret_access_key: b }}
users:
  - {{ name: demo, password: demo, plain: true, backend: bucket }}
",
        silent.local_addr().unwrap()
    ));
    let server = setup.start();
    let mut client = server.login();
    let mut data = client.start_transfer("STOR new");
    // A part and more: the store is asked where to put it.
    data.write_all(&noise(9 << 20, 5)).unwrap();
    let _asked = silent.accept().unwrap();
    client.send("ABOR");
    expect_abort(&mut client);
    client.expect("NOOP", 200);
}

/// RFC 959, section 4.1.3, as lftp and others do it: Interrupt Process and the Synch, a part of it out of band.
#[test]
fn abor_comes_as_urgent_data_too() {
    let setup = with_big_file();
    let server = setup.start();
    let mut client = server.login();
    let data = client.start_transfer("RETR big");
    client.send_raw(b"\xff\xf4");
    rustix::net::send(client.tcp(), b"\xff", SendFlags::OOB).unwrap();
    client.send_raw(b"\xf2ABOR\r\n");
    expect_abort(&mut client);
    drop(data);
    // The whole Synch out of band, and STAT in the same way.
    let data = client.start_transfer("RETR big");
    rustix::net::send(client.tcp(), b"\xff\xf4\xff\xf2", SendFlags::OOB).unwrap();
    let status = client.expect("STAT", 211).text();
    assert!(status.contains("download of /big"), "{status}");
    rustix::net::send(client.tcp(), b"\xff\xf4\xff\xf2", SendFlags::OOB).unwrap();
    client.send("ABOR");
    expect_abort(&mut client);
    drop(data);
}

/// What waited behind the transfer is answered all the same: a client counts replies (RFC 959, section 5.4).
#[test]
fn commands_before_abor_are_answered() {
    let setup = with_big_file();
    let server = setup.start();
    let mut client = server.login();
    let data = client.start_transfer("RETR big");
    client.send("PWD");
    client.send("ABOR");
    client.send("SYST");
    client.expect_reply(426);
    let mut codes = vec![client.reply().code, client.reply().code];
    codes.sort_unstable();
    assert_eq!(codes, [226, 257], "{}", client.transcript());
    client.expect_reply(215);
    drop(data);
}

#[test]
fn a_silent_session_gets_421() {
    let setup = Setup::local().server("idle_timeout: 5s");
    let server = setup.start();
    let mut silent = server.login();
    silent.expect_reply(421);
    silent.expect_end();
}

/// RFC 959 has nothing for it, but one who never logs in takes a place of those who would.
#[test]
fn nobody_takes_for_ever_to_log_in() {
    let setup = Setup::local().server("login_timeout: 3s");
    let server = setup.start();
    let mut client = server.connect();
    let started = Instant::now();
    // Commands are no login, whatever they are.
    let code = loop {
        let reply = client.try_command("REIN").unwrap();
        if reply.code != 220 {
            break reply.code;
        }
        assert!(started.elapsed() < SOON, "it is served for ever");
    };
    assert_eq!(code, 421);
}

#[test]
fn a_client_sets_how_long_it_may_be_silent() {
    let setup = Setup::local();
    let server = setup.start();
    let mut client = server.login();
    client.expect("SITE IDLE 1", 200);
    client.expect_reply(421);
    client.expect_end();
}

/// The session is as old as its transfer, and a transfer as long as bytes move.
#[test]
fn a_transfer_that_stands_still_gets_426() {
    let setup = with_big_file().server("idle_timeout: 5s");
    let server = setup.start();
    let mut client = server.login();
    let data = client.start_transfer("RETR big");
    client.expect_reply(426);
    drop(data);
    let mut data = client.start_transfer("STOR new");
    data.write_all(b"begun").unwrap();
    client.expect_reply(426);
    assert_eq!(files_in(&setup.files()), ["big"]);
    client.expect("NOOP", 200);
}

#[test]
fn sigterm_lets_an_upload_finish_and_says_421() {
    let setup = Setup::local();
    let server = setup.start();
    let content = more_than_is_buffered();
    let mut idle = server.login();
    let mut client = server.login();
    let mut data = client.start_transfer("STOR file");
    data.write_all(&content[..1000]).unwrap();
    server.terminate();
    idle.expect_reply(421);
    idle.expect_end();
    data.write_all(&content[1000..]).unwrap();
    data.finish().unwrap();
    client.expect_reply(226);
    client.expect_reply(421);
    client.expect_end();
    assert!(server.wait().success());
    assert_bytes(&fs::read(setup.files().join("file")).unwrap(), &content);
}

/// The second signal is for those who can't wait.
#[test]
fn a_second_sigterm_breaks_an_upload_off() {
    let setup = Setup::local();
    let server = setup.start();
    let mut idle = server.login();
    let mut client = server.login();
    let mut data = client.start_transfer("STOR file");
    data.write_all(b"begun").unwrap();
    server.terminate();
    idle.expect_reply(421);
    server.terminate();
    client.expect_reply(421);
    client.expect_end();
    server.wait();
    assert_eq!(files_in(&setup.files()), [""; 0]);
}

/// Small files need no time to store, so nothing but a moment's wait tells the half of one from the whole.
#[test]
fn a_client_that_dies_after_a_few_bytes_or_none_leaves_the_old_file() {
    let setup = Setup::local();
    let server = setup.start();
    server.login().store("file", b"what was there before");
    for bytes in [b"a few bytes".as_slice(), b""] {
        let mut client = server.login();
        let mut data = client.start_transfer("STOR file");
        data.write_all(bytes).unwrap();
        // As silent as a client that waits for what it is to send.
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(100) {
            client.expect("NOOP", 200);
        }
        drop(data);
        drop(client);
        server.log.expect_warning("", &[("user", "demo"), ("path", "/file")]);
        assert_bytes(&fs::read(setup.files().join("file")).unwrap(), b"what was there before");
    }
}

/// Simple clients send all they have to say, and then only listen. A password is checked for them all the same.
#[test]
fn a_client_that_only_listens_any_more_is_logged_in() {
    let setup = Setup::new(
        "
backends:
  scratch: { kind: memory }
users:
  - name: demo
    password: $argon2id$v=19$m=19456,t=2,p=1$wMoIhjO2Kb8lCzZIEGwA0g$rotq8LKHelRqHZ/X9U8480kT7rpIhnkFbjA/6+s7Pog
    backend: scratch
",
    );
    let server = setup.start();
    let mut client = Client::connect(server.address);
    client.expect_reply(220);
    client.send_raw(b"USER demo\r\nPASS open sesame\r\nNOOP\r\nQUIT\r\n");
    client.tcp().shutdown(std::net::Shutdown::Write).unwrap();
    for code in [331, 230, 200, 221] {
        client.expect_reply(code);
    }
}
