//! What real clients do that a careful reading of the RFCs does not show: each finding with the client that showed it.

mod commons_net;
mod curl_numbers;
mod editor;
pub(crate) mod filezilla;
mod without_encryption;

use std::fs;
use std::path::Path;

use crate::support::{
    Program, Running, Setup, Way, assert_bytes, assert_same_tree, client_script, curl, installed, lftp,
    noise, python,
};

const TLS: Way = Way { active: false, tls: true };

fn encrypted() -> Setup {
    Setup::local().tls("required").server("implicit_tls_listen: [\"127.0.0.1:0\"]")
}

/// The host, the port and the authority's certificate, which every script takes.
fn script(program: &str, name: &str, server: &Running<'_>, folder: &Path) -> Program {
    Program::new(program, folder)
        .arg(client_script(name))
        .args(["localhost", &server.address.port().to_string()])
        .arg(&server.certificates().ca_file)
}

fn rclone(server: &Running<'_>, folder: &Path, tls: &str) -> impl Fn(&[&str]) -> String {
    let port = match tls {
        "tls" => server.implicit_address().port(),
        _ => server.address.port(),
    };
    rclone_at("localhost".to_owned(), port, &server.certificates().ca_file, folder, format!("{tls}=true"))
}

/// The same at any address, where a certificate of this authority is shown.
pub(crate) fn rclone_at(
    host: String,
    port: u16,
    ca_file: &Path,
    folder: &Path,
    tls: String,
) -> impl Fn(&[&str]) -> String {
    let password = installed("clients/bin/rclone", folder).args(["obscure", "demo"]).run().trim().to_owned();
    let remote = format!(":ftp,host={host},port={port},user=demo,pass={password},{tls}:");
    let ca = ca_file.to_str().unwrap().to_owned();
    move |arguments| {
        let arguments = arguments.iter().map(|argument| argument.replace("REMOTE:", &remote));
        installed("clients/bin/rclone", folder)
            .args(["--config", "/dev/null", "--ca-cert", &ca, "--retries", "1", "--low-level-retries", "1"])
            .args(arguments)
            .run()
    }
}

/// TLS 1.3 tickets on a data connection are never read by a client that only writes; its kernel answers them with a reset,
/// which takes away what the server has not read yet. It showed in one of fourteen uploads at best, and in all at worst.
mod uploads_over_tls13_arrive_whole {
    use super::*;

    /// 56 files: empty, small, around the sizes of buffers, and some of a few megabytes.
    fn folder_of_files(at: &Path) {
        fs::create_dir(at).unwrap();
        for number in 0..56_usize {
            let length = match number % 8 {
                0 => number,
                1 => 16_384 + number - 28,
                2 => 65_536 + number - 28,
                3 if number < 40 => (2 << 20) + number,
                _ => number * number * 10,
            };
            fs::write(at.join(format!("file{number}")), noise(length, number as u64)).unwrap();
        }
    }

    fn arrive(upload: impl Fn(&Running<'_>, &Path)) {
        let setup = encrypted();
        let server = setup.start();
        let home = tempfile::tempdir().unwrap();
        let files = home.path().join("files");
        folder_of_files(&files);
        upload(&server, home.path());
        let _by_ruby_alone = fs::remove_file(setup.files().join("ruby.txt"));
        assert_same_tree(&files, &setup.files());
    }

    #[test]
    fn from_lftp() {
        arrive(|server, home| {
            lftp(server, "demo", TLS, home, "mput files/*").run();
        });
    }

    #[test]
    fn from_rclone() {
        arrive(|server, home| {
            rclone(server, home, "explicit_tls")(&["copy", "--no-check-dest", "files", "REMOTE:"]);
        });
    }

    #[test]
    fn from_ruby() {
        arrive(|server, home| {
            script("ruby", "uploads.rb", server, home).arg("files").run();
        });
    }

    #[test]
    fn from_perl() {
        arrive(|server, home| {
            script("perl", "uploads.pl", server, home).arg("files").run();
        });
    }
}

/// As FileZilla does, which shows a blocking dialog if the server does not let it.
#[test]
fn clients_that_always_resume_the_tls_session_may_be_held_to_it() {
    let setup = Setup::local()
        .tls_with("required", "require_session_reuse: true")
        .server("implicit_tls_listen: [\"127.0.0.1:0\"]");
    let server = setup.start();
    let home = tempfile::tempdir().unwrap();
    let here = home.path();
    fs::write(here.join("file"), noise(10_000, 9)).unwrap();
    let again_and_again = "put file -o a\nget a -o got\nls\nput file -o b\nget b -o got2\nrm a b";
    lftp(&server, "demo", TLS, here, again_and_again).run();
    script("node", "basic_ftp.cjs", &server, here).arg("explicit").run();
    fs::create_dir(here.join("out")).unwrap();
    for number in 0..6 {
        fs::write(here.join(format!("out/{number}")), noise(10_000, number)).unwrap();
    }
    rclone(&server, here, "explicit_tls")(&["copy", "out", "REMOTE:out"]);
    assert_same_tree(&here.join("out"), &setup.files().join("out"));
}

/// It begins TLS on the data connection before it says what to transfer, sends PBSZ and PROT before USER, and never
/// resumes a session.
#[test]
fn aioftp_encrypts_data_before_the_command() {
    let setup = encrypted();
    let server = setup.start();
    let home = tempfile::tempdir().unwrap();
    installed("clients/bin/python", home.path())
        .arg(client_script("aioftp_transfers.py"))
        .args(["localhost", &server.address.port().to_string()])
        .arg(&server.certificates().ca_file)
        .run();
}

/// PBSZ and PROT come before USER.
#[test]
fn php_protects_data_before_the_login() {
    let setup = encrypted();
    let server = setup.start();
    let home = tempfile::tempdir().unwrap();
    Program::new("php", home.path())
        .arg(client_script("transfers.php"))
        .args(["localhost", &server.address.port().to_string()])
        .run();
}

/// It asks for AUTH SSL first, the name of a draft.
#[test]
fn curl_asks_for_auth_ssl() {
    let setup = encrypted();
    let server = setup.start();
    let home = tempfile::tempdir().unwrap();
    let url = format!("ftp://localhost:{}/", server.address.port());
    let outcome = curl(&server, TLS, home.path()).args(["--verbose", &url]).output();
    assert_eq!(outcome.status, 0, "{outcome}");
    assert!(outcome.stderr.contains("> AUTH SSL"), "{outcome}");
}

/// MLSD of a directory that is not there: it goes on after 550, and gives up after 501.
#[test]
fn rclone_synchronises_into_a_directory_that_is_missing() {
    let setup = encrypted();
    let server = setup.start();
    let home = tempfile::tempdir().unwrap();
    let out = home.path().join("out");
    fs::create_dir_all(out.join("inner/most")).unwrap();
    for name in ["one", "inner/two", "inner/most/three"] {
        fs::write(out.join(name), name).unwrap();
    }
    for tls in ["explicit_tls", "tls"] {
        let rclone = rclone(&server, home.path(), tls);
        rclone(&["sync", "out", &format!("REMOTE:missing/{tls}")]);
        assert_same_tree(&out, &setup.files().join("missing").join(tls));
        // The times were set, so nothing is sent again.
        let again = rclone(&["check", "out", &format!("REMOTE:missing/{tls}")]);
        assert_eq!(again, "");
        rclone(&["sync", &format!("REMOTE:missing/{tls}"), &format!("back {tls}")]);
        assert_same_tree(&out, &home.path().join(format!("back {tls}")));
    }
    let time = |path: &Path| fs::metadata(path).unwrap().modified().unwrap();
    let seconds = |path: &Path| time(path).duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert_eq!(seconds(&out.join("one")), seconds(&setup.files().join("missing/tls/one")));
}

/// TLS from the first byte.
#[test]
fn clients_of_implicit_tls_are_served() {
    let setup = encrypted();
    fs::write(setup.files().join("file"), b"12345").unwrap();
    let server = setup.start();
    let home = tempfile::tempdir().unwrap();
    let (here, port) = (home.path(), server.implicit_address().port());
    let ca = server.certificates().ca_file.to_str().unwrap();
    let url = format!("ftps://localhost:{port}/file");
    assert_eq!(curl(&server, TLS, here).arg(&url).run(), "12345");
    Program::new("wget", here)
        .args([
            "--no-config",
            "--quiet",
            "--no-hsts",
            "--ftp-user=demo",
            "--ftp-password=demo",
            "--ftps-implicit",
        ])
        .args([&format!("--ca-certificate={ca}"), "--output-document=got", &url])
        .run();
    assert_eq!(fs::read(here.join("got")).unwrap(), b"12345");
    let commands = format!(
        "set ssl:ca-file {ca}; set cmd:fail-exit yes; set net:max-retries 1; open -u demo,demo ftps://localhost:{port}; \
         get file -o lftp; put lftp"
    );
    Program::new("lftp", here).args(["--norc", "-c", &commands]).run();
    assert_eq!(fs::read(setup.files().join("lftp")).unwrap(), b"12345");
    fs::remove_file(setup.files().join("lftp")).unwrap();
    fs::remove_file(setup.files().join("file")).unwrap();
    Program::new("node", here)
        .arg(client_script("basic_ftp.cjs"))
        .args(["localhost", &port.to_string(), ca, "implicit"])
        .run();
}

/// It ends uploads without close_notify, so they can't be told from those that were cut, unless that is allowed.
#[test]
fn ftp_ssl_uploads_where_close_notify_is_not_demanded() {
    for (setting, stored) in [("true", false), ("false", true)] {
        let setup = Setup::local().tls_with("required", &format!("require_close_notify: {setting}"));
        let server = setup.start();
        let home = tempfile::tempdir().unwrap();
        let content = noise(200_000, 4);
        fs::write(home.path().join("file"), &content).unwrap();
        let script = "user demo demo\npassive\nbinary\nput file\nls -la\nget file back\nquit\n";
        let said = Program::new("ftp-ssl", home.path())
            .args(["-n", "-v", "-i", "-z", "secure", "-z", "verify=0"])
            .args(["localhost", &server.address.port().to_string()])
            .input(script)
            .output();
        assert_eq!(setup.files().join("file").exists(), stored, "{said}");
        assert_eq!(said.stdout.contains("426 "), !stored, "{said}");
        if stored {
            assert_bytes(&fs::read(setup.files().join("file")).unwrap(), &content);
            assert_bytes(&fs::read(home.path().join("back")).unwrap(), &content);
        }
    }
}

/// As FileZilla does for names that end in .txt, and names without an ending.
#[test]
fn text_goes_as_text() {
    let setup = encrypted();
    let server = setup.start();
    let home = tempfile::tempdir().unwrap();
    let text = "one\ntwo\n\nfour";
    fs::write(home.path().join("text"), text).unwrap();
    lftp(&server, "demo", TLS, home.path(), "put -a text -o lftp.txt\nget -a lftp.txt").run();
    assert_eq!(fs::read_to_string(setup.files().join("lftp.txt")).unwrap(), text);
    assert_eq!(fs::read_to_string(home.path().join("lftp.txt")).unwrap(), text);
    let url = format!("ftp://localhost:{}/lftp.txt;type=a", server.address.port());
    let got = curl(&server, TLS, home.path()).arg(&url).run();
    assert_eq!(got.replace("\r\n", "\n"), text);
    // curl converts what it sends, and not what it gets.
    curl(&server, TLS, home.path()).args(["--upload-file", "text", &url.replace("lftp", "curl")]).run();
    assert_eq!(fs::read_to_string(setup.files().join("curl.txt")).unwrap(), text);
}

/// `ls` with flags, as people type it.
#[test]
fn flags_of_ls_are_left_out_of_account() {
    let setup = encrypted();
    fs::create_dir(setup.files().join("folder")).unwrap();
    fs::write(setup.files().join("folder/inside"), b"").unwrap();
    let server = setup.start();
    let home = tempfile::tempdir().unwrap();
    for command in ["ls -la folder", "quote CWD folder\nls -a", "nlist -CF folder", "ls -R folder"] {
        let listing = lftp(&server, "demo", TLS, home.path(), command).run();
        assert!(listing.trim_end().ends_with("inside"), "{command}: {listing}");
    }
    let url = format!("ftp://localhost:{}/", server.address.port());
    let listing = curl(&server, TLS, home.path()).args(["--request", "LIST -la folder", &url]).run();
    assert!(listing.trim_end().ends_with(" inside"), "{listing}");
    let listing = curl(&server, TLS, home.path()).args(["--request", "NLST -CF folder", &url]).run();
    assert_eq!(listing.trim_end(), "folder/inside");
}

/// With passive mode, TLS and resumption; the script is the one that shows these on every engine.
#[test]
fn ftplib_is_served_over_tls() {
    let setup = encrypted();
    let server = setup.start();
    let home = tempfile::tempdir().unwrap();
    python("ftplib_transfers.py", &server, TLS, home.path()).run();
}
