//! The processes that run programs: what they leave behind when they, programs, or the server end. Their protocol is
//! spoken here, too, because only so can the server be killed in the worst moment.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};

use rustix::net::{RecvFlags, recv};
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, prlimit};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::programs::setup;
use crate::support::{SOON, metric, wait_until, wharf};

/// What `/proc` knows of a process.
#[derive(Debug)]
struct Process {
    number: i32,
    state: String,
    parent: i32,
    command: String,
}

/// Those that have just ended are left out, unless nobody has waited for them.
fn processes() -> Vec<Process> {
    let all = fs::read_dir("/proc").unwrap().flatten();
    let look = |entry: fs::DirEntry| {
        let number = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        let command = fs::read_to_string(entry.path().join("cmdline")).ok()?.replace('\0', " ");
        let mut fields = stat.rsplit(')').next()?.split_whitespace();
        Some(Process {
            number,
            state: fields.next()?.to_owned(),
            parent: fields.next()?.parse().ok()?,
            command,
        })
    };
    all.filter_map(look).collect()
}

fn child_of(parent: i32, command: &str) -> Option<i32> {
    let mut all = processes().into_iter();
    all.find(|it| it.parent == parent && it.command.contains(command) && it.state != "Z").map(|it| it.number)
}

/// The processes whose numbers stand in a file.
fn noted(file: &std::path::Path) -> Vec<i32> {
    fs::read_to_string(file).unwrap_or_default().lines().map(|line| line.parse().unwrap()).collect()
}

fn is_there(number: i32) -> bool {
    fs::exists(format!("/proc/{number}")).unwrap()
}

fn kill(number: i32) {
    kill_process(Pid::from_raw(number).unwrap(), Signal::KILL).unwrap();
}

fn delivered(server: &crate::support::Running<'_>) -> Option<f64> {
    metric(server, "wharf_events_delivered_total{receiver=\"program\"}")
}

/// One process of the group of the program, one that has left it, and the program itself, which hangs if it is told so.
const LEAVES: &str = "note='echo $$ >> OUT/left; exec sleep 1000'
sh -c \"$note\" & setsid sh -c \"$note\" &
while test $(wc -l < OUT/left) -lt 2; do sleep 0.01; done";

#[test]
fn a_helper_that_is_killed_is_started_again() {
    let script =
        format!("test -e OUT/left && exit 0; : > OUT/left\n{LEAVES}\necho $$ >> OUT/left; exec sleep 1000");
    let setup = setup(&script, ", timeout: 1h");
    let server = setup.start();
    server.login().store("a", b"x");
    let left = setup.folder().join("left");
    wait_until("it runs", || noted(&left).len() == 3);
    let own = i32::try_from(server.pid()).unwrap();
    let keeper = child_of(own, "keep-run-programs").unwrap();
    kill(child_of(keeper, "wharf run-programs").unwrap());
    wait_until("nothing of it is left", || !noted(&left).into_iter().any(is_there));
    server.log.expect(
        "the process that runs programs for events is gone, and is started again",
        &[("level", "ERROR")],
    );
    server
        .log
        .expect_warning("an event is not delivered", &[("cause", "the process that runs programs is gone")]);
    wait_until("the program runs again", || delivered(&server) == Some(1.0));
    server.log.expect("the process that runs programs for events is there again", &[]);
    assert_eq!(metric(&server, "wharf_events_helper_restarts_total"), Some(1.0));
    // The process that starts it is gone, too: nobody can help.
    let worker = child_of(keeper, "wharf run-programs").unwrap();
    kill(keeper);
    kill(worker);
    server
        .log
        .expect("nobody can run programs for events until the server is restarted", &[("level", "ERROR")]);
    assert!(!is_there(keeper), "the server has not waited for it");
    server.login().store("b", b"x");
    let failures = "wharf_events_failed_attempts_total{receiver=\"program\"}";
    wait_until("it is tried", || metric(&server, failures) > Some(1.0));
    assert_eq!(delivered(&server), Some(1.0));
}

#[test]
fn nothing_is_left_when_the_server_is_killed() {
    let script = format!(": > OUT/left\n{LEAVES}\necho $$ >> OUT/left; exec sleep 1000");
    let setup = setup(&script, ", timeout: 1h");
    let mut server = setup.start();
    server.login().store("a", b"x");
    let left = setup.folder().join("left");
    wait_until("it runs", || noted(&left).len() == 3);
    let keeper = child_of(i32::try_from(server.pid()).unwrap(), "keep-run-programs").unwrap();
    let worker = child_of(keeper, "wharf run-programs").unwrap();
    server.kill();
    wait_until("nothing is left", || !noted(&left).into_iter().chain([worker]).any(is_there));
    // Whoever its parent is now may not wait for it.
    wait_until("the helper ends", || !processes().iter().any(|it| it.number == keeper && it.state != "Z"));
}

/// The process that runs programs, and a stream to it.
struct Worker {
    process: Child,
    stream: UnixStream,
    folder: TempDir,
}

impl Worker {
    fn new(script: &str) -> Self {
        let (mut stream, other) = UnixStream::pair().unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        let folder = TempDir::new().unwrap();
        let script = script.replace("OUT", folder.path().to_str().unwrap());
        let process = wharf(["run-programs"]).stdin(Stdio::from(OwnedFd::from(other))).spawn().unwrap();
        send(&mut stream, &json!([["/bin/sh", "-c", script]]));
        Self { process, stream, folder }
    }

    fn run(&mut self, number: usize) {
        let facts = BTreeMap::from([("WHARF_NUMBER", number.to_string())]);
        let run =
            json!({ "number": number, "program": 0, "facts": facts, "input": "", "milliseconds": 3_600_000 });
        send(&mut self.stream, &run);
    }

    fn answer(&mut self) -> Value {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length).unwrap();
        let mut content = vec![0; u32::from_le_bytes(length) as usize];
        self.stream.read_exact(&mut content).unwrap();
        serde_json::from_slice(&content).unwrap()
    }

    fn noted(&self) -> Vec<i32> {
        noted(&self.folder.path().join("left"))
    }

    /// Its threads and open files.
    fn holds(&self) -> [usize; 2] {
        ["task", "fd"].map(|of| fs::read_dir(format!("/proc/{}/{of}", self.process.id())).unwrap().count())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.noted().into_iter().for_each(|left| {
            let _ = kill_process(Pid::from_raw(left).unwrap(), Signal::KILL);
        });
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn send(stream: &mut UnixStream, message: &Value) {
    let content = message.to_string();
    stream.write_all(&u32::try_from(content.len()).unwrap().to_le_bytes()).unwrap();
    stream.write_all(content.as_bytes()).unwrap();
}

#[test]
fn programs_that_leave_others_behind_cost_nothing() {
    let script = format!(": > OUT/left\n{LEAVES}\necho left\nexit 3");
    let mut worker = Worker::new(&script);
    let (mut before, mut outside) = (None, Vec::new());
    for number in 0..4 {
        worker.run(number);
        let answer = worker.answer();
        assert_eq!((&answer["failure"], &answer["output"]), (&"exit status 3".into(), &"left\n".into()));
        let own = i32::try_from(worker.process.id()).unwrap();
        let left = worker.noted();
        wait_until("only the one outside of the group is left", || {
            left.iter().filter(|left| is_there(**left)).count() == 1
        });
        outside.extend(left.into_iter().filter(|left| is_there(*left)));
        // The one that reads what the server says, and the one that waits for the ends.
        wait_until("no other thread is there", || worker.holds()[0] == 2);
        assert_eq!(*before.get_or_insert(worker.holds()), worker.holds());
        assert!(!processes().iter().any(|it| it.parent == own && it.state == "Z"), "{:?}", processes());
    }
    // They belong to this process now, which sees to it when they end.
    outside.iter().for_each(|left| kill(*left));
    wait_until("nothing is left", || !outside.iter().any(|left| is_there(*left)));
}

/// What a program writes is all there, however soon it ends, and a large input that it does not read does no harm.
#[test]
fn the_output_of_a_short_program_is_complete() {
    let mut worker =
        Worker::new("printf '%2000s' x; printf '%3000s' y >&2; test $WHARF_NUMBER -lt 20 || kill -9 $$");
    for number in 0..=20 {
        worker.run(number);
        let answer = worker.answer();
        assert_eq!(answer["output"].as_str().unwrap().len(), 2000 + 2048);
        assert_eq!(answer["failure"], if number < 20 { Value::Null } else { "ended by signal 9".into() });
    }
}

/// An answer that nobody has read makes the end of the stream an error, and so does half of a message.
#[test]
fn a_server_that_is_killed_in_the_middle_leaves_nothing() {
    for half in [&b""[..], &[200, 0, 0, 0, b'{'], &[7]] {
        let script =
            "test $WHARF_NUMBER = 0 && exit; trap '' TERM; echo $$ >> OUT/left; while :; do sleep 1; done";
        let mut worker = Worker::new(script);
        worker.run(1);
        wait_until("it runs", || worker.noted().len() == 1);
        worker.run(0);
        // Waits for the answer, and leaves it there.
        recv(&worker.stream, &mut [0_u8], RecvFlags::PEEK).unwrap();
        // Its program has not begun when the stream ends.
        worker.run(2);
        worker.stream.write_all(half).unwrap();
        worker.stream = UnixStream::pair().unwrap().0;
        assert!(worker.process.wait().unwrap().success());
        wait_until("nothing is left", || !worker.noted().into_iter().any(is_there));
    }
}

/// A program for which there is no thread gets an error, and later ones run.
#[test]
fn a_lack_of_threads_is_an_error_of_the_program() {
    let mut worker = Worker::new("exit 0");
    wait_until("it has begun", || worker.holds()[0] == 2);
    let process = Pid::from_child(&worker.process);
    let size = fs::read_to_string(format!("/proc/{}/statm", worker.process.id())).unwrap();
    let pages: u64 = size.split(' ').next().unwrap().parse().unwrap();
    // There is room for a message, and none for the stack of a thread.
    let old = getrlimit(Resource::As);
    let little = Rlimit { current: Some(pages * 4096 + (1 << 20)), ..old };
    prlimit(Some(process), Resource::As, little).unwrap();
    worker.run(1);
    let answer = worker.answer();
    assert!(answer["failure"].as_str().unwrap().starts_with("it can't be started"), "{answer}");
    prlimit(Some(process), Resource::As, old).unwrap();
    worker.run(2);
    assert_eq!(worker.answer()["failure"], Value::Null);
}
