//! FileZilla on a screen of its own. It stops with a dialog unless data connections resume the TLS session of the control
//! connection, at any certificate that it does not trust, and for a greeting; so what is waited for never comes then.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tempfile::TempDir;

use crate::native::kept_uploads::break_off;
use crate::support::{Program, Running, Setup, Started, assert_bytes, client_script, noise, wait_until};

/// Seconds since 1970: 2020-02-03 04:05:06.
const MODIFIED: Duration = Duration::from_secs(1_580_702_706);

/// In the order in which they go: the program needs its screen and its home to the end.
pub(crate) struct FileZilla {
    _program: Started,
    screen: Screen,
    home: TempDir,
    /// A part of its window's title.
    window: String,
}

struct Screen {
    _program: Started,
    display: String,
}

impl Screen {
    fn start(home: &Path) -> Self {
        let mut program = Program::new("Xvfb", home)
            .args(["-displayfd", "1", "-screen", "0", "1024x768x24", "-nolisten", "tcp"])
            .start();
        let display = program.first_line();
        assert!(!display.is_empty(), "Xvfb did not start");
        Self { _program: program, display: format!(":{display}") }
    }

    fn program(&self, name: &str, home: &Path) -> Program {
        Program::limited(name, home, 60).env("DISPLAY", &self.display)
    }
}

fn setup() -> Setup {
    Setup::local().tls_with("required", "require_session_reuse: true").environment("RUST_LOG", "debug")
}

/// Trusts the server's certificate and does without what would ask something or reach beyond this machine.
fn write_settings(home: &Path, certificate: &Path, host: &str, port: u16) {
    let folder = home.join("filezilla");
    fs::create_dir(&folder).unwrap();
    let log = home.join("log");
    let settings = format!(
        "<FileZilla3><Settings><Setting name=\"Update Check\">0</Setting><Setting name=\"Greeting version\">99.0.0\
         </Setting><Setting name=\"Kiosk mode\">1</Setting><Setting name=\"Preserve timestamps\">1</Setting>\
         <Setting name=\"Logging file\">{}</Setting></Settings></FileZilla3>",
        log.display()
    );
    fs::write(folder.join("filezilla.xml"), settings).unwrap();
    let certificate = CertificateDer::from_pem_file(certificate).unwrap();
    let trusted = format!(
        "<FileZilla3><TrustedCerts><Certificate><Data>{}</Data><ActivationTime>1</ActivationTime><ExpirationTime>\
         9999999999</ExpirationTime><Host>{host}</Host><Port>{port}</Port><TrustSANs>0</TrustSANs></Certificate>\
         </TrustedCerts></FileZilla3>",
        hex::encode(&certificate)
    );
    fs::write(folder.join("trustedcerts.xml"), trusted).unwrap();
}

/// What it finds in its queue when it starts.
pub(crate) fn queue(home: &Path, host: &str, port: u16, how: &[&str]) {
    Program::new("python3", home)
        .arg(client_script("filezilla_queue.py"))
        .args([host, &port.to_string()])
        .arg(home.join("local"))
        .args(how.iter().copied())
        .run();
}

impl FileZilla {
    /// It connects to the server as soon as it is up; `prepare` sees its home before that.
    fn start(setup: &Setup, server: &Running<'_>, prepare: impl FnOnce(&Path)) -> Self {
        Self::at("localhost", server.address.port(), &setup.folder().join("server.crt"), prepare)
    }

    /// The same at any address, where this certificate is shown.
    pub(crate) fn at(host: &str, port: u16, certificate: &Path, prepare: impl FnOnce(&Path)) -> Self {
        let home = tempfile::tempdir().unwrap();
        write_settings(home.path(), certificate, host, port);
        fs::create_dir(home.path().join("local")).unwrap();
        prepare(home.path());
        let screen = Screen::start(home.path());
        let program = screen
            .program("filezilla", home.path())
            .env("XDG_CONFIG_HOME", home.path())
            .env("GDK_BACKEND", "x11")
            .env("NO_AT_BRIDGE", "1")
            .env("DBUS_SESSION_BUS_ADDRESS", "disabled:")
            .arg(format!("--local={}", home.path().join("local").display()))
            .arg(format!("ftpes://demo:demo@{host}:{port}/"))
            .start();
        Self { _program: program, screen, home, window: format!("demo@{host}") }
    }

    pub(crate) fn local(&self, name: &str) -> PathBuf {
        self.home.path().join("local").join(name)
    }

    /// What it did, as it tells it itself.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.home.path().join("log")).unwrap_or_default()
    }

    pub(crate) fn press(&self, key: &str) {
        let xdotool =
            |arguments: &[&str]| self.screen.program("xdotool", self.home.path()).args(arguments).run();
        let windows = xdotool(&["search", "--sync", "--onlyvisible", "--name", &self.window]);
        let window = windows.lines().next().unwrap();
        xdotool(&["windowfocus", "--sync", window]);
        xdotool(&["key", key]);
    }
}

impl Drop for FileZilla {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("FileZilla's log:\n{}", self.log());
        }
    }
}

#[test]
fn logs_in_and_lists_over_tls() {
    let setup = setup();
    fs::write(setup.files().join("file"), b"12345").unwrap();
    let server = setup.start();
    let _filezilla = FileZilla::start(&setup, &server, |_| ());
    server.log.expect("logged in", &[]);
    server.log.expect("transfer complete", &[("operation", "list")]);
}

/// The queue has connections of its own, two at a time.
#[test]
fn transfers_what_is_in_its_queue() {
    let setup = setup();
    let (download, upload) = (noise(300_000, 11), noise(400_000, 12));
    fs::write(setup.files().join("download"), &download).unwrap();
    let server = setup.start();
    let filezilla = FileZilla::start(&setup, &server, |home| {
        let local = home.join("local");
        fs::write(local.join("upload"), &upload).unwrap();
        File::options()
            .write(true)
            .open(local.join("upload"))
            .unwrap()
            .set_modified(UNIX_EPOCH + MODIFIED)
            .unwrap();
        queue(home, "localhost", server.address.port(), &[]);
    });
    server.log.expect("transfer complete", &[("operation", "list")]);
    filezilla.press("ctrl+p");
    for (operation, path) in [("download", "/download"), ("upload", "/upload")] {
        server.log.expect("transfer complete", &[("operation", operation), ("path", path)]);
    }
    wait_until("FileZilla is done", || filezilla.log().matches("File transfer successful").count() == 2);
    assert_bytes(&fs::read(setup.files().join("upload")).unwrap(), &upload);
    assert_bytes(&fs::read(filezilla.local("download")).unwrap(), &download);
    let stored = fs::metadata(setup.files().join("upload")).unwrap();
    assert_eq!(stored.modified().unwrap(), UNIX_EPOCH + MODIFIED, "it sets the time with MFMT");
}

/// It lists in one connection, and goes on in another, without asking there how much is kept.
#[test]
fn goes_on_with_what_was_kept() {
    let setup = Setup::new(
        "
backends:
  disk: { kind: local, root: '{folder}/files' }
users:
  - { name: demo, password: demo, plain: true, backend: disk, permissions: full, resume_uploads: 1h }
",
    )
    .tls_with("optional", "require_session_reuse: true")
    .environment("RUST_LOG", "debug");
    let (server, upload) = (setup.start(), noise(400_000, 13));
    break_off(&server, server.login(), "STOR upload", &upload[..300_000]);
    let filezilla = FileZilla::start(&setup, &server, |home| {
        fs::write(home.join("local/upload"), &upload).unwrap();
        queue(home, "localhost", server.address.port(), &["go-on"]);
    });
    server.log.expect("transfer complete", &[("operation", "list")]);
    filezilla.press("ctrl+p");
    wait_until("FileZilla is done", || filezilla.log().contains("File transfer successful"));
    assert_bytes(&fs::read(setup.files().join("upload")).unwrap(), &upload);
    let complete = server.log.find(|line| {
        line.says("transfer complete") && line.field("operation").is_some_and(|operation| operation != "list")
    });
    let bytes: usize = complete.unwrap().field("bytes").unwrap().parse().unwrap();
    assert!(bytes < 200_000, "{bytes} were sent");
    let log = filezilla.log();
    assert!(log.contains("STOR upload") && !log.contains("SIZE upload"), "it asks otherwise now");
}
