//! Three users of one file, each with a storage of another kind: trees and big files go up and come back byte for
//! byte by lftp's `mirror`.

use std::fs;

use crate::support::{S3, Setup, Way, assert_same_file, assert_same_tree, lftp, write_big_file, write_tree};

fn three_users() -> Setup {
    let bucket = S3::SeaweedFs.backend();
    Setup::new(format!(
        "
backends:
  disk: {{ kind: local, root: '{{folder}}/files' }}
  bucket: {bucket}
  scratch: {{ kind: memory, capacity: 512MiB }}
users:
  - {{ name: diane, password: diane, plain: true, backend: disk }}
  - {{ name: bucky, password: bucky, plain: true, backend: bucket }}
  - {{ name: memo, password: memo, plain: true, backend: scratch }}
"
    ))
}

/// Up by four connections, down by four, into an empty folder.
fn tree_comes_back(user: &str) {
    let setup = three_users();
    let server = setup.start();
    let home = tempfile::tempdir().unwrap();
    let tree = home.path().join("tree");
    write_tree(&tree);
    let mirror = "set mirror:parallel-transfer-count 4\nmirror --verbose=0 --no-perms";
    lftp(&server, user, Way::PLAIN, home.path(), &format!("{mirror} --reverse tree up")).run();
    lftp(&server, user, Way::PLAIN, home.path(), &format!("{mirror} up back")).run();
    assert_same_tree(&tree, &home.path().join("back"));

    // The others see nothing of it.
    for other in ["diane", "bucky", "memo"].into_iter().filter(|other| *other != user) {
        assert!(server.login_as(other, other).names("").is_empty(), "{other} sees files of {user}");
    }
}

#[test]
fn a_tree_comes_back_from_a_local_directory() {
    tree_comes_back("diane");
}

#[test]
fn a_tree_comes_back_from_a_bucket() {
    tree_comes_back("bucky");
}

#[test]
fn a_tree_comes_back_from_memory() {
    tree_comes_back("memo");
}

mod big {
    use super::*;

    fn file_comes_back(user: &str, mebibytes: u64) {
        let setup = three_users();
        let server = setup.start();
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("big");
        fs::create_dir(&folder).unwrap();
        write_big_file(&folder.join("big.bin"), mebibytes);
        let before = server.peak_memory();
        lftp(&server, user, Way::PLAIN, home.path(), "mirror --no-perms --reverse big up").run();
        lftp(&server, user, Way::PLAIN, home.path(), "mirror --no-perms up back").run();
        assert_same_file(&folder.join("big.bin"), &home.path().join("back/big.bin"));

        // The contract's "bounded memory": storage in memory holds the file itself, and nothing more than that.
        let held = if user == "memo" { mebibytes << 20 } else { 0 };
        let grown = server.peak_memory() - before;
        assert!(grown < held + (160 << 20), "the server took {} MiB more", grown >> 20);
    }

    #[test]
    fn file_comes_back_from_a_local_directory() {
        file_comes_back("diane", 1024);
    }

    #[test]
    fn file_comes_back_from_a_bucket() {
        file_comes_back("bucky", 1024);
    }

    #[test]
    fn file_comes_back_from_memory() {
        file_comes_back("memo", 256);
    }
}
