//! What goes wrong in operation: the old file is intact, no half file appears, the client gets a reply that says what
//! to do (4xx to try again, 5xx not to), the operator a log line with user, path and cause.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_linger;

use crate::support::{
    Client, Running, S3, SILENCE, SOON, Setup, Stream, Way, assert_bytes, closed_port, curl,
    more_than_is_buffered, noise, url_host,
};

const OLD: &[u8] = b"what was there before";

fn bucket() -> Setup {
    Setup::new(format!(
        "
backends:
  bucket: {}
users:
  - {{ name: demo, password: demo, plain: true, backend: bucket }}
",
        S3::SeaweedFs.backend()
    ))
}

/// A session that has stored the old file and is in the middle of replacing it.
fn in_the_middle(server: &Running<'_>) -> (Client, Stream) {
    let mut client = server.login();
    client.store("report.csv", OLD);
    let mut data = client.start_transfer("STOR report.csv");
    data.write_all(&more_than_is_buffered()).unwrap();
    (client, data)
}

/// The old file is there, and nothing else, as far as a client can see.
#[track_caller]
fn assert_untouched(client: &mut Client) {
    assert_eq!(client.names(""), ["report.csv"]);
    assert_bytes(&client.retrieve("report.csv"), OLD);
}

/// Every file in a directory of the disk, hidden or not: the folder that the local backend keeps for uploads may stay,
/// what is in it may not.
fn files_on_disk(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_on_disk(&path) } else { vec![path] }).collect()
}

/// The same as [`assert_untouched`], on the disk.
#[track_caller]
fn assert_untouched_on_disk(folder: &Path) {
    assert_eq!(files_on_disk(folder), [folder.join("report.csv")]);
    assert_bytes(&fs::read(folder.join("report.csv")).unwrap(), OLD);
}

mod killed_server {
    use super::*;

    fn leaves_the_old_file(setup: &Setup) {
        let mut server = setup.start();
        let (client, data) = in_the_middle(&server);
        server.kill();
        drop((client, data));
        let server = setup.start();
        assert_untouched(&mut server.login());
        // And the name can be used as ever.
        let mut client = server.login();
        client.store("report.csv", b"new");
        assert_eq!(client.retrieve("report.csv"), b"new");
    }

    #[test]
    fn leaves_the_old_file_in_a_local_directory() {
        let setup = Setup::local();
        leaves_the_old_file(&setup);
        assert_eq!(files_on_disk(&setup.files()), [setup.files().join("report.csv")]);
    }

    #[test]
    fn leaves_the_old_file_in_a_bucket() {
        leaves_the_old_file(&bucket());
    }

    #[test]
    fn leaves_no_file_where_there_was_none() {
        let setup = Setup::local();
        let mut server = setup.start();
        let mut client = server.login();
        let mut data = client.start_transfer("STOR new.bin");
        data.write_all(&more_than_is_buffered()).unwrap();
        server.kill();
        let server = setup.start();
        assert!(server.login().names("").is_empty());
        assert_eq!(files_on_disk(&setup.files()), Vec::<PathBuf>::new());
    }
}

mod vanished_client {
    use super::*;

    #[track_caller]
    fn assert_reported(server: &Running<'_>) {
        server.log.expect_warning("", &[("user", "demo"), ("path", "/report.csv")]);
        assert_untouched(&mut server.login());
    }

    /// The way in which a process that is killed goes: its sockets are closed in the order they were opened in.
    #[test]
    fn closes_both_sockets_without_a_word() {
        let setup = Setup::local();
        let server = setup.start();
        let (client, data) = in_the_middle(&server);
        drop(client);
        drop(data);
        assert_reported(&server);
        assert_untouched_on_disk(&setup.files());
    }

    #[test]
    fn closes_both_sockets_without_a_word_on_a_bucket() {
        let setup = bucket();
        let server = setup.start();
        let (client, data) = in_the_middle(&server);
        drop(client);
        drop(data);
        assert_reported(&server);
    }

    #[test]
    fn is_killed() {
        let setup = Setup::local();
        let server = setup.start();
        server.login().store("report.csv", OLD);
        let mut curl = Command::new("curl")
            .args(["--disable", "--silent", "--user", "demo:demo", "--upload-file", "-"])
            .arg(format!("ftp://{}/report.csv", url_host(&server, Way::PLAIN)))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // The pipe is far smaller: when all is written, curl has sent most of it.
        curl.stdin.as_mut().unwrap().write_all(&more_than_is_buffered()).unwrap();
        curl.kill().unwrap();
        curl.wait().unwrap();
        assert_reported(&server);
        assert_untouched_on_disk(&setup.files());
    }

    #[test]
    fn resets_both_connections() {
        let setup = Setup::local();
        let server = setup.start();
        let (client, data) = in_the_middle(&server);
        for socket in [client.tcp(), data.tcp()] {
            set_socket_linger(socket, Some(Duration::ZERO)).unwrap();
        }
        drop((client, data));
        assert_reported(&server);
        assert_untouched_on_disk(&setup.files());
    }

    #[test]
    fn goes_away_in_the_middle_of_a_download() {
        let setup = Setup::local();
        let server = setup.start();
        let mut client = server.login();
        client.store("big.bin", &more_than_is_buffered());
        let mut data = client.start_transfer("RETR big.bin");
        data.read_exact(&mut [0; 1000]).unwrap();
        drop(client);
        drop(data);
        server.log.expect_warning("", &[("user", "demo"), ("path", "/big.bin")]);
        assert_eq!(server.login().retrieve("big.bin").len(), more_than_is_buffered().len());
    }

    #[test]
    fn goes_away_in_the_middle_of_a_login() {
        let setup = Setup::local();
        let server = setup.start();
        for line in [&b"USER demo\r\nPASS de"[..], b"USER demo\r\nPASS demo\r\nEPSV\r\n", b"\r\n", b"USER"] {
            let mut client = server.connect();
            client.send_raw(line);
        }
        server.login().expect("NOOP", 200);
    }
}

mod broken_data_connection {
    use super::*;

    #[test]
    fn a_reset_is_no_end_of_file() {
        for setup in [Setup::local(), Setup::memory()] {
            let server = setup.start();
            let (mut client, data) = in_the_middle(&server);
            set_socket_linger(data.tcp(), Some(Duration::ZERO)).unwrap();
            drop(data);
            let reply = client.reply();
            assert!(matches!(reply.code, 426 | 451), "{reply:?}");
            server.log.expect_warning("", &[("user", "demo"), ("path", "/report.csv")]);
            assert_untouched(&mut client);
        }
    }

    /// What TLS has an end of its own for: without it, somebody in between may have cut the file.
    #[test]
    fn a_cut_is_no_end_of_file_under_tls() {
        let setup = Setup::local().tls("required");
        let server = setup.start();
        let mut client = server.connect_tls();
        client.login("demo", "demo");
        client.store("report.csv", OLD);
        let mut data = client.start_transfer("STOR report.csv");
        data.write_all(&more_than_is_buffered()).unwrap();
        data.tcp().shutdown(std::net::Shutdown::Both).unwrap();
        drop(data);
        let reply = client.reply();
        assert!(matches!(reply.code, 426 | 451), "{reply:?}");
        assert_untouched(&mut client);
    }

    #[test]
    fn none_at_all_is_425_or_a_closed_port() {
        let setup = Setup::local();
        let server = setup.start();
        let mut client = server.login();
        client.expect("RETR report.csv", 425);
        client.expect("STOR report.csv", 425);
        client.expect("MLSD", 425);
        client.expect("NOOP", 200);
    }
}

mod disk {
    use super::*;

    /// The files on a disk of 8 MiB, in a mount namespace of the server alone.
    fn on_a_small_disk() -> Option<Setup> {
        Setup::local().mounted("mount -t tmpfs -o size=8m tmpfs '{folder}/files'")
    }

    #[test]
    fn full_leaves_the_old_file_and_says_so() {
        let Some(setup) = on_a_small_disk() else { return };
        let server = setup.start();
        let mut client = server.login();
        client.store("report.csv", OLD);
        let reply = client.try_store("STOR report.csv", &more_than_is_buffered());
        assert!(matches!(reply.code, 452 | 552), "{reply:?}");
        server.log.expect_warning("", &[("user", "demo"), ("path", "/report.csv"), ("cause", "…space…")]);
        assert_untouched(&mut client);
        let inside = format!("/proc/{}/root{}", server.pid(), setup.files().display());
        assert_untouched_on_disk(Path::new(&inside));
        // What the failed upload took is free again.
        client.store("other.csv", &noise(4 << 20, 4));
    }
}

mod memory {
    use super::*;

    fn of_one_mebibyte() -> Setup {
        Setup::new(
            "
backends:
  scratch: { kind: memory, capacity: 1MiB }
users:
  - { name: demo, password: demo, plain: true, backend: scratch }
",
        )
    }

    #[test]
    fn exceeded_leaves_the_old_file_and_says_so() {
        let setup = of_one_mebibyte();
        let server = setup.start();
        let mut client = server.login();
        client.store("report.csv", OLD);
        let reply = client.try_store("STOR report.csv", &noise(4 << 20, 4));
        assert!(matches!(reply.code, 452 | 552), "{reply:?}");
        server.log.expect_warning("", &[("user", "demo"), ("path", "/report.csv")]);
        assert_untouched(&mut client);
        client.store("other.csv", &noise(900 << 10, 4));
    }
}

mod backend_down {
    use super::*;

    fn setup(endpoint: &str) -> Setup {
        Setup::new(format!(
            "
backends:
  bucket: {{ kind: s3, bucket: lost, region: us-east-1, endpoint: 'http://{endpoint}', access_key_id: a, secret_access_key: b }}
users:
  - {{ name: demo, password: demo, plain: true, backend: bucket }}
"
        ))
    }

    #[track_caller]
    fn assert_try_again(reply: &crate::support::Reply) {
        assert!((400..500).contains(&reply.code), "a client should be told to try again: {reply:?}");
    }

    #[test]
    fn is_a_reason_to_try_again_and_a_line_in_the_log() {
        let (_held, address) = closed_port();
        let setup = setup(&address.to_string());
        let server = setup.start();
        let mut client = server.login();
        assert_try_again(&client.try_store("STOR up.csv", b"1,2,3"));
        let line = server.log.expect_warning("", &[("user", "demo"), ("path", "/up.csv")]);
        let cause = line.field("cause").unwrap_or_default();
        assert!(cause.contains("refused") || cause.contains("connect"), "the cause is missing: {line:?}");
        assert_try_again(&client.try_fetch("RETR down.csv").1);
        server.log.expect_warning("", &[("user", "demo"), ("path", "/down.csv")]);
        assert_try_again(&client.try_fetch("MLSD").1);
        assert_try_again(&client.command("SIZE down.csv"));
        assert_try_again(&client.command("DELE down.csv"));
        assert_try_again(&client.command("MKD folder"));
        client.expect("NOOP", 200);
    }

    #[test]
    fn is_no_reason_to_lose_the_other_backends() {
        let (_held, address) = closed_port();
        let setup = Setup::new(format!(
            "
backends:
  disk: {{ kind: local, root: '{{folder}}/files' }}
  bucket: {{ kind: s3, bucket: lost, region: us-east-1, endpoint: 'http://{address}', access_key_id: a, secret_access_key: b }}
users:
  - name: demo
    password: demo
    plain: true
    backend: disk
    mounts: [{{ at: /bucket, backend: bucket }}]
"
        ));
        let server = setup.start();
        let mut client = server.login();
        client.store("here.csv", b"1");
        assert_eq!(client.names(""), ["bucket", "here.csv"]);
        assert_try_again(&client.try_store("STOR bucket/there.csv", b"2"));
        assert_eq!(client.retrieve("here.csv"), b"1");
    }
}

mod stop {
    use super::*;

    /// Tries until a new session is refused: the connection itself, or with a word.
    #[track_caller]
    fn wait_until_refused(server: &Running<'_>) {
        let deadline = Instant::now() + SOON;
        while let Ok(mut client) = Client::try_connect(server.address)
            && client.reply_within(SILENCE).is_some_and(|reply| reply.code == 220)
        {
            assert!(Instant::now() < deadline, "new sessions are still accepted after SIGTERM");
        }
    }

    #[test]
    fn lets_a_transfer_finish_and_refuses_new_sessions() {
        let setup = Setup::local();
        let server = setup.start();
        let (mut client, mut data) = in_the_middle(&server);
        server.terminate();
        wait_until_refused(&server);
        data.write_all(b"the end").unwrap();
        data.finish().unwrap();
        client.expect_reply(226);
        let log = server.log.clone();
        let status = server.wait();
        assert_eq!(status.code(), Some(0), "{status}\n{}", log.text());
        let stored = fs::read(setup.files().join("report.csv")).unwrap();
        assert_eq!(stored.len(), more_than_is_buffered().len() + "the end".len());
    }

    #[test]
    fn lets_a_download_finish() {
        let setup = Setup::memory();
        let server = setup.start();
        let mut client = server.login();
        client.store("big.bin", &more_than_is_buffered());
        let mut data = client.start_transfer("RETR big.bin");
        let mut content = vec![0; 1000];
        data.read_exact(&mut content).unwrap();
        server.terminate();
        wait_until_refused(&server);
        data.read_to_end(&mut content).unwrap();
        assert_bytes(&content, &more_than_is_buffered());
        client.expect_reply(226);
        assert_eq!(server.wait().code(), Some(0));
    }

    #[test]
    fn is_at_once_when_nothing_is_going_on() {
        // A server that waited for it would outlast the test.
        let setup = Setup::local().server("shutdown_grace: 1h");
        let server = setup.start();
        let mut client = server.login();
        server.terminate();
        client.expect_end();
        assert_eq!(server.wait().code(), Some(0));
    }

    #[test]
    fn cuts_what_does_not_finish_in_time() {
        let setup = Setup::local().server("shutdown_grace: 1s");
        let server = setup.start();
        let (_client, _data) = in_the_middle(&server);
        server.terminate();
        server.wait();
        assert_untouched_on_disk(&setup.files());
    }

    #[test]
    fn the_files_survive_a_restart() {
        let setup = Setup::local();
        let server = setup.start();
        server.login().store("report.csv", OLD);
        server.terminate();
        assert_eq!(server.wait().code(), Some(0));
        let server = setup.start();
        assert_untouched(&mut server.login());
        let back = curl(&server, Way::PLAIN, setup.folder())
            .arg(format!("ftp://{}/report.csv", url_host(&server, Way::PLAIN)));
        assert_eq!(back.run().as_bytes(), OLD);
    }
}
