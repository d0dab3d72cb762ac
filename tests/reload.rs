//! The configuration is read again while the server runs.

mod directories;
mod load;
mod sessions;
mod watched;

use std::fs;
use std::process::Output;

use rustix::process::Signal;

use crate::support::{Client, Engine, Running, Setup, metric, wait_until, wharf};

/// Two users in memory, each known by a password of one's own.
const USERS: &str = "
backends:
  scratch: { kind: memory, capacity: 64MiB }
users:
  - { name: anna, password: apple, plain: true, backend: scratch }
  - { name: bert, password: berry, plain: true, backend: scratch }
";

fn setup() -> Setup {
    setup_of(USERS)
}

fn setup_of(rest: &str) -> Setup {
    Setup::new(rest).server("control: '{folder}/control.sock'").http()
}

/// Replaces a part of the configuration file.
#[track_caller]
pub(crate) fn change(setup: &Setup, part: &str, other: &str) {
    let path = setup.folder().join("wharf.yaml");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(part), "{part} is not in\n{text}");
    fs::write(&path, text.replace(part, other)).unwrap();
}

/// `wharf reload`.
fn reload(setup: &Setup) -> Output {
    let config = setup.folder().join("wharf.yaml");
    wharf(["reload", "--config", config.to_str().unwrap()]).output().unwrap()
}

/// `wharf reload`, after which the new configuration counts; what it says.
#[track_caller]
pub(crate) fn reload_well(setup: &Setup) -> String {
    let output = reload(setup);
    let said = String::from_utf8(output.stdout).unwrap();
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), complaint.as_str()), (Some(0), ""), "{said}");
    said
}

/// `wharf reload`, after which the configuration of before counts; what it complains of.
#[track_caller]
fn reload_in_vain(setup: &Setup, status: i32) -> String {
    let output = reload(setup);
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(status), &b""[..]), "{complaint}");
    complaint
}

fn may_log_in(server: &Running<'_>, user: &str, password: &str) -> bool {
    let mut client = server.connect();
    client.expect(&format!("USER {user}"), 331);
    client.expect_any(&format!("PASS {password}"), &[230, 530]).code == 230
}

/// The session was told to end; libunftp says nothing before it does.
#[track_caller]
pub(crate) fn expect_dismissal(client: &mut Client) {
    if Engine::current() == Engine::Native {
        let reply = client.expect_reply(421);
        assert!(format!("{reply:?}").contains("Your account has changed"), "{reply:?}");
    }
    client.expect_end();
}

#[test]
fn a_hang_up_has_it_read_again() {
    let setup = setup();
    let server = setup.start();
    change(&setup, "name: bert, password: berry", "name: carl, password: cherry");
    server.signal(Signal::HUP);
    server.log.expect("the configuration was read again", &[("users", "2"), ("backends", "1")]);
    assert!(may_log_in(&server, "carl", "cherry") && may_log_in(&server, "anna", "apple"));
    assert!(!may_log_in(&server, "bert", "berry"));
}

#[test]
fn the_command_says_what_came_of_it() {
    let setup = setup();
    let server = setup.start();
    let last = metric(&server, "wharf_config_loaded_timestamp_seconds").unwrap();
    assert!(last > 1_700_000_000.0 && metric(&server, "wharf_config_last_reload_successful") == Some(1.0));
    change(&setup, "name: bert, password: berry", "name: carl, password: cherry");
    let said = reload_well(&setup);
    assert!(said.contains("2 users, 1 backends, 0 sessions ended"), "{said}");
    assert!(may_log_in(&server, "carl", "cherry"));
    assert_eq!(metric(&server, "wharf_config_reloads_total{result=\"done\"}"), Some(1.0));
}

#[test]
fn a_wrong_file_changes_nothing_and_all_that_is_wrong_is_reported() {
    let setup = setup();
    let server = setup.start();
    let mut session = server.login_as("anna", "apple");
    change(&setup, "password: berry", "pasword: berry");
    change(
        &setup,
        "password: apple, plain: true, backend: scratch",
        "password: ant, plain: true, backend: scrach",
    );
    let complaint = reload_in_vain(&setup, 2);
    for part in ["unknown key \"pasword\"", "backend \"scrach\" is not defined", "wharf.yaml:"] {
        assert!(complaint.contains(part), "{part}: {complaint}");
    }
    server.log.expect_warning(
        "the configuration is wrong: backend \"scrach\"",
        &[("line", "…"), ("column", "…"), ("file", "…wharf.yaml…")],
    );
    server.log.expect_warning("the configuration of before still counts", &[]);
    session.expect("NOOP", 200);
    assert!(may_log_in(&server, "anna", "apple") && !may_log_in(&server, "anna", "ant"));
    assert_eq!(metric(&server, "wharf_config_reloads_total{result=\"problems\"}"), Some(1.0));
    assert_eq!(metric(&server, "wharf_config_last_reload_successful"), Some(0.0));
    // What can't be read at all is reported, too.
    fs::write(setup.folder().join("wharf.yaml"), "server: { control: 'control.sock' }\nusers: [\n").unwrap();
    server.signal(Signal::HUP);
    server.log.expect_warning("this is not valid YAML", &[]);
}

#[test]
fn what_is_bound_once_needs_a_restart() {
    let setup = setup();
    let server = setup.start();
    change(&setup, "listen: [\"127.0.0.1:0\"]\n  passive", "listen: [\"127.0.0.1:1\"]\n  passive");
    change(&setup, "20000-31999", "20000-20999");
    let complaint = reload_in_vain(&setup, 2);
    assert!(complaint.contains("`server.listen`, `server.passive.ports` needs a restart"), "{complaint}");
    assert_eq!(metric(&server, "wharf_config_reloads_total{result=\"restart\"}"), Some(1.0));
    assert!(may_log_in(&server, "anna", "apple"));
}

#[test]
fn what_can_t_be_used_changes_nothing() {
    let setup = setup();
    fs::write(setup.folder().join("occupied"), "a file").unwrap();
    let server = setup.start();
    let made = "scratch: { kind: memory, capacity: 64MiB }\n  new: { kind: local, root: '{folder}/occupied/x', create_root: true }";
    change(
        &setup,
        "scratch: { kind: memory, capacity: 64MiB }",
        &made.replace("{folder}", setup.folder().to_str().unwrap()),
    );
    let complaint = reload_in_vain(&setup, 2);
    assert!(complaint.contains("root"), "{complaint}");
    assert!(may_log_in(&server, "anna", "apple"));
}

#[test]
fn nobody_answers_where_no_server_is() {
    let setup = setup();
    setup.write();
    let complaint = reload_in_vain(&setup, 1);
    assert!(complaint.contains("the server can't be asked"), "{complaint}");
}

#[test]
fn backends_come_and_go_and_those_that_stay_keep_what_they_have() {
    let setup = setup();
    fs::create_dir(setup.files().join("new")).unwrap();
    // The sandbox lets no directory in that was not there.
    let disk = format!("disk: {{ kind: local, root: '{}' }}", setup.files().display());
    let server = setup_of(&USERS.replace("backends:\n", &format!("backends:\n  {disk}\n")));
    let setup = server;
    let server = setup.start();
    let mut anna = server.login_as("anna", "apple");
    anna.store("kept", b"still here");
    let new = setup.files().join("new");
    let _ = new;
    change(
        &setup,
        "name: bert, password: berry, plain: true, backend: scratch",
        "name: bert, password: berry, plain: true, backend: other",
    );
    change(&setup, "backends:\n", "backends:\n  other: { kind: memory, capacity: 32MiB }\n");
    reload_well(&setup);
    let mut bert = server.login_as("bert", "berry");
    bert.store("new", b"in the other");
    assert_eq!(anna.names("/"), ["kept"]);
    assert_eq!(server.login_as("anna", "apple").retrieve("kept"), b"still here");
    assert_eq!(bert.names("/"), ["new"]);
    // Readiness and the metrics of disks are those of the backends that there are now.
    let disks = || metric(&server, "wharf_disk_operations_limit{backend=\"disk\"}");
    assert!(disks().is_some());
    change(&setup, &disk.replace("{}", ""), "third: { kind: memory }");
    reload_well(&setup);
    assert!(disks().is_none());
}

#[test]
fn limits_and_the_filter_of_the_log_follow() {
    let setup = setup();
    let server = setup.start();
    let _first = server.login_as("anna", "apple");
    change(&setup, "http:", "log: { filter: debug }\nhttp:");
    change(&setup, "  engine:", "  limits: { sessions: 1, sessions_per_ip: 1 }\n  engine:");
    reload_well(&setup);
    assert_eq!(metric(&server, "wharf_sessions_limit"), Some(1.0));
    Client::connect(server.address).expect_reply(421);
    change(&setup, "sessions_per_ip: 1 }", "sessions_per_ip: 9, sessions_per_user: 1 }");
    change(&setup, "{ sessions: 1,", "{ sessions: 9,");
    reload_well(&setup);
    // A session that was there before counts.
    assert!(!may_log_in(&server, "anna", "apple") && may_log_in(&server, "bert", "berry"));
    wait_until("debug lines are logged", || server.log.lines().iter().any(|line| line.level() == "DEBUG"));
}
