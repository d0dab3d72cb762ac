//! Clients that have no TLS, or are run without it here.

use std::fs;
use std::path::Path;

use crate::support::{Program, Setup, assert_bytes, assert_same_tree, noise};

fn tree(at: &Path) {
    fs::create_dir_all(at.join("inner dir")).unwrap();
    fs::write(at.join("one"), noise(300_000, 1)).unwrap();
    fs::write(at.join("inner dir/two words"), b"two").unwrap();
    fs::write(at.join(".hidden"), b"hidden").unwrap();
}

/// It lists by `LIST -a`.
#[test]
fn wget_mirrors() {
    let setup = Setup::local();
    tree(&setup.files());
    let server = setup.start();
    let home = tempfile::tempdir().unwrap();
    for mode in ["--passive-ftp", "--no-passive-ftp"] {
        let url = format!("ftp://demo:demo@127.0.0.1:{}/", server.address.port());
        let (port, root) = (server.address.port(), format!("--directory-prefix=got{mode}"));
        Program::new("wget", home.path())
            .args(["--no-config", "--quiet", "--mirror", mode, &root, &url])
            .run();
        let got = home.path().join(format!("got{mode}/127.0.0.1:{port}"));
        for entry in walk(&got) {
            let _its_own = entry.ends_with(".listing").then(|| fs::remove_file(&entry));
        }
        assert_same_tree(&setup.files(), &got);
    }
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

/// It lists by `NLST -CF` and `LIST -CF`, and makes directories as it goes.
#[test]
fn ncftp_uploads_and_downloads_trees() {
    let setup = Setup::local();
    let server = setup.start();
    let home = tempfile::tempdir().unwrap();
    tree(&home.path().join("tree"));
    let port = server.address.port().to_string();
    let ncftp = |program: &str, mode: &str, arguments: &[&str]| {
        let login = ["-u", "demo", "-p", "demo", "-P", &port, mode];
        Program::new(program, home.path()).args(login).args(arguments).run()
    };
    for mode in ["-F", "-E"] {
        ncftp("ncftpput", mode, &["-R", "127.0.0.1", "/", "tree"]);
        assert_same_tree(&home.path().join("tree"), &setup.files().join("tree"));
        ncftp("ncftpget", mode, &["-R", "-T", "127.0.0.1", &format!("back{mode}"), "/tree"]);
        assert_same_tree(&home.path().join("tree"), &home.path().join(format!("back{mode}/tree")));
    }
    let login = ["-u", "demo", "-p", "demo", "-P", &port];
    let url = "ftp://127.0.0.1/tree/";
    let listed = Program::new("ncftpls", home.path()).args(login).args(["-CF", url]).run();
    assert!(listed.contains("one"), "{listed}");
}

/// In active mode it sends EPRT.
#[test]
fn tnftp_transfers_in_both_modes() {
    let setup = Setup::local();
    let server = setup.start();
    let home = tempfile::tempdir().unwrap();
    let content = noise(200_000, 4);
    fs::write(home.path().join("file"), &content).unwrap();
    let port = server.address.port().to_string();
    for passive in ["on", "off"] {
        let script = format!(
            "user demo demo\npassive {passive}\nbinary\nput file {passive}\nget {passive} back\nls -la\nappend file \
             {passive}\nascii\nget {passive} text\nquit\n"
        );
        let program = Program::new("tnftp", home.path()).args(["-n", "-v", "-i", "127.0.0.1", &port]);
        let said = program.input(&script).run();
        assert!(said.contains("229 ") == (passive == "on"), "{said}");
        assert_bytes(&fs::read(home.path().join("back")).unwrap(), &content);
        assert_eq!(fs::metadata(setup.files().join(passive)).unwrap().len(), 400_000);
    }
}

/// Four connections, each with a part of the file. It does not see a 226 that comes in one packet with the 150, which
/// is so where the rest fits into the sockets' buffers, and waits for its own timeout then, with the file whole.
#[test]
fn aria2_downloads_in_parts() {
    let setup = Setup::local();
    let content = noise(9_000_000, 5);
    fs::write(setup.files().join("file"), &content).unwrap();
    let server = setup.start();
    let home = tempfile::tempdir().unwrap();
    let url = format!("ftp://127.0.0.1:{}/file", server.address.port());
    Program::new("aria2c", home.path())
        .args(["--no-conf", "--quiet", "--split=4", "--max-connection-per-server=4", "--min-split-size=1M"])
        .args(["--ftp-user=demo", "--ftp-passwd=demo", "--file-allocation=none", "--timeout=4", &url])
        .run();
    assert_bytes(&fs::read(home.path().join("file")).unwrap(), &content);
}
