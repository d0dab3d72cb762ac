//! Permission bits of new files and directories.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::{Engine, Setup};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn are_those_of_the_configuration_whatever_the_umask_is() {
    for umask in ["000", "077"] {
        let setup = Setup::new(
            "
backends:
  disk: { kind: local, root: '{folder}/files' }
  shared: { kind: local, root: '{folder}/shared', create_root: true, file_mode: 0664, directory_mode: '775' }
  private: { kind: local, root: '{folder}/private/files', create_root: true, file_mode: 600, directory_mode: '0700' }
users:
  - name: demo
    password: demo
    plain: true
    backend: disk
    mounts: [ { at: /shared, backend: shared }, { at: /private, backend: private } ]
",
        )
        .wrapped_in(&["sh", "-c", &format!("umask {umask}; exec \"$@\""), "sh"]);
        let server = setup.start();
        let mut client = server.login();
        let expected = [
            ("files", "", 0o640, 0o750),
            ("shared", "shared/", 0o664, 0o775),
            ("private/files", "private/", 0o600, 0o700),
        ];
        for (folder, at, file_mode, directory_mode) in expected {
            client.expect(&format!("MKD {at}d"), 257);
            for content in [&b"12345"[..], &vec![b'x'; 300_000]] {
                let name = format!("{at}d/stored-{}", content.len());
                client.store(&name, content);
                let name = format!("{at}d/appended-{}", content.len());
                assert_eq!(client.try_store(&format!("APPE {name}"), content).code, 226);
            }
            if Engine::current() == Engine::Native {
                client.expect(&format!("CWD {at}d"), 250);
                assert_eq!(client.try_store("STOU", b"12345").code, 226);
                client.expect("CWD /", 250);
            }
            let directory = setup.folder().join(folder).join("d");
            assert_eq!(mode(&directory), directory_mode, "{umask}: {at}");
            for entry in fs::read_dir(&directory).unwrap() {
                let path = entry.unwrap().path();
                assert_eq!(mode(&path), file_mode, "{umask}: {}", path.display());
            }
        }
        for (root, expected) in [("shared", 0o775), ("private", 0o755), ("private/files", 0o700)] {
            assert_eq!(mode(&setup.folder().join(root)), expected, "{umask}: {root}");
        }
        // What moves from one to the other is new there.
        client.expect("RNFR private/d", 350);
        client.expect("RNTO shared/moved", 250);
        assert_eq!(mode(&setup.folder().join("shared/moved")), 0o775);
        assert_eq!(mode(&setup.folder().join("shared/moved/stored-5")), 0o664);
    }
}
