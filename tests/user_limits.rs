//! What users may use up, as far as both engines keep it.

use crate::support::{Setup, noise, wharf};

fn limited(limits: &str) -> Setup {
    Setup::new(format!(
        "
backends:
  store: {{ kind: local, root: '{{folder}}/files' }}
users:
  - {{ name: demo, password: demo, plain: true, backend: store, limits: {{ {limits} }} }}
  - {{ name: free, password: free, plain: true, backend: store }}
"
    ))
}

#[test]
fn sessions_of_a_user_count_more_than_those_of_the_server() {
    let setup = limited("sessions: 2").server("limits: { sessions_per_user: 1 }");
    let server = setup.start();
    let (first, _second) = (server.login(), server.login());
    let refused = |name: &str| {
        let mut client = server.connect();
        client.expect(&format!("USER {name}"), 331);
        client.command(&format!("PASS {name}")).code == 530
    };
    assert!(refused("demo"));
    let _free = server.login_as("free", "free");
    assert!(refused("free"));
    drop(first);
    crate::support::wait_until("the first session is over", || !refused("demo"));
}

#[test]
fn a_file_that_is_too_large_leaves_the_old_one() {
    let setup = limited("file_size: 100KiB");
    let server = setup.start();
    let mut client = server.login();
    client.store("file", b"old");
    let reply = client.try_store("STOR file", &noise(300_000, 5));
    assert_eq!(reply.code, 552, "{reply:?}");
    assert_eq!(client.try_store("STOR other", &noise(102_401, 5)).code, 552);
    assert_eq!(client.retrieve("file"), b"old");
    assert_eq!(client.names(""), ["file"]);
    client.store("file", &noise(102_400, 5));
}

#[test]
fn names_are_refused_for_whatever_gets_them() {
    let setup = limited("refuse_names: ['*.exe', 'secret']");
    std::fs::create_dir(setup.files().join("old.exe")).unwrap();
    std::fs::write(setup.files().join("a.exe"), b"old").unwrap();
    let server = setup.start();
    let mut client = server.login();
    for command in ["STOR b.EXE", "STOR old.exe/c.exe", "APPE a.exe"] {
        assert_eq!(client.try_store(command, b"new").code, 553, "{command}");
    }
    client.expect("MKD Secret", 553);
    client.store("file", b"new");
    client.expect("RNFR file", 350);
    client.expect("RNTO file.exe", 553);
    // What is there can be used, and go away.
    assert_eq!(client.retrieve("a.exe"), b"old");
    client.store("old.exe/file", b"new");
    client.expect("RNFR a.exe", 350);
    client.expect("RNTO a.txt", 250);
    client.expect("DELE old.exe/file", 250);
    client.expect("RMD old.exe", 250);
    assert_eq!(client.names(""), ["a.txt", "file"]);
    server.login_as("free", "free").store("free.exe", b"new");
}

#[test]
fn the_configuration_is_checked() {
    let setup = limited("file_size: much, transfer: 1");
    let output = wharf(["check", "--config", setup.write().to_str().unwrap()]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    for sentence in ["expected a size such as", "did you mean \"transfers\"?"] {
        assert!(text.contains(sentence), "{text}");
    }
}
