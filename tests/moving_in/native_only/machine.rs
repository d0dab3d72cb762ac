//! A machine with another FTP server, and the same machine after the move: each with its own copy of the same files.

use std::fs::{self, File, FileTimes, Permissions};
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::support::{Client, SOON, Setup, skipped, unshare, wharf};

/// What `/etc` has for all servers. PAM is that of Debian, with the parts that a container may lack written out.
const ETC: &[(&str, &str)] = &[
    ("nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files\n"),
    ("hosts", "127.0.0.1 localhost\n"),
    ("shells", "/bin/sh\n/bin/bash\n"),
    ("ftpusers", "root\ndaemon\nnobody\n"),
    ("group", "root:x:0:\nnogroup:x:65534:\nftp:x:4000:\nstaff:x:4100:anna\n"),
    ("pam.d/other", "auth required pam_deny.so\naccount required pam_deny.so\n"),
    (
        "pam.d/vsftpd",
        "auth required pam_listfile.so item=user sense=deny file=/etc/ftpusers onerr=succeed\nauth required pam_unix.so\n\
         auth required pam_shells.so\naccount required pam_unix.so\nsession required pam_permit.so\n",
    ),
    ("empty/", ""),
    ("run/", ""),
];

/// Where the other servers are.
pub const SERVERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/.test-tools/servers");

/// All files of the other server's machine: its own `/etc` and `/srv`, and the copy of `/srv` that Wharf gets.
pub struct Machine {
    folder: TempDir,
}

/// The other server, until this value is dropped.
pub struct Other {
    child: Child,
    pub address: SocketAddr,
}

impl Drop for Other {
    fn drop(&mut self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).ok();
        self.child.wait().ok();
    }
}

impl Machine {
    /// `None`: other servers become other users, and see another `/etc`, which this machine does not permit.
    pub fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        if !rustix::process::geteuid().is_root() {
            skipped("other FTP servers become their users, which takes root");
            return None;
        }
        let machine = Self { folder };
        for folder in ["old/etc", "old/srv", "new"] {
            fs::create_dir_all(machine.path(folder)).unwrap();
        }
        // The accounts of the users have to get there.
        fs::set_permissions(machine.folder.path(), Permissions::from_mode(0o755)).unwrap();
        let tried = machine.inside("old", &["true".to_owned()]).output().unwrap();
        if !tried.status.success() {
            skipped(format!("this machine permits no mounts: {}", String::from_utf8_lossy(&tried.stderr)));
            return None;
        }
        for (name, text) in ETC {
            machine.etc(name, text);
        }
        Some(machine)
    }

    pub fn path(&self, rest: &str) -> PathBuf {
        self.folder.path().join(rest)
    }

    /// Writes a file of `/etc`, or makes a directory if the name ends with a slash.
    pub fn etc(&self, name: &str, text: &str) {
        let path = self.path("old/etc").join(name);
        if name.ends_with('/') {
            return fs::create_dir_all(path).unwrap();
        }
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        // Accounts are looked up by whoever a server has become.
        if matches!(name, "passwd" | "group" | "nsswitch.conf" | "hosts" | "shells") {
            fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        }
    }

    /// Writes the files of `/srv`: `PATH MODE OWNER`, and the content behind it; a path that ends with a slash is a directory.
    /// All have one time, long ago, so that both copies have the same.
    pub fn srv(&self, files: &[(impl AsRef<str>, u32, u32, &str)]) {
        let root = self.path("old/srv");
        for (name, mode, owner, text) in files {
            let name = name.as_ref();
            let path = root.join(name);
            if name.ends_with('/') {
                fs::create_dir_all(&path).unwrap();
            } else {
                fs::write(&path, text).unwrap();
            }
            fs::set_permissions(&path, Permissions::from_mode(*mode)).unwrap();
            chown(&path, Some(*owner), Some(*owner)).unwrap();
        }
        let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_500_000_000);
        for (name, ..) in files.iter().rev() {
            File::open(root.join(name.as_ref()))
                .unwrap()
                .set_times(FileTimes::new().set_modified(then))
                .unwrap();
        }
        let copied = Command::new("cp").arg("-a").arg(&root).arg(self.path("new")).status().unwrap();
        assert!(copied.success());
    }

    /// A command that sees `/etc` of the machine, and `/srv` of the old one or the new one.
    fn inside(&self, which: &str, words: &[String]) -> Command {
        let [unshare, rights @ ..] = unshare();
        let mut command = Command::new(unshare);
        command.args(rights).args(["sh", "-c", &format!("{} && exec \"$@\"", self.mounts(which)), "sh"]);
        command.args(words).stdin(Stdio::null());
        command
    }

    fn mounts(&self, which: &str) -> String {
        let (etc, srv) = (self.path("old/etc"), self.path(which).join("srv"));
        format!("mount --bind {} /srv && mount --bind {} /etc", srv.display(), etc.display())
    }

    /// Runs a program that sees the machine's files, to its end.
    #[track_caller]
    pub fn run(&self, words: &[&str], input: &str) {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let mut command = self.inside("old", &words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let ended = child.wait_with_output().unwrap();
        assert!(ended.status.success(), "{words:?}: {}", String::from_utf8_lossy(&ended.stderr));
    }

    /// Starts the other server, which `command` configures for a port, and waits for its greeting, in which this word stands. Another
    /// program may take the port before it does: then another one is tried.
    #[track_caller]
    pub fn start(&self, word: &str, command: impl Fn(u16) -> Vec<String>) -> Other {
        let mut said = String::new();
        for _ in 0..5 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let log = self.path("log");
            let file = File::create(&log).unwrap();
            let mut started = self.inside("old", &command(port));
            started.env("LD_LIBRARY_PATH", libraries()).stdout(file.try_clone().unwrap()).stderr(file);
            let mut other =
                Other { child: started.spawn().unwrap(), address: SocketAddr::from(([127, 0, 0, 1], port)) };
            let deadline = Instant::now() + SOON;
            while Instant::now() < deadline && other.child.try_wait().unwrap().is_none() {
                let greeting = Client::try_connect(other.address).and_then(|mut client| client.try_reply());
                if greeting.is_ok_and(|greeting| greeting.code == 220 && greeting.text().contains(word)) {
                    return other;
                }
                std::thread::yield_now();
            }
            said = fs::read_to_string(log).unwrap();
        }
        panic!("the other server did not come up: {said}");
    }

    /// What `wharf import` makes of the machine's files.
    #[track_caller]
    pub fn import(&self, source: &str, files: &[&str]) -> String {
        let root = self.path("old");
        let mut command = wharf(["import", source]);
        command.args(files.iter().map(|file| root.join(file.trim_start_matches('/'))));
        let made = command.arg("--root").arg(&root).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        String::from_utf8(made.stdout).unwrap()
    }

    /// Wharf with that on its own copy, at a port and passive ports of the tests: all else is as it was imported.
    pub fn wharf(&self, yaml: &str) -> Setup {
        let (mut rest, mut section) = (String::new(), "");
        let mut server = Vec::new();
        for line in yaml.lines() {
            if !line.starts_with([' ', '#']) {
                section = line;
            }
            match section {
                "server:" if line != section => server.push(line.trim()),
                "server:" => {}
                _ => rest.push_str(&format!("{line}\n")),
            }
        }
        let kept =
            server.into_iter().filter(|line| !line.starts_with("listen:") && !line.starts_with("passive:"));
        let setup = kept.filter(|line| !line.is_empty()).fold(Setup::new(rest), Setup::server);
        setup.mounted(&self.mounts("new")).expect("what was permitted before")
    }

    /// Every path of one copy below `/srv`, with its kind, its mode, and what is in it.
    pub fn tree(&self, which: &str) -> Vec<(String, String)> {
        let root = self.path(which).join("srv");
        let (mut found, mut open) = (Vec::new(), vec![root.clone()]);
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                // What Wharf keeps of uploads under way; no client sees it.
                if path.file_name().is_some_and(|name| name == ".wharf-uploads") {
                    continue;
                }
                let mode = fs::symlink_metadata(&path).unwrap().permissions().mode() & 0o7777;
                let shown = match path.is_dir() {
                    true => format!("directory {mode:04o}"),
                    false => {
                        let content = fs::read(&path).unwrap();
                        format!("file {mode:04o} {:?}", String::from_utf8_lossy(&content))
                    }
                };
                found.push((shown_path(&root, &path), shown));
                if path.is_dir() {
                    open.push(path);
                }
            }
        }
        found
    }
}

/// Where the libraries are that came with ProFTPD.
fn libraries() -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/.test-tools/servers/proftpd/usr/lib");
    format!("{folder}/{}-linux-gnu", std::env::consts::ARCH)
}

fn shown_path(root: &Path, path: &Path) -> String {
    format!("/srv/{}", path.strip_prefix(root).unwrap().display())
}
