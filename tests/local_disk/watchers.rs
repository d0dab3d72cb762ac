//! Programs that watch a directory (inotify) and wait for the end of a write, or for a move into it: of each file that is stored
//! they hear once, by its name.

use std::fs;
use std::io::Write;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};

use super::odd;
use crate::support::{Client, Engine, Setup};

/// Watches a directory.
struct Watcher {
    inotify: OwnedFd,
    marks: u32,
    directory: std::path::PathBuf,
}

impl Watcher {
    fn of(directory: &Path) -> Self {
        let inotify = inotify::init(CreateFlags::CLOEXEC).unwrap();
        let all = WatchFlags::CLOSE_WRITE | WatchFlags::MOVED_TO | WatchFlags::CREATE;
        inotify::add_watch(&inotify, directory, all).unwrap();
        Self { inotify, marks: 0, directory: directory.to_owned() }
    }

    /// The names of which the end of a write or a move was told since the last call. What the server did before it answered is
    /// among them.
    fn ends(&mut self) -> Vec<String> {
        self.marks += 1;
        let mark = format!("mark-{}", self.marks);
        fs::create_dir(self.directory.join(&mark)).unwrap();
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = Reader::new(&self.inotify, &mut buffer);
        let mut ends = Vec::new();
        loop {
            let event = reader.next().unwrap();
            let name = event.file_name().unwrap().to_str().unwrap().to_owned();
            if name == mark {
                fs::remove_dir(self.directory.join(&mark)).unwrap();
                return ends;
            }
            if event.events().intersects(ReadFlags::CLOSE_WRITE | ReadFlags::MOVED_TO) {
                ends.push(name);
            }
        }
    }

    /// The same without the numbers that files without a name have.
    fn names(&mut self) -> Vec<String> {
        let mut ends = self.ends();
        ends.retain(|name| !name.starts_with('#'));
        ends
    }
}

const USERS: &str = "
backends:
  disk: { kind: local, root: '{folder}/files' }
  scratch: { kind: memory }
users:
  - { name: demo, password: demo, plain: true, backend: disk, permissions: full, mounts: [ { at: /m, backend: scratch, permissions: full } ] }
  - { name: device, password: device, plain: true, backend: disk, permissions: upload-only }
";

fn move_to(client: &mut Client, from: &str, to: &str) {
    client.expect(&format!("RNFR {from}"), 350);
    client.expect(&format!("RNTO {to}"), 250);
}

#[track_caller]
fn store(client: &mut Client, command: &str) {
    assert_eq!(client.try_store(command, b"12345").code, 226, "{command}");
}

fn assert_heard_once(setup: &Setup) {
    let server = setup.start();
    let files = setup.files();
    let mut watcher = Watcher::of(&files);
    for user in ["demo", "device"] {
        let mut client = server.login_as(user, user);
        store(&mut client, &format!("STOR new-{user}"));
        assert_eq!(watcher.names(), [format!("new-{user}")]);
        store(&mut client, &format!("APPE appended-{user}"));
        assert_eq!(watcher.names(), [format!("appended-{user}")]);
        if Engine::current() == Engine::Native {
            let mut data = client.open_passive();
            let reply = client.expect("STOU", 150).text();
            data.write_all(b"12345").unwrap();
            drop(data);
            client.expect_reply(226);
            let name = reply.split_once("FILE: ").unwrap().1;
            assert_eq!(watcher.names(), [name]);
        }
    }
    let mut client = server.login();
    for command in ["STOR new-demo", "APPE new-demo"] {
        store(&mut client, command);
        assert_eq!(watcher.names(), ["new-demo"], "{command}");
    }
    // At the end, and, which makes another file, before it; libunftp has no other place than the end.
    for offset in [10, 3] {
        if offset == 10 || Engine::current() == Engine::Native {
            client.expect(&format!("REST {offset}"), 350);
            store(&mut client, "STOR new-demo");
            assert_eq!(watcher.names(), ["new-demo"], "REST {offset}");
        }
    }
    for target in ["moved", "new-demo"] {
        store(&mut client, "STOR m/file");
        assert_eq!(watcher.names(), [""; 0]);
        move_to(&mut client, "m/file", target);
        assert_eq!(watcher.names(), [target]);
    }
    move_to(&mut client, "moved", "renamed");
    assert_eq!(watcher.names(), ["renamed"]);
    // What is broken off is nothing.
    let mut data = client.start_transfer("STOR broken");
    data.write_all(b"12345").unwrap();
    if Engine::current() == Engine::Native {
        client.send("ABOR");
        client.expect_reply(426);
        client.expect_reply(226);
        assert_eq!(watcher.names(), [""; 0]);
    }
}

#[test]
fn hear_of_each_file_once() {
    assert_heard_once(&Setup::new(USERS));
    // Short appends go another way there.
    assert_heard_once(&Setup::new(USERS.replace("kind: local,", "kind: local, sync: false,")));
}

#[test]
fn hear_of_each_file_once_where_files_need_a_name() {
    for calls in [
        &["tmpfile=EOPNOTSUPP"][..],
        &["tmpfile=EOPNOTSUPP", "noreplace=EINVAL"],
        &["tmpfile=EOPNOTSUPP", "noreplace=EINVAL", "linkat=EPERM"],
        &["linkat=EPERM"],
    ] {
        let Some(setup) = odd::refusing(Setup::new(USERS), calls) else { return };
        assert_heard_once(&setup);
    }
}
