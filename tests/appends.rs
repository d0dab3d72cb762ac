//! What goes on where a file ends: APPE, and STOR behind REST. What comes out is the old content and the new behind
//! it, or the old content alone.

use std::io::Write;

use crate::support::{Client, Engine, S3, Setup, Stream, assert_bytes, more_than_is_buffered, noise};

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

    /// Two sessions add to what they both have seen: one of them has to begin again.
    fn only_one_wins(setup: &Setup) {
        let server = setup.start();
        let (mut first, mut second) = (server.login(), server.login());
        first.store("log", b"old");
        let (mut first_data, content) = begin(&mut first, 1);
        let (mut second_data, _) = begin(&mut second, 2);
        first_data.finish().unwrap();
        first.expect_reply(226);
        second_data.finish().unwrap();
        second.expect_reply(450);
        let expected = [b"old", &*content].concat();
        assert_bytes(&server.login().retrieve("log"), &expected);
        server.log.expect_warning(&["demo", "/log"]);
        // The one who lost can do it again.
        let mut second = server.login();
        assert_eq!(second.try_store("APPE log", b"again").code, 226);
        assert_eq!(second.retrieve("log").len(), expected.len() + 5);
    }

    #[test]
    fn only_one_wins_on_a_disk() {
        only_one_wins(&Setup::local());
    }

    #[test]
    fn only_one_wins_in_memory() {
        only_one_wins(&Setup::memory());
    }

    #[test]
    fn only_one_wins_in_a_bucket() {
        only_one_wins(&bucket());
    }

    /// What was appended to is no longer there.
    #[test]
    fn a_file_that_was_replaced_meanwhile_is_not_put_back() {
        for setup in [Setup::local(), Setup::memory()] {
            let server = setup.start();
            let (mut first, mut second) = (server.login(), server.login());
            first.store("log", b"old");
            let (mut data, _) = begin(&mut first, 1);
            second.store("log", b"a new day");
            data.finish().unwrap();
            first.expect_reply(450);
            assert_eq!(second.retrieve("log"), b"a new day");
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
