//! A directory of this machine that is not as simple as it could be: other file systems in it, links, huge files.

use std::fs::{self, File};
use std::os::unix::fs::symlink;

use crate::support::{Running, Setup, assert_bytes, noise, wait_until};

mod mounted {
    use super::*;

    /// The directory `bound` is another one, bound there in a mount namespace of the server alone: no file can be
    /// renamed from outside of it into it.
    fn with_a_bind_mount() -> Setup {
        let unshare = if rustix::process::geteuid().is_root() { "--mount" } else { "--map-root-user" };
        let setup = Setup::local().wrapped_in(&[
            "unshare",
            unshare,
            "--mount",
            "sh",
            "-c",
            "mount --bind '{folder}/elsewhere' '{folder}/files/bound' \
             || { echo binding a directory is not permitted here; exit 1; }
             exec \"$@\"",
            "sh",
        ]);
        fs::create_dir(setup.folder().join("elsewhere")).unwrap();
        fs::create_dir(setup.files().join("bound")).unwrap();
        setup
    }

    #[test]
    fn directories_take_files_and_their_next_versions() {
        let setup = with_a_bind_mount();
        let server = setup.start();
        let mut client = server.login();
        client.store("bound/file", b"the first version");
        client.store("bound/file", &noise(300_000, 1));
        assert_bytes(&client.retrieve("bound/file"), &noise(300_000, 1));
        assert_eq!(client.try_store("APPE bound/file", b"the end").code, 226);
        client.expect("MKD bound/below", 257);
        client.store("bound/below/file", b"one");
        client.store("bound/below/file", b"two");
        assert_eq!(client.retrieve("bound/below/file"), b"two");
        assert_eq!(client.names("bound"), ["below", "file"]);
        let elsewhere = setup.folder().join("elsewhere");
        assert_eq!(fs::read(elsewhere.join("file")).unwrap().len(), 300_007);
    }

    #[test]
    fn directories_take_what_is_moved_there() {
        let setup = with_a_bind_mount();
        let server = setup.start();
        let mut client = server.login();
        client.store("file", b"new");
        client.store("bound/file", b"old");
        client.expect("RNFR file", 350);
        client.expect("RNTO bound/file", 250);
        assert_eq!(client.retrieve("bound/file"), b"new");
        assert_eq!(client.names(""), ["bound"]);
    }
}

mod links {
    use super::*;

    #[test]
    fn with_dots_that_stay_inside_are_what_they_lead_to() {
        let setup = Setup::local();
        let files = setup.files();
        fs::create_dir(files.join("proj")).unwrap();
        fs::create_dir(files.join("shared")).unwrap();
        fs::write(files.join("shared/file"), b"12345").unwrap();
        symlink("../shared", files.join("proj/link")).unwrap();
        symlink("../shared/file", files.join("proj/file")).unwrap();
        let server = setup.start();
        let mut client = server.login();
        let listing = String::from_utf8(client.fetch("MLSD proj")).unwrap().to_ascii_lowercase();
        let facts = |name: &str| {
            let end = format!(" {name}");
            let line = listing.lines().find(|line| line.ends_with(&end));
            line.unwrap_or_else(|| panic!("no {name} in {listing}"))
        };
        assert!(facts("link").contains("type=dir;"), "{listing}");
        assert!(facts("file").contains("type=file;"), "{listing}");
        assert!(facts("file").contains("size=5;"), "{listing}");
        let facts = client.expect("MLST proj/link", 250).text().to_ascii_lowercase();
        assert!(facts.contains("type=dir;"), "{facts}");
        client.expect("CWD proj/link", 250);
        assert_eq!(client.names(""), ["file"]);
        assert_eq!(client.retrieve("file"), b"12345");
        assert_eq!(client.retrieve("/proj/file"), b"12345");
    }
}

mod huge_files {
    use super::*;

    /// As long as the file system has it, up to 400 GB: reading it takes minutes at least, holding it no room.
    fn write_huge_file(setup: &Setup) {
        let file = File::create(setup.files().join("huge")).unwrap();
        let gigabytes = [400, 100, 15, 2].into_iter();
        let longest = gigabytes.map(|size| size * 1_000_000_000_u64).find(|size| file.set_len(*size).is_ok());
        longest.expect("a file system that has files of 2 GB");
    }

    /// Whether the process has the file open.
    fn is_reading(server: &Running<'_>) -> bool {
        let descriptors = fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap();
        descriptors
            .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
            .any(|path| path.ends_with("files/huge"))
    }

    /// A checksum that nobody waits for any more keeps no server from its end.
    #[test]
    fn hold_up_no_stop() {
        let setup = Setup::local();
        write_huge_file(&setup);
        let server = setup.start();
        let mut client = server.login();
        client.send("SITE MD5 huge");
        wait_until("the file is read", || is_reading(&server));
        drop(client);
        server.terminate();
        server.log.expect(&["stopping"]);
        server.terminate();
        assert_eq!(server.wait().code(), Some(0));
    }
}
