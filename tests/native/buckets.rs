//! What a session on a bucket costs: requests, and memory.

use std::io::Write;
use std::sync::Barrier;
use std::thread;

use wharf_testing::block_on;
use wharf_testing::proxy::{Kind, Proxy, Record};

use crate::support::{S3, Setup, Way, fresh_prefix, lftp, s3_backend};

fn one_user(server: &str, backend: &str) -> Setup {
    Setup::new(format!(
        "
backends:
  bucket: {backend}
users:
  - {{ name: demo, password: demo, plain: true, backend: bucket, permissions: full }}
"
    ))
    .server(server)
}

/// Requests as the promises count them: the method, and what it is for.
fn kinds(proxy: &Proxy) -> Vec<String> {
    // The start of the server looks for unfinished uploads, and for those that are kept, whenever it gets to it.
    let is_of_start = |request: &Record| {
        let prefix = request.query.split('&').find_map(|part| part.strip_prefix("prefix="));
        let is_of_all = |prefix: &str| {
            [".wharf-partial%2F", ".wharf-partial/", ".wharf-partial"].iter().any(|end| prefix.ends_with(end))
        };
        request.kind == Kind::ListUploads || prefix.is_some_and(is_of_all)
    };
    let requests = proxy.take().into_iter().filter(|request| !is_of_start(request));
    let kind = |request: Record| match request.kind {
        Kind::List => "LIST".to_owned(),
        _ => request.method,
    };
    requests.map(kind).collect()
}

mod requests {
    use super::*;

    #[test]
    fn are_as_few_as_the_guide_says() {
        let proxy = block_on(Proxy::before(&S3::SeaweedFs.url()));
        let setup = one_user("", &s3_backend(&proxy.url(), &fresh_prefix()));
        // The server that made a directory asks nothing of it for some seconds; another one knows nothing of it.
        setup.start().login().expect("MKD d", 257);
        assert_eq!(kinds(&proxy), ["LIST", "PUT"]);
        let server = setup.start();
        let mut client = server.login();
        client.expect("TYPE I", 200);
        let mut costs = |command: &str, code: u16, expected: &[&str]| {
            client.expect(command, code);
            assert_eq!(kinds(&proxy), expected, "{command}");
        };
        costs("CWD d", 250, &["LIST"]);
        let transfers = |command: &str, bytes: &[u8], expected: &[&str]| {
            let mut other = server.login();
            other.expect("TYPE I", 200);
            match command.starts_with("STOR") {
                true => other.store(command.trim_start_matches("STOR "), bytes),
                false => drop(other.fetch(command)),
            }
            assert_eq!(kinds(&proxy), expected, "{command}");
        };
        // Whether the name is free; and where its directory was not seen, whether a file is above it.
        transfers("STOR d/small", b"content", &["LIST", "PUT"]);
        let deep = ["LIST", "LIST", "HEAD", "HEAD", "HEAD", "PUT"];
        transfers("STOR a/b/c/d/deep", b"content", &deep);
        for listing in ["LIST d", "LIST -a d", "LIST -la d", "LIST -l --full-time d", "MLSD d", "NLST d"] {
            transfers(listing, b"", &["LIST"]);
        }
        transfers("RETR d/small", b"", &["GET"]);

        let mut costs = |command: &str, code: u16, expected: &[&str]| {
            client.expect(command, code);
            assert_eq!(kinds(&proxy), expected, "{command}");
        };
        // Two for all three: what SIZE was told serves MDTM, too.
        costs("SIZE small", 213, &["HEAD"]);
        costs("MDTM small", 213, &[]);
        costs("MDTM small", 213, &["HEAD"]);
        costs("RNFR small", 350, &[]);
        costs("RNTO renamed", 250, &["LIST", "PUT", "HEAD", "DELETE"]);
        costs("DELE renamed", 250, &["DELETE"]);
        costs("CWD /", 250, &[]);
        costs("RMD d", 250, &["LIST", "DELETE"]);
    }

    #[test]
    fn what_was_written_meanwhile_is_told() {
        let setup = one_user("", &S3::SeaweedFs.backend());
        let server = setup.start();
        let (mut client, mut other) = (server.login(), server.login());
        client.expect("TYPE I", 200);
        other.expect("TYPE I", 200);
        other.store("f", b"one");
        assert_eq!(client.expect("SIZE f", 213).lines[0], "213 3");
        other.store("f", b"three");
        // Not from what SIZE was told before.
        let told = client.expect("MLST f", 250).text();
        assert!(told.to_ascii_lowercase().contains("size=5;"), "{told}");
        other.expect("DELE f", 250);
        client.expect("MDTM f", 550);
    }
}

mod directories {
    use super::*;

    /// What a listing shows can be copied and removed by a client that goes through all of it.
    fn are_mirrored_and_removed(store: S3) {
        let setup = one_user("", &store.backend());
        let server = setup.start();
        let mut client = server.login();
        client.expect("TYPE I", 200);
        for name in ["tree/kept/f", "tree/emptied/deep/f", "tree/f"] {
            client.store(name, b"content");
        }
        client.expect("DELE tree/emptied/deep/f", 250);
        let home = tempfile::tempdir().unwrap();
        lftp(&server, "demo", Way::PLAIN, home.path(), "mirror --no-perms tree back").run();
        assert_eq!(std::fs::read(home.path().join("back/kept/f")).unwrap(), b"content");
        lftp(&server, "demo", Way::PLAIN, home.path(), "rm -r tree").run();
        assert!(server.login().names("").is_empty());
    }

    #[test]
    fn are_mirrored_and_removed_where_the_store_keeps_them() {
        are_mirrored_and_removed(S3::SeaweedFs);
    }

    #[test]
    fn are_mirrored_and_removed_where_they_vanish() {
        are_mirrored_and_removed(S3::Moto);
    }
}

mod many {
    use super::*;

    const MIB: usize = 1 << 20;

    fn content(number: usize, bytes: usize) -> Vec<u8> {
        (0..bytes).map(|at| (at * 31 + number * 7 + at / 4099) as u8).collect()
    }

    /// Half of the clients stop in the middle of their files until all others are done.
    fn uploads_complete(server: &str, budget: usize) {
        const CLIENTS: usize = 40;
        const SIZE: usize = 12 * MIB;
        let setup = one_user(server, &S3::SeaweedFs.backend());
        let server = setup.start();
        let before = server.peak_memory();
        let (started, fast_are_done) = (Barrier::new(CLIENTS), Barrier::new(CLIENTS));
        thread::scope(|scope| {
            for number in 0..CLIENTS {
                let (server, started, fast_are_done) = (&server, &started, &fast_are_done);
                scope.spawn(move || {
                    let slow = number % 2 == 0;
                    let mut client = server.login();
                    client.expect("TYPE I", 200);
                    let bytes = content(number, SIZE);
                    let mut data = client.start_transfer(&format!("STOR {number}"));
                    let (first, rest) = bytes.split_at(if slow { MIB / 4 } else { 0 });
                    data.write_all(first).unwrap();
                    started.wait();
                    if slow {
                        fast_are_done.wait();
                    }
                    data.write_all(rest).unwrap();
                    data.finish().unwrap();
                    drop(data);
                    client.expect_reply(226);
                    if !slow {
                        fast_are_done.wait();
                    }
                });
            }
        });
        let grown = server.peak_memory() - before;
        assert!(grown < (budget + 128 * MIB) as u64, "the server took {} MiB more", grown >> 20);
        let mut client = server.login();
        client.expect("TYPE I", 200);
        for number in 0..CLIENTS {
            assert!(
                client.retrieve(&number.to_string()) == content(number, SIZE),
                "{number} is another file"
            );
        }
    }

    #[test]
    fn uploads_share_the_memory_and_nobody_starves() {
        uploads_complete("limits: { buffer_memory: 32MiB }", 32 * MIB);
    }

    #[test]
    fn uploads_go_to_the_disk_where_memory_is_short() {
        let spill = tempfile::tempdir().unwrap();
        let limits =
            format!("limits: {{ buffer_memory: 32MiB, spill_directory: '{}' }}", spill.path().display());
        uploads_complete(&limits, 32 * MIB);
        assert_eq!(std::fs::read_dir(spill.path()).unwrap().count(), 0, "the files have no names");
    }
}
