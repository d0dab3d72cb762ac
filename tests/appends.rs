//! What goes on where a file ends: APPE, and STOR behind REST. What comes out is the old content and the new behind
//! it, or the old content alone.

use std::io::Write;

use crate::support::{
    Client, Engine, S3, Setup, Stream, assert_bytes, more_than_is_buffered, noise, wait_until,
};

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

mod without_looking {
    use super::*;

    /// Whoever may not see a file may still add to it, and what was there stays.
    fn adds(backend: &str) {
        let setup = Setup::new(format!(
            "
backends:
  storage: {backend}
users:
  - {{ name: demo, password: demo, plain: true, backend: storage }}
  - {{ name: blind, password: blind, plain: true, backend: storage, permissions: [upload, overwrite] }}
"
        ));
        let server = setup.start();
        server.login().store("log", b"old");
        let mut blind = server.login_as("blind", "blind");
        assert_eq!(blind.try_store("APPE log", b" and new").code, 226);
        assert_eq!(blind.try_store("APPE log", b" and newer").code, 226);
        assert_eq!(blind.try_store("APPE other", b"first").code, 226);
        assert_eq!(server.login().retrieve("log"), b"old and new and newer");
        assert_eq!(server.login().retrieve("other"), b"first");
    }

    #[test]
    fn adds_to_a_file_on_a_disk() {
        adds("{ kind: local, root: '{folder}/files' }");
    }

    #[test]
    fn adds_to_a_file_in_memory() {
        adds("{ kind: memory }");
    }

    #[test]
    fn adds_to_a_file_in_a_bucket() {
        adds(&S3::SeaweedFs.backend());
    }
}

mod at_once {
    use super::*;

    /// In the middle of an append: a part of it has been stored.
    fn begin(client: &mut Client, seed: u64) -> (Stream, Vec<u8>) {
        let mut data = client.start_transfer("APPE log");
        let content = noise(more_than_is_buffered().len(), seed);
        data.write_all(&content).unwrap();
        (data, content)
    }

    /// Two sessions add to one file at once: each finds its bytes there, whoever ends first.
    fn both_are_added(setup: &Setup) {
        let server = setup.start();
        for old in [None, Some(&b""[..]), Some(b"old")] {
            let mut looking = server.login();
            if let Some(old) = old {
                looking.store("log", old);
            }
            let (mut first, mut second) = (server.login(), server.login());
            let (mut first_data, one) = begin(&mut first, 1);
            let (mut second_data, other) = begin(&mut second, 2);
            second_data.finish().unwrap();
            second.expect_reply(226);
            first_data.finish().unwrap();
            first.expect_reply(226);
            assert_bytes(&looking.retrieve("log"), &[old.unwrap_or_default(), &*other, &*one].concat());
            looking.expect("DELE log", 250);
        }
    }

    #[test]
    fn both_are_added_on_a_disk() {
        both_are_added(&Setup::local());
    }

    #[test]
    fn both_are_added_in_memory() {
        both_are_added(&Setup::memory());
    }

    #[test]
    fn both_are_added_in_a_bucket() {
        both_are_added(&bucket());
    }

    /// Devices don't ask twice, so none is refused because of another.
    #[test]
    fn of_many_none_is_refused() {
        for setup in [Setup::local(), Setup::memory()] {
            let server = setup.start();
            std::thread::scope(|scope| {
                for device in 0..10 {
                    let server = &server;
                    scope.spawn(move || {
                        for line in 0..5 {
                            let line = format!("device {device}, line {line}\n");
                            assert_eq!(server.login().try_store("APPE log", line.as_bytes()).code, 226);
                        }
                    });
                }
            });
            let log = String::from_utf8(server.login().retrieve("log")).unwrap();
            for device in 0..10 {
                let lines: Vec<_> =
                    log.lines().filter(|line| line.contains(&format!("device {device},"))).collect();
                let expected: Vec<_> = (0..5).map(|line| format!("device {device}, line {line}")).collect();
                assert_eq!(lines, expected, "in the order of the replies");
            }
            assert_eq!(log.lines().count(), 50);
        }
    }

    /// As when a log is put away: the new one is added to.
    #[test]
    fn what_was_replaced_meanwhile_is_gone_on_from() {
        for setup in [Setup::local(), Setup::memory()] {
            let server = setup.start();
            let (mut first, mut second) = (server.login(), server.login());
            first.store("log", b"old");
            let (mut data, added) = begin(&mut first, 1);
            second.store("log", b"a new day");
            data.finish().unwrap();
            first.expect_reply(226);
            assert_bytes(&second.retrieve("log"), &[b"a new day", &*added].concat());
        }
    }

    mod native_only {
        use super::*;

        /// A resumed upload belongs behind what it saw, so there it is a conflict.
        #[test]
        fn a_resumed_upload_is_refused() {
            for setup in [Setup::local(), Setup::memory()] {
                let server = setup.start();
                let (mut first, mut second) = (server.login(), server.login());
                first.store("log", b"old");
                first.expect("REST 3", 350);
                let mut data = first.start_transfer("STOR log");
                data.write_all(&more_than_is_buffered()).unwrap();
                assert_eq!(second.try_store("APPE log", b" and more").code, 226);
                data.finish().unwrap();
                first.expect_reply(450);
                assert_bytes(&second.retrieve("log"), b"old and more");
                server.log.expect_warning("", &[("user", "demo"), ("path", "/log")]);
            }
        }
    }
}

mod cut_off {
    use super::*;

    /// However the server ends, the file has the old content or the new, and can be added to.
    #[test]
    fn by_sigkill_nothing_is_left_half_done() {
        let setup = Setup::local();
        let mut expected = b"old".to_vec();
        setup.start().login().store("log", &expected);
        for round in 0..6 {
            let mut server = setup.start();
            let mut client = server.login();
            let mut data = client.start_transfer("APPE log");
            let tail = noise(16 << 20, round);
            data.write_all(&tail).unwrap();
            data.finish().unwrap();
            // Sooner or later, while the tail is put behind the file.
            let log = setup.files().join("log");
            wait_until("it has begun, or all is told", || {
                round % 2 == 0 || std::fs::metadata(&log).unwrap().len() > expected.len() as u64
            });
            server.kill();
            drop(client);
            let server = setup.start();
            let found = server.login().retrieve("log");
            let whole = [&*expected, &*tail].concat();
            assert!(found == expected || found == whole, "{} bytes", found.len());
            assert_eq!(server.login().try_store("APPE log", b"!").code, 226);
            expected = [&*found, b"!"].concat();
            assert_bytes(&server.login().retrieve("log"), &expected);
            let leftovers =
                std::fs::read_dir(setup.files().join(".wharf-uploads")).map_or(0, Iterator::count);
            assert_eq!(leftovers, 0);
        }
    }
}

/// libunftp may hold on to a restart point that the client has forgotten, so with that engine Wharf takes no upload that
/// would change what is there already.
mod behind_a_restart_point {
    use super::*;

    const OLD: &[u8] = b"0123456789";

    fn storages() -> [Setup; 2] {
        [Setup::local(), Setup::memory()]
    }

    #[test]
    fn at_the_end_the_upload_goes_on() {
        for setup in storages() {
            let server = setup.start();
            let mut client = server.login();
            client.store("file", OLD);
            client.expect("REST 10", 350);
            client.store("file", b"abc");
            assert_eq!(client.retrieve("file"), b"0123456789abc");
            // And the point is used up.
            client.store("file", b"new");
            assert_eq!(client.retrieve("file"), b"new");
        }
    }

    #[test]
    fn elsewhere_the_upload_replaces_the_rest_or_is_refused() {
        for (offset, becomes) in [(4, &b"0123new"[..]), (9, b"012345678new"), (0, b"new")] {
            for setup in storages() {
                let server = setup.start();
                let mut client = server.login();
                client.store("file", OLD);
                client.expect(&format!("REST {offset}"), 350);
                let code = client.try_store("STOR file", b"new").code;
                let refused = Engine::current() == Engine::Libunftp && offset > 0;
                assert_eq!(code, if refused { 450 } else { 226 }, "at {offset}");
                assert_eq!(server.login().retrieve("file"), if refused { OLD } else { becomes });
            }
        }
    }

    #[test]
    fn that_lies_behind_the_end_nothing_changes() {
        for setup in storages() {
            let server = setup.start();
            let mut client = server.login();
            client.store("file", OLD);
            client.expect("REST 11", 350);
            let code = if Engine::current() == Engine::Libunftp { 450 } else { 554 };
            assert_eq!(client.try_store("STOR file", b"new").code, code);
            assert_eq!(server.login().retrieve("file"), OLD);
        }
    }

    /// A listing in between uses the point up for the client, and not for the engine.
    #[test]
    fn a_listing_in_between_makes_no_mixture() {
        for setup in storages() {
            let server = setup.start();
            let mut client = server.login();
            client.store("file", OLD);
            client.expect("REST 4", 350);
            client.fetch("LIST");
            let code = client.try_store("STOR file", b"a new file").code;
            let refused = Engine::current() == Engine::Libunftp;
            assert_eq!(code, if refused { 450 } else { 226 });
            assert_eq!(server.login().retrieve("file"), if refused { OLD } else { b"a new file" });
            assert_eq!(server.login().names(""), ["file"]);
        }
    }

    #[test]
    fn a_failure_ends_the_point() {
        let libunftp = Engine::current() == Engine::Libunftp;
        let not_the_end = if libunftp { 450 } else { 554 };
        for (command, code) in [("RETR missing", 550), ("RETR folder", 550), ("STOR file", not_the_end)] {
            let setup = Setup::local();
            let server = setup.start();
            let mut client = server.login();
            client.store("file", OLD);
            client.expect("MKD folder", 257);
            client.expect("REST 50", 350);
            assert_eq!(client.try_store(command, b"").code, code, "{command}");
            // There, the session has to end with it.
            let mut client = if libunftp {
                client.expect_end();
                server.login()
            } else {
                client
            };
            assert_eq!(client.retrieve("file"), OLD);
            client.store("file", b"new");
            assert_eq!(client.retrieve("file"), b"new");
        }
    }

    /// Without a point there is none to get rid of.
    #[test]
    fn a_failure_without_one_leaves_the_session() {
        let setup = Setup::local();
        let server = setup.start();
        let mut client = server.login();
        client.store("file", OLD);
        assert_eq!(client.try_fetch("RETR missing").1.code, 550);
        assert_eq!(client.retrieve("file"), OLD);
        client.expect("REST 5", 350);
        assert_eq!(client.retrieve("file"), b"56789");
        assert_eq!(client.try_fetch("RETR missing").1.code, 550);
        assert_eq!(client.retrieve("file"), OLD);
    }
}
