//! Renames from one mount to another: they copy and then remove, and whatever goes wrong or happens meanwhile, no
//! content is lost.

mod directories;
mod links;

use std::fs;
use std::sync::Arc;

use wharf_testing::block_on;
use wharf_testing::proxy::{Fault, Gate, Kind, Proxy, Record, When};

use crate::support::{
    Client, Engine, Reply, S3, Setup, assert_bytes, assert_same_tree, fresh_prefix, noise, s3_backend,
};

#[track_caller]
fn rename(client: &mut Client, from: &str, to: &str) -> Reply {
    client.expect(&format!("RNFR {from}"), 350);
    client.command(&format!("RNTO {to}"))
}

/// The backend `source` at `/`, and `target` at `/m`.
fn two(source: &str, target: &str) -> Setup {
    Setup::new(format!(
        "
backends:
  source: {source}
  target: {target}
users:
  - {{ name: demo, password: demo, plain: true, backend: source, mounts: [{{ at: /m, backend: target }}] }}
"
    ))
}

/// Holds one of the uploads to this path, by their number, from when it comes until a test decides about it.
fn held(store: &Proxy, number: usize, path: &'static str) -> Arc<Gate> {
    let gate = Gate::new();
    store.fault(When::nth(Kind::Put, number).at(path), Fault::Delay(Arc::clone(&gate)));
    gate
}

const LOCAL: &str = "{ kind: local, root: '{folder}/files' }";
/// A directory of the same disk, as a backend of its own: it has two names.
const BOX: &str = "{ kind: local, root: '{folder}/files/box' }";
const MEMORY: &str = "{ kind: memory, capacity: 64MiB }";

mod one_place_under_two_names {
    use super::*;

    fn survives(setup: &Setup, from: &str, to: &str) {
        let server = setup.start();
        let mut client = server.login();
        client.store(from, b"there is one of it");
        rename(&mut client, from, to);
        assert_eq!(client.retrieve(from), b"there is one of it");
        assert_eq!(client.retrieve(to), b"there is one of it");
    }

    #[test]
    fn in_two_backends_on_one_disk() {
        let setup = two(LOCAL, BOX);
        fs::create_dir(setup.files().join("box")).unwrap();
        survives(&setup, "/box/x", "/m/x");
        survives(&setup, "/m/x", "/box/x");
    }

    #[test]
    fn in_two_mounts_of_one_backend() {
        let setup = Setup::new(
            "
backends:
  disk: { kind: local, root: '{folder}/files' }
users:
  - { name: demo, password: demo, plain: true, backend: disk, mounts: [{ at: /b, backend: disk, path: box }] }
",
        );
        fs::create_dir(setup.files().join("box")).unwrap();
        survives(&setup, "/box/x", "/b/x");
        survives(&setup, "/b/x", "/box/x");
    }

    #[test]
    fn in_two_backends_of_one_bucket() {
        let prefix = fresh_prefix();
        let backend = s3_backend(&S3::SeaweedFs.url(), &prefix);
        survives(&two(&backend, &backend), "/x", "/m/x");
    }
}

mod changed_meanwhile {
    use super::*;

    const OLD: &[u8] = b"the version that is being moved";
    const NEW: &[u8] = b"a version that was stored and acknowledged during the move";

    /// The move is held when all is read and nothing is stored yet.
    fn keeps_the_new_version(source: &str) {
        let store = block_on(Proxy::before(&S3::SeaweedFs.url()));
        let setup = two(source, &s3_backend(&store.url(), &fresh_prefix()));
        let server = setup.start();
        let (mut mover, mut other) = (server.login(), server.login());
        mover.store("report.csv", OLD);
        mover.expect("RNFR report.csv", 350);
        let held = held(&store, 1, "/report.csv");
        mover.send("RNTO m/report.csv");
        block_on(held.reached());
        other.store("report.csv", NEW);
        held.open();
        let reply = mover.reply();
        let (found, fetched) = other.try_fetch("RETR report.csv");
        assert_eq!(fetched.code, 226, "the move said {reply:?}, and the new version is gone");
        assert_eq!(found, NEW);
    }

    #[test]
    fn a_file_on_a_disk_keeps_the_new_version() {
        keeps_the_new_version(LOCAL);
    }

    #[test]
    fn a_file_in_memory_keeps_the_new_version() {
        keeps_the_new_version(MEMORY);
    }

    #[test]
    fn a_file_in_a_bucket_keeps_the_new_version() {
        keeps_the_new_version(&S3::SeaweedFs.backend());
    }

    #[test]
    fn a_file_keeps_what_was_appended() {
        let store = block_on(Proxy::before(&S3::SeaweedFs.url()));
        let setup = two(LOCAL, &s3_backend(&store.url(), &fresh_prefix()));
        let server = setup.start();
        let (mut mover, mut other) = (server.login(), server.login());
        mover.store("log", b"one");
        mover.expect("RNFR log", 350);
        let held = held(&store, 1, "/log");
        mover.send("RNTO m/log");
        block_on(held.reached());
        assert_eq!(other.try_store("APPE log", b" two").code, 226);
        held.open();
        let reply = mover.reply();
        let (found, fetched) = other.try_fetch("RETR log");
        assert_eq!((&*found, fetched.code), (&b"one two"[..], 226), "the move said {reply:?}");
    }

    /// A file that comes into a directory after that was listed, and one that is replaced after it was copied.
    #[test]
    fn a_directory_keeps_what_came_and_what_is_new() {
        let store = block_on(Proxy::before(&S3::SeaweedFs.url()));
        let setup = two(LOCAL, &s3_backend(&store.url(), &fresh_prefix()));
        let tree = setup.files().join("tree");
        fs::create_dir(&tree).unwrap();
        for number in 0..3 {
            fs::write(tree.join(format!("part-{number}")), OLD).unwrap();
        }
        let server = setup.start();
        let (mut mover, mut other) = (server.login(), server.login());
        mover.expect("RNFR tree", 350);
        let held = held(&store, 3, "/tree/part-");
        mover.send("RNTO m/tree");
        block_on(held.reached());
        for name in ["part-0", "part-1", "part-2", "came-later"] {
            other.store(&format!("tree/{name}"), NEW);
        }
        held.open();
        let reply = mover.reply();
        for name in ["part-0", "part-1", "part-2", "came-later"] {
            let (found, fetched) = other.try_fetch(&format!("RETR tree/{name}"));
            assert_eq!(fetched.code, 226, "the move said {reply:?}, and the new version of {name} is gone");
            assert_eq!(found, NEW, "{name}");
        }
    }

    /// The target is made by somebody else while a user who may not overwrite moves to it.
    #[test]
    fn a_target_that_came_meanwhile_is_not_replaced() {
        let store = block_on(Proxy::before(&S3::SeaweedFs.url()));
        let prefix = fresh_prefix();
        let setup = Setup::new(format!(
            "
backends:
  disk: {LOCAL}
  held: {}
  direct: {}
users:
  - name: demo
    password: demo
    plain: true
    backend: disk
    permissions: [list, download, upload, rename, delete]
    mounts: [{{ at: /m, backend: held }}, {{ at: /direct, backend: direct }}]
",
            s3_backend(&store.url(), &prefix),
            s3_backend(&S3::SeaweedFs.url(), &prefix)
        ));
        let server = setup.start();
        let (mut mover, mut other) = (server.login(), server.login());
        mover.store("report.csv", OLD);
        mover.expect("RNFR report.csv", 350);
        let held = held(&store, 1, "/report.csv");
        mover.send("RNTO m/report.csv");
        block_on(held.reached());
        other.store("direct/report.csv", NEW);
        held.open();
        assert_eq!(mover.reply().code, 550);
        assert_eq!(other.retrieve("direct/report.csv"), NEW);
        assert_eq!(other.retrieve("report.csv"), OLD);
    }
}

mod failed {
    use super::*;

    #[test]
    fn for_lack_of_room_leaves_the_source_and_no_half_copy() {
        let setup = two(LOCAL, "{ kind: memory, capacity: 1MiB }");
        let before = setup.folder().join("before");
        for root in [before.join("tree"), setup.files().join("tree")] {
            fs::create_dir_all(root.join("below/empty")).unwrap();
            for number in 0..4_u64 {
                fs::write(root.join(format!("part-{number}")), noise(200 << 10, number)).unwrap();
                fs::write(root.join(format!("below/part-{number}")), noise(200 << 10, number + 4)).unwrap();
            }
        }
        let server = setup.start();
        let mut client = server.login();
        let reply = rename(&mut client, "tree", "m/tree");
        assert!(matches!(reply.code, 452 | 552), "{reply:?}");
        assert_eq!(client.names("m"), [""; 0]);
        assert_same_tree(&before, &setup.files());
        // The room is free again.
        client.store("m/file", &noise(900 << 10, 9));
        // And a file is as safe as a directory.
        client.store("file", &noise(200 << 10, 9));
        let reply = rename(&mut client, "file", "m/other");
        assert!(matches!(reply.code, 452 | 552), "{reply:?}");
        assert_bytes(&client.retrieve("file"), &noise(200 << 10, 9));
        assert_eq!(client.names("m"), ["file"]);
    }

    /// Cleaning up removes what the move has copied, not what somebody else has stored beside it.
    #[test]
    fn leaves_what_others_stored_in_the_target() {
        let store = block_on(Proxy::before(&S3::SeaweedFs.url()));
        let prefix = fresh_prefix();
        let setup = Setup::new(format!(
            "
backends:
  disk: {LOCAL}
  held: {}
  direct: {}
users:
  - name: demo
    password: demo
    plain: true
    backend: disk
    mounts: [{{ at: /m, backend: held }}, {{ at: /direct, backend: direct }}]
",
            s3_backend(&store.url(), &prefix),
            s3_backend(&S3::SeaweedFs.url(), &prefix)
        ));
        let before = setup.folder().join("before");
        for root in [before.join("tree"), setup.files().join("tree")] {
            fs::create_dir_all(&root).unwrap();
            for number in 0..3 {
                fs::write(root.join(format!("part-{number}")), format!("part {number}")).unwrap();
            }
        }
        let server = setup.start();
        let (mut mover, mut other) = (server.login(), server.login());
        mover.expect("RNFR tree", 350);
        let held = held(&store, 2, "/tree/part-");
        mover.send("RNTO m/tree");
        block_on(held.reached());
        other.store("direct/tree/from-another-session", b"stays");
        held.shut();
        let reply = mover.reply();
        assert!(reply.code >= 400, "{reply:?}");
        assert_eq!(other.names("direct/tree"), ["from-another-session"]);
        assert_eq!(other.retrieve("direct/tree/from-another-session"), b"stays");
        assert_same_tree(&before, &setup.files());
    }
}

mod permissions {
    use super::*;

    /// A file `secret` and a directory `folder` at `/`, with these permissions there and at `/m`.
    fn tree(at_root: &str, at_mount: &str) -> Setup {
        let setup = Setup::new(format!(
            "
backends:
  disk: {LOCAL}
  scratch: {MEMORY}
users:
  - name: demo
    password: demo
    plain: true
    backend: disk
    permissions: {at_root}
    mounts: [{{ at: /m, backend: scratch, permissions: {at_mount} }}]
"
        ));
        fs::write(setup.files().join("secret"), b"not for everyone").unwrap();
        fs::create_dir(setup.files().join("folder")).unwrap();
        fs::write(setup.files().join("folder/file"), b"file").unwrap();
        setup
    }

    #[track_caller]
    fn assert_refused(at_root: &str, at_mount: &str, name: &str) {
        let setup = tree(at_root, at_mount);
        let server = setup.start();
        let mut client = server.login();
        client.expect(&format!("RNFR {name}"), 350);
        let reply = client.command(&format!("RNTO m/{name}"));
        assert_eq!(reply.code, 550, "{name} from {at_root} to {at_mount}: {reply:?}");
        assert_eq!(client.names("m"), [""; 0]);
        assert_eq!(fs::read(setup.files().join("secret")).unwrap(), b"not for everyone");
        assert_eq!(fs::read(setup.files().join("folder/file")).unwrap(), b"file");
    }

    /// What may not be read may not be moved to where it can be; what may not be removed doesn't go away.
    #[test]
    fn to_read_and_to_delete_are_needed_where_it_comes_from() {
        for missing in ["[list, rename]", "[list, rename, delete]", "[list, rename, download]"] {
            assert_refused(missing, "full", "secret");
            assert_refused(missing, "full", "folder");
        }
    }

    #[test]
    fn to_store_and_to_make_directories_are_needed_where_it_goes_to() {
        assert_refused("full", "[list, mkdir]", "secret");
        assert_refused("full", "[list, upload]", "folder");
        assert_refused("full", "[list, mkdir]", "folder");
    }

    #[test]
    fn suffice_if_they_are_there() {
        let setup = tree("[list, download, rename, delete]", "full");
        let server = setup.start();
        let mut client = server.login();
        for name in ["secret", "folder"] {
            assert_eq!(rename(&mut client, name, &format!("m/{name}")).code, 250);
        }
        assert_eq!(client.names(""), ["m"]);
        assert_eq!(client.retrieve("m/secret"), b"not for everyone");
        assert_eq!(client.retrieve("m/folder/file"), b"file");
        let setup = tree("full", "[list, upload]");
        let server = setup.start();
        assert_eq!(rename(&mut server.login(), "secret", "m/secret").code, 250);
    }

    #[test]
    fn to_overwrite_is_needed_for_what_is_there() {
        let setup = tree("full", "[list, upload, download]");
        let server = setup.start();
        let mut client = server.login();
        client.store("m/secret", b"already here");
        assert_eq!(rename(&mut client, "secret", "m/secret").code, 550);
        assert_eq!(client.retrieve("m/secret"), b"already here");
        assert_eq!(client.retrieve("secret"), b"not for everyone");
    }
}
