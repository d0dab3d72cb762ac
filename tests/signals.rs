//! Signals at odd moments, and the one that doesn't end the server. What it does is in `reload.rs`.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, ExitStatus, Stdio};

use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Program, Setup, wait_until, wharf};

fn end(child: &mut Child) -> ExitStatus {
    kill_process(Pid::from_child(child), Signal::TERM).unwrap();
    let mut status = None;
    wait_until("the server ends", || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    status.unwrap()
}

#[test]
fn a_stop_while_the_configuration_is_read_is_an_end_in_good_order() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("wharf.yaml");
    mknodat(CWD, &config, FileType::Fifo, Mode::RWXU, 0).unwrap();
    let mut child =
        wharf(["serve", "--config", config.to_str().unwrap()]).stderr(Stdio::null()).spawn().unwrap();
    // That is possible once somebody reads.
    let mut writer = None;
    wait_until("the configuration is read", || {
        let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap();
        writer = OpenOptions::new().write(true).custom_flags(flags).open(&config).ok();
        writer.is_some()
    });
    assert_eq!(end(&mut child).code(), Some(0));
}

/// Whether the process has taken the signal over.
fn takes(child: &Child, signal: Signal) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let taken = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
    u64::from_str_radix(taken.trim(), 16).unwrap() & (1 << (signal.as_raw() - 1)) != 0
}

#[test]
fn a_stop_as_early_as_can_be_is_an_end_in_good_order() {
    let setup = Setup::local();
    let config = setup.write();
    for round in 0..40 {
        let mut child =
            wharf(["serve", "--config", config.to_str().unwrap()]).stderr(Stdio::null()).spawn().unwrap();
        // Before that it is the system that answers. SIGHUP is taken over last, so SIGTERM has somebody who hears it by then.
        wait_until("signals are taken", || takes(&child, Signal::HUP));
        for _ in 0..round * round * 1000 {
            std::hint::spin_loop();
        }
        let status = end(&mut child);
        assert_eq!(status.code(), Some(0), "round {round}: {status}");
    }
}

#[test]
fn a_hang_up_ends_nothing() {
    let setup = Setup::local();
    let server = setup.start();
    let mut client = server.login();
    server.signal(Signal::HUP);
    server.log.expect("the configuration was read again", &[]);
    client.expect("NOOP", 200);
    server.terminate();
    client.expect_end();
    assert_eq!(server.wait().code(), Some(0));
}

/// Has a shell's line start the server in a terminal, its log in descriptor 9, and closes the terminal. The log, and the exit
/// status: after a SIGTERM, if the server goes on.
fn in_a_lost_terminal(line: &str) -> (String, String) {
    const SCRIPT: &str = "
import os, pty, signal, sys
log, sink = os.pipe()
pid, terminal = pty.fork()
if pid == 0:
    os.dup2(sink, 9)
    os.execvp('sh', ['sh', '-c', *sys.argv[1:]])
os.close(sink)
said = b''
def read_until(word):
    global said
    while word not in said and (more := os.read(log, 65536)):
        said += more
read_until(b' listening ')
os.close(terminal)
read_until(b'SIGHUP')
if b'reading the configuration again' in said:
    os.kill(pid, signal.SIGTERM)
while more := os.read(log, 65536):
    said += more
print(said.decode())
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
";
    let setup = Setup::local();
    let config = setup.write();
    let ran = Program::new("python3", setup.folder())
        .args(["-c", SCRIPT, line, "sh", env!("CARGO_BIN_EXE_wharf")])
        .args(["serve", "--config", config.to_str().unwrap()])
        .run();
    let (log, status) = ran.trim().rsplit_once('\n').unwrap();
    (log.to_owned(), status.to_owned())
}

/// Whoever closes the window in which it runs wants it to end.
#[test]
fn the_end_of_its_terminal_is_an_end_in_good_order() {
    for line in ["exec \"$@\" 2>&9", "exec \"$@\" </dev/null 2>&9", "exec \"$@\" </dev/null >/dev/null 2>&9"]
    {
        let (log, status) = in_a_lost_terminal(line);
        assert!(
            log.contains("finishing running transfers") && !log.contains("reading the configuration again"),
            "{line}: {log}"
        );
        assert_eq!(status, "0", "{line}: {log}");
    }
}

/// Standard error alone has it, too.
#[test]
fn the_end_of_the_terminal_that_shows_its_log_is_an_end_in_good_order() {
    const SCRIPT: &str = "
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
said = b''
while b' listening ' not in said:
    said += os.read(terminal, 1000)
os.close(terminal)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
";
    let setup = Setup::local();
    let config = setup.write();
    let ran = Program::new("python3", setup.folder())
        .arg("-c")
        .arg(SCRIPT)
        .arg(env!("CARGO_BIN_EXE_wharf"))
        .arg("serve")
        .arg("--config")
        .arg(config.to_str().unwrap())
        .run();
    assert_eq!(ran.trim(), "0");
}

/// The shell tells it nothing of the end, so whoever sends the signal later means a service.
#[test]
fn who_is_told_nothing_of_the_end_of_its_terminal_goes_on() {
    const SCRIPT: &str = "
import os, pty, re, signal, sys
log, sink = os.pipe()
pid, terminal = pty.fork()
if pid == 0:
    os.dup2(sink, 9)
    line = 'set -m; \"$@\" </dev/null >/dev/null 2>&9 & echo \"<$!>\" >&9; wait'
    os.execvp('sh', ['sh', '-c', line, 'sh', *sys.argv[1:]])
os.close(sink)
said = b''
def read_until(word):
    global said
    while word not in said and (more := os.read(log, 65536)):
        said += more
read_until(b' listening ')
read_until(b'>')
server = int(re.search(rb'<(\\d+)>', said)[1])
os.close(terminal)
read_until(b' is gone')
os.kill(server, signal.SIGHUP)
read_until(b'SIGHUP')
os.kill(server, signal.SIGTERM)
while more := os.read(log, 65536):
    said += more
print(said.decode())
";
    let setup = Setup::local();
    let config = setup.write();
    let log = Program::new("python3", setup.folder())
        .args(["-c", SCRIPT, env!("CARGO_BIN_EXE_wharf"), "serve", "--config", config.to_str().unwrap()])
        .run();
    assert!(log.contains("reading the configuration again") && log.contains("signal=\"SIGTERM\""), "{log}");
    assert!(log.contains("stopped"), "{log}");
}

/// As with all programs.
#[test]
fn nohup_lets_it_outlive_its_terminal() {
    let (log, status) = in_a_lost_terminal("exec nohup \"$@\" </dev/null >/dev/null 2>&9");
    assert!(log.contains("reading the configuration again") && log.contains("signal=\"SIGTERM\""), "{log}");
    assert_eq!(status, "0", "{log}");
}

/// Whoever takes the process over can't use programs with the rights of others (setuid) to get more of them.
#[test]
fn the_process_gains_no_rights() {
    let setup = Setup::local();
    let server = setup.start();
    for task in fs::read_dir(format!("/proc/{}/task", server.pid())).unwrap() {
        let status = fs::read_to_string(task.unwrap().path().join("status")).unwrap();
        assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    }
}
