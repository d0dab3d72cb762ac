//! A directory of this machine that is not as simple as it could be: other file systems in it, links, huge files.

mod hung;
mod kept;
mod kinds;
mod links;
mod links_refused;
mod modes;
mod mount_points;
pub mod odd;
mod one_file;
mod refusals;
mod root;
mod unseen;
mod watchers;

use std::fs::{self, File};

use crate::support::{Running, Setup, assert_bytes, noise, wait_until};

mod mounted {
    use super::*;

    /// The directory `bound` is another one, bound there in a mount namespace of the server alone: no file can be
    /// renamed from outside of it into it.
    fn with_a_bind_mount() -> Option<Setup> {
        let setup = Setup::local();
        fs::create_dir(setup.folder().join("elsewhere")).unwrap();
        fs::create_dir(setup.files().join("bound")).unwrap();
        setup.mounted("mount --bind '{folder}/elsewhere' '{folder}/files/bound'")
    }

    #[test]
    fn directories_take_files_and_their_next_versions() {
        let Some(setup) = with_a_bind_mount() else { return };
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
        let Some(setup) = with_a_bind_mount() else { return };
        let server = setup.start();
        let mut client = server.login();
        client.store("file", b"new");
        client.store("bound/file", b"old");
        client.expect("RNFR file", 350);
        client.expect("RNTO bound/file", 250);
        assert_eq!(client.retrieve("bound/file"), b"new");
        assert_eq!(client.names(""), ["bound"]);
    }

    /// What replaces a file has a hidden name for a moment: one that stays behind after `kill -9` has to be found.
    #[test]
    fn directories_keep_hidden_names_where_they_are_found_again() {
        let Some(setup) = with_a_bind_mount() else { return };
        let elsewhere = setup.folder().join("elsewhere");
        fs::create_dir_all(elsewhere.join(".wharf-uploads")).unwrap();
        let leftover = elsewhere.join(".wharf-uploads/.wharf-upload-1-2-3");
        fs::write(&leftover, "left").unwrap();
        let mut server = setup.start();
        wait_until("the leftover is gone", || !leftover.exists());
        let mut client = server.login();
        client.expect("MKD bound/below", 257);
        client.store("bound/below/file", b"one");
        client.store("bound/below/file", b"two");
        server.kill();
        let names: Vec<_> =
            fs::read_dir(&elsewhere).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(names.iter().any(|name| name == ".wharf-uploads"), "{names:?}");
        assert_eq!(fs::read_dir(elsewhere.join("below")).unwrap().count(), 1);
    }

    /// As servers left them that had no such folder.
    #[test]
    fn directories_with_nothing_but_leftovers_can_be_removed() {
        let Some(setup) = with_a_bind_mount() else { return };
        let elsewhere = setup.folder().join("elsewhere");
        for place in [elsewhere.join("old"), setup.files().join("old")] {
            fs::create_dir(&place).unwrap();
            fs::write(place.join(".wharf-upload-1-2-3"), "left").unwrap();
            fs::create_dir(place.join(".wharf-uploads")).unwrap();
            fs::write(place.join(".wharf-uploads/.wharf-upload-4-5-6"), "left").unwrap();
        }
        let server = setup.start();
        let mut client = server.login();
        for directory in ["bound/old", "old"] {
            assert_eq!(client.names(directory), [""; 0]);
            client.expect(&format!("RMD {directory}"), 250);
        }
        assert!(!elsewhere.join("old").exists());
    }

    #[test]
    fn directories_with_more_than_leftovers_stay() {
        let setup = Setup::local();
        let directory = setup.files().join("old");
        fs::create_dir(&directory).unwrap();
        // Held by a living upload of another server.
        let held = File::create(directory.join(".wharf-upload-1-2-3")).unwrap();
        held.lock().unwrap();
        let server = setup.start();
        let mut client = server.login();
        client.expect("RMD old", 550);
        assert!(directory.join(".wharf-upload-1-2-3").exists());
        drop(held);
        fs::write(directory.join("file"), "12345").unwrap();
        client.expect("RMD old", 550);
        assert_eq!(client.retrieve("old/file"), b"12345");
    }
}

mod listings {
    use super::*;

    /// Whatever the file system has them in.
    #[test]
    fn are_in_the_order_of_names() {
        let setup = Setup::local();
        for number in 0..300_u32 {
            fs::write(setup.files().join(format!("{:03}", (number * 7919) % 300)), "").unwrap();
        }
        let server = setup.start();
        let mut client = server.login();
        let expected: String = (0..300).map(|number| format!("{number:03}\r\n")).collect();
        assert_eq!(String::from_utf8(client.fetch("NLST")).unwrap(), expected);
        let long = String::from_utf8(client.fetch("LIST")).unwrap();
        let names: String = long.lines().map(|line| format!("{}\r\n", &line[line.len() - 3..])).collect();
        assert_eq!(names, expected);
    }

    /// Nothing could be done there.
    #[test]
    fn of_what_may_not_be_read_are_refused_and_so_is_the_way_there() {
        let mut setup = Setup::local();
        if rustix::process::geteuid().is_root() {
            // The rights of files mean nothing to root otherwise.
            let without = "--bounding-set=-dac_override,-dac_read_search";
            setup = setup.wrapped_in(&["setpriv", without, "--inh-caps=-all"]);
        }
        fs::create_dir(setup.files().join("closed")).unwrap();
        fs::create_dir(setup.files().join("open")).unwrap();
        let mode = |mode| std::os::unix::fs::PermissionsExt::from_mode(mode);
        let server = setup.start();
        let mut client = server.login();
        for bits in [0o000, 0o444, 0o333] {
            fs::set_permissions(setup.files().join("closed"), mode(bits)).unwrap();
            client.expect("CWD closed", 550);
        }
        client.expect("CWD open", 250);
        fs::set_permissions(setup.files().join("closed"), mode(0o755)).unwrap();
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
        server.log.expect("stopping", &[]);
        server.terminate();
        assert_eq!(server.wait().code(), Some(0));
    }
}
