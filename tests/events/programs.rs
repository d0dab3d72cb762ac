//! Programs that are run for events.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use super::receiver::assert_fits;
use crate::support::{Setup, metric, wait_until};

pub fn setup(script: &str, more: &str) -> Setup {
    let setup = Setup::new(format!(
        "
backends:
  disk: {{ kind: local, root: '{{folder}}/files' }}
users:
  - {{ name: demo, password: demo, plain: true, backend: disk, permissions: full }}
events:
  spool: '{{folder}}/events'
  to:
  - {{ name: program, command: ['{{folder}}/program', one, 'two words'], pause: 20ms{more} }}
"
    ));
    fs::create_dir(setup.folder().join("events")).unwrap();
    let program = setup.folder().join("program");
    let script = script.replace("OUT", setup.folder().to_str().unwrap());
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    setup.http().environment("SECRET_OF_THE_SERVER", "x")
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap_or_default()
}

/// It gets the facts, and nothing of the server; the sandbox of the server is in force meanwhile.
#[test]
fn a_program_is_run_for_each_event() {
    let script = "cat > OUT/input; env > OUT/environment; echo \"$1/$2/$WHARF_PATH\" >> OUT/calls";
    let setup = setup(script, ", on: [file.stored], at_once: 1");
    let server = setup.start();
    server.log.expect("the sandbox is in force", &[("seccomp", "true")]);
    let mut client = server.login();
    client.store("a $(touch b) c", b"hello");
    wait_until("it ran", || read(setup.folder(), "calls").lines().count() == 1);
    assert_eq!(read(setup.folder(), "calls"), "one/two words//a $(touch b) c\n");
    let event: Value = serde_json::from_str(&read(setup.folder(), "input")).unwrap();
    assert_fits(&event["data"]);
    assert_eq!((&event["type"], &event["data"]["size"]), (&"wharf.file.stored".into(), &5.into()));
    let environment = read(setup.folder(), "environment");
    let has = |line: &str| environment.lines().any(|other| other == line);
    assert!(has("WHARF_EVENT=file.stored") && has("WHARF_SIZE=5") && has("WHARF_USER=demo"), "{environment}");
    assert!(has("WHARF_BY_ENGINE=native") || has("WHARF_BY_ENGINE=libunftp"), "{environment}");
    assert!(!environment.contains("SECRET_OF_THE_SERVER"), "{environment}");
}

#[test]
fn a_program_that_fails_is_run_again() {
    let setup = setup("echo x >> OUT/calls; echo 'no \\033[31mluck'; test $(wc -l < OUT/calls) -ge 3", "");
    let server = setup.start();
    server.login().store("a", b"x");
    wait_until("it succeeds", || {
        metric(&server, "wharf_events_delivered_total{receiver=\"program\"}") == Some(1.0)
    });
    assert_eq!(read(setup.folder(), "calls").lines().count(), 3);
    server.log.expect_warning("an event is not delivered", &[("cause", "exit status 1: no …")]);
}

/// A program that hangs is ended with all that it has started.
#[test]
fn a_program_has_a_time() {
    let script = "test -e OUT/started && exit 0; echo $$ > OUT/started; sleep 1000 & sleep 1000";
    let setup = setup(script, ", timeout: 200ms");
    let server = setup.start();
    server.login().store("a", b"x");
    server.log.expect_warning("an event is not delivered", &[("cause", "it took too long")]);
    let group = read(setup.folder(), "started").trim().to_owned();
    wait_until("nothing of it runs", || {
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let mut stats = processes.filter_map(|it| fs::read_to_string(it.path().join("stat")).ok());
        !stats.any(|stat| {
            let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
            fields[2] == group && fields[0] != "Z"
        })
    });
    wait_until("it succeeds", || {
        metric(&server, "wharf_events_delivered_total{receiver=\"program\"}") == Some(1.0)
    });
}

/// No shell is between: names are what they are, in the environment and on the standard input.
#[test]
fn names_are_no_commands() {
    let script = "cat >> OUT/input; echo >> OUT/input; printf '%s\\n' \"$WHARF_PATH\" >> OUT/paths";
    let setup = setup(script, ", on: [file.stored], at_once: 1");
    let server = setup.start();
    let names = ["$(touch x)", "-rf *", "a;b|c&d>e", "`id`", "'\"\\", "é🦀 \u{1b}[31m"];
    let mut client = server.login();
    for name in names {
        client.store(name, b"x");
    }
    wait_until("all ran", || read(setup.folder(), "paths").lines().count() == names.len());
    let paths = read(setup.folder(), "paths");
    for ((name, path), input) in names.iter().zip(paths.lines()).zip(read(setup.folder(), "input").lines()) {
        let event: Value = serde_json::from_str(input).unwrap();
        assert_eq!((path, &event["data"]["path"]), (&*format!("/{name}"), &format!("/{name}").into()));
    }
    assert_eq!(client.names("").len(), names.len());
}

/// Each sees how many run with it.
#[test]
fn no_more_programs_run_at_once_than_that() {
    let script = "mkdir OUT/run.$WHARF_ID; ls -d OUT/run.* | wc -l >> OUT/counts
until test -e OUT/go; do sleep 0.01; done
rmdir OUT/run.$WHARF_ID";
    let setup = setup(script, ", at_once: 2");
    let server = setup.start();
    let mut client = server.login();
    for name in ["a", "b", "c", "d", "e"] {
        client.store(name, b"x");
    }
    let counts = || read(setup.folder(), "counts").lines().map(str::to_owned).collect::<Vec<_>>();
    wait_until("two run", || counts().iter().any(|count| count.trim() == "2"));
    fs::write(setup.folder().join("go"), "").unwrap();
    wait_until("all have run", || {
        metric(&server, "wharf_events_delivered_total{receiver=\"program\"}") == Some(5.0)
    });
    let counts = counts();
    assert_eq!(counts.len(), 5);
    assert!(counts.iter().all(|count| matches!(count.trim(), "1" | "2")), "{counts:?}");
}

/// A program hears first that its time is over, and is ended two seconds later.
#[test]
fn a_program_that_does_not_end_is_ended() {
    let script = "test -e OUT/told && exit 0; trap 'echo x > OUT/told' TERM; while :; do sleep 0.05; done";
    let setup = setup(script, ", timeout: 5s");
    let server = setup.start();
    server.login().store("a", b"x");
    server.log.expect_warning("an event is not delivered", &[("cause", "it took too long…")]);
    assert!(setup.folder().join("told").exists());
    wait_until("it succeeds", || {
        metric(&server, "wharf_events_delivered_total{receiver=\"program\"}") == Some(1.0)
    });
}

/// Programs of a server that is killed are ended, and their events told by the next one.
#[test]
fn programs_end_with_their_server() {
    let script = "test -e OUT/again && exit 0; echo $$ > OUT/started; sleep 1000";
    let setup = setup(script, "");
    let mut server = setup.start();
    server.login().store("a", b"x");
    wait_until("it runs", || read(setup.folder(), "started").ends_with('\n'));
    let process = format!("/proc/{}/stat", read(setup.folder(), "started").trim());
    fs::write(setup.folder().join("again"), "").unwrap();
    server.kill();
    let state =
        || fs::read_to_string(&process).map(|stat| stat.rsplit(')').next().unwrap().trim().to_owned());
    wait_until("it has ended", || state().map_or(true, |state| state.starts_with('Z')));
    drop(server);
    let server = setup.start();
    wait_until("the next one tells it", || {
        metric(&server, "wharf_events_delivered_total{receiver=\"program\"}") == Some(1.0)
    });
}

/// It need not read, may be ended by a signal, and may be gone.
#[test]
fn why_a_program_failed_is_in_the_log() {
    let setup = setup("kill -KILL $$", "");
    let server = setup.start();
    let mut client = server.login();
    client.store("a", b"x");
    server.log.expect_warning("an event is not delivered", &[("cause", "ended by signal 9")]);
    let program = setup.folder().join("program");
    fs::write(setup.folder().join("new"), "#!/bin/sh\nexit 0\n").unwrap();
    fs::set_permissions(setup.folder().join("new"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(setup.folder().join("new"), &program).unwrap();
    wait_until("it succeeds", || {
        metric(&server, "wharf_events_delivered_total{receiver=\"program\"}") == Some(1.0)
    });
    fs::remove_file(&program).unwrap();
    client.store("b", b"x");
    server.log.expect_warning("an event is not delivered", &[("cause", "it can't be started: …")]);
}
