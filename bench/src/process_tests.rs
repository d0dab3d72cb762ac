use std::process::Command;
use std::time::{Duration, Instant};

use super::{Process, list, parse};

#[test]
fn a_name_with_brackets_and_spaces_does_not_shift_the_fields() {
    let line = "42 (a) b (c) S 7 40 40 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 9999 1 2";
    let listed = parse(line).unwrap();
    assert_eq!((listed.pid, listed.parent, listed.group, listed.started), (42, 7, 40, 9999));
}

#[test]
fn what_a_server_started_ends_with_it_even_in_a_group_of_its_own() {
    let log = std::env::temp_dir().join(format!("wharf-bench-test-{}.log", std::process::id()));
    let mut command = Command::new("sh");
    command.args(["-c", "setsid sleep 300 & sleep 300"]);
    let process = Process::start(command, log.clone()).unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    let ours = loop {
        let ours = process.processes();
        // The shell and both of the others, one of them in another group.
        if ours.len() == 3 && ours.iter().any(|it| it.group != ours[0].group) {
            break ours;
        }
        assert!(Instant::now() < until, "{ours:?}");
        std::thread::yield_now();
    };
    assert!(process.memory() > 0);
    assert!(process.resident() >= process.memory());
    assert!(process.peak() >= process.memory());
    drop(process);
    // A zombie may stay until its new parent looks; it is not alive.
    let alive = |pid: i32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        status.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
    };
    while ours.iter().any(|it| list().contains(it) && alive(it.pid)) {
        assert!(Instant::now() < until);
    }
    std::fs::remove_file(log).ok();
}
