//! From where, until when and how users may log in.

use std::time::{Duration, SystemTime};

use crate::support::{Client, Engine, Setup};

const BACKEND: &str = "
backends:
  disk: { kind: local, root: '{folder}/files' }
";

fn users(users: &str) -> Setup {
    Setup::new(format!("{BACKEND}users:\n{users}"))
}

#[test]
fn a_user_may_log_in_from_its_networks_alone() {
    let setup = users(
        "  - { name: anna, password: sesame, plain: true, backend: disk, networks: [127.0.0.2, 127.1.0.0/16] }\n",
    );
    let server = setup.start();
    for from in ["127.0.0.2", "127.1.2.3"] {
        let mut client = Client::connect_from(from, server.address);
        client.expect_reply(220);
        client.login("anna", "sesame");
    }
    let mut client = Client::connect_from("127.0.0.3", server.address);
    client.expect_reply(220);
    client.expect("USER anna", 331);
    client.expect("PASS sesame", 530);
    let fields = [("user", "anna"), ("cause", "the user may not log in from this address")];
    server.log.expect_warning("login failed", &fields);
}

#[test]
fn an_account_that_expires_ends_its_session() {
    // On a machine that is busy the first ends may come before the login.
    let ended = [2, 8, 30].into_iter().any(|seconds| {
        let start = SystemTime::now();
        let end = humantime::format_rfc3339_millis(start + Duration::from_secs(seconds));
        let setup = users(&format!(
            "  - {{ name: anna, password: sesame, plain: true, backend: disk, expires: {end} }}
  - {{ name: bert, password: sesame, plain: true, backend: disk, expires: 2999-12-31 }}
  - {{ name: carl, password: sesame, plain: true, backend: disk, expires: 2020-01-01 }}\n"
        ));
        let server = setup.start();
        let late = |name: &str| {
            let mut client = server.connect();
            client.expect(&format!("USER {name}"), 331);
            client.expect("PASS sesame", 530);
        };
        late("carl");
        server.log.expect_warning("login failed", &[("user", "carl"), ("cause", "the account has expired")]);
        let mut other = server.login_as("bert", "sesame");
        let mut client = server.connect();
        client.expect("USER anna", 331);
        if client.command("PASS sesame").code != 230 {
            return false;
        }
        // Nor does a client outrun the end that always has sent its next commands.
        let mut busy = server.connect();
        busy.expect("USER anna", 331);
        if busy.command("PASS sesame").code == 230 {
            busy.send_raw(&b"NOOP\r\n".repeat(50));
            while busy.try_command("NOOP").is_ok_and(|reply| reply.code == 200) {
                assert!(SystemTime::now() < start + 30 * Duration::from_secs(seconds), "it goes on");
            }
        }
        server.log.expect("the account has expired: ending its session", &[("user", "anna")]);
        if Engine::current() == Engine::Native {
            client.expect_reply(421);
        }
        client.expect_end();
        late("anna");
        other.expect("NOOP", 200);
        true
    });
    assert!(ended, "no login came in time");
}
