//! From where, until when and how users may log in.

use std::time::{Duration, SystemTime};

use crate::support::{Client, Engine, Running, Setup, metric, wharf};

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

mod lockout {
    use super::*;

    const USERS: &str = "  - { name: good, password: sesame, plain: true, backend: disk }
lockout: { failures: 3, within: 1h, for: 1h, never: [127.0.0.9] }\n";

    fn setup() -> Setup {
        users(USERS).server("failed_login_delay: 0s").http()
    }

    /// What is said to a client from there: the code of the greeting, and that of the login.
    fn attempt(server: &Running<'_>, from: &str, user: &str, password: &str) -> (u16, u16) {
        let mut client = Client::connect_from(from, server.address);
        let greeting = client.reply().code;
        if greeting != 220 {
            return (greeting, 0);
        }
        client.expect(&format!("USER {user}"), 331);
        (greeting, client.command(&format!("PASS {password}")).code)
    }

    #[test]
    fn an_address_gets_in_no_more_and_others_do() {
        let setup = setup();
        let server = setup.start();
        let mut open = Client::connect_from("127.0.0.2", server.address);
        open.expect_reply(220);
        for name in ["good", "nobody", "admin"] {
            assert_eq!(attempt(&server, "127.0.0.2", name, "wrong"), (220, 530));
        }
        server.log.expect_warning("an address is locked out", &[("peer", "127.0.0.2:…")]);
        assert_eq!(attempt(&server, "127.0.0.2", "good", "sesame"), (421, 0));
        // Nor in a session that was there before.
        open.expect("USER good", 331);
        open.expect_any("PASS sesame", &[421, 530]);
        assert_eq!(attempt(&server, "127.0.0.3", "good", "sesame"), (220, 230));
        for _ in 0..5 {
            assert_eq!(attempt(&server, "127.0.0.9", "nobody", "wrong"), (220, 530));
        }
        let refused = metric(&server, "wharf_sessions_refused_total{cause=\"locked_out\"}");
        let logins = metric(&server, "wharf_logins_total{result=\"locked_out\"}");
        assert_eq!((refused, logins), (Some(1.0), Some(1.0)));
    }

    #[test]
    fn a_name_is_locked_but_for_where_its_user_was_before() {
        let setup = setup();
        let server = setup.start();
        assert_eq!(attempt(&server, "127.0.0.2", "good", "sesame"), (220, 230));
        for from in ["127.0.0.3", "127.0.0.4", "127.0.0.5"] {
            assert_eq!(attempt(&server, from, "good", "wrong"), (220, 530));
        }
        server.log.expect_warning("a user is locked out", &[("user", "good")]);
        assert_eq!(attempt(&server, "127.0.0.6", "good", "sesame"), (220, 530));
        let fields = [("cause", "the name is locked after too many failed logins")];
        server.log.expect_warning("login failed", &fields);
        assert_eq!(attempt(&server, "127.0.0.2", "good", "sesame"), (220, 230));
    }

    /// `wharf lockouts` with these arguments: its exit status, and what it says.
    fn lockouts<const N: usize>(setup: &Setup, arguments: [&str; N]) -> (i32, String) {
        let socket = setup.folder().join("control.sock");
        let mut command = wharf(["lockouts", "--socket", socket.to_str().unwrap()]);
        let output = command.args(arguments).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(said).unwrap().trim_end().to_owned())
    }

    #[test]
    fn the_operator_sees_locks_and_lifts_them() {
        let setup = setup().server("control: '{folder}/control.sock'");
        let server = setup.start();
        assert_eq!(lockouts(&setup, []), (0, "nothing is locked".to_owned()));
        for _ in 0..3 {
            assert_eq!(attempt(&server, "127.0.0.2", "good", "wrong"), (220, 530));
        }
        assert_eq!(attempt(&server, "127.0.0.2", "good", "sesame"), (421, 0));
        let (status, said) = lockouts(&setup, []);
        let lines: Vec<_> = said.lines().collect();
        let [address, user] = lines[..] else { panic!("{said}") };
        assert!(status == 0 && address.starts_with("address 127.0.0.2 is locked for "), "{said}");
        assert!(user.starts_with("user good is locked for "), "{said}");
        assert_eq!(lockouts(&setup, ["--lift", "127.0.0.3"]), (1, "\"127.0.0.3\" is not locked".to_owned()));
        assert_eq!(lockouts(&setup, ["--lift", "127.0.0.2"]).0, 0);
        assert_eq!(attempt(&server, "127.0.0.2", "good", "sesame"), (220, 530));
        assert_eq!(lockouts(&setup, ["--lift", "good"]).0, 0);
        assert_eq!(attempt(&server, "127.0.0.2", "good", "sesame"), (220, 230));
        server.log.expect("an operator acted", &[("action", "lift"), ("detail", "good")]);
        // The third, after the one with the name that was locked.
        for _ in 0..2 {
            assert_eq!(attempt(&server, "127.0.0.2", "nobody", "wrong"), (220, 530));
        }
        let said = (0, "nothing is locked any more; there were 1 locks".to_owned());
        assert_eq!(lockouts(&setup, ["--lift-all"]), said);
        assert_eq!(attempt(&server, "127.0.0.2", "good", "sesame"), (220, 230));
    }

    #[test]
    fn what_an_operator_has_locked_is_said_to_be_that() {
        let setup = setup().server("control: '{folder}/control.sock'");
        let server = setup.start();
        let said = (0, "user good is locked for 30m".to_owned());
        assert_eq!(lockouts(&setup, ["--lock", "good", "--for", "30m"]), said);
        for _ in 0..5 {
            assert_eq!(attempt(&server, "127.0.0.2", "good", "sesame"), (220, 530));
        }
        server.log.expect_warning("login failed", &[("cause", "an operator has locked the name")]);
        assert_eq!(attempt(&server, "127.0.0.2", "admin", "sesame"), (220, 530));
        assert_eq!(attempt(&server, "127.0.0.2", "admin", "sesame"), (220, 530));

        let (status, said) = lockouts(&setup, ["--lock", "127.0.0.2/31", "--for", "30m"]);
        assert_eq!((status, &*said), (0, "network 127.0.0.2/31 is locked for 30m"));
        let mut client = Client::connect_from("127.0.0.3", server.address);
        let greeting = client.reply();
        assert!(
            greeting.code == 421 && greeting.text().contains("this address is locked out"),
            "{greeting:?}"
        );
        let fields = [("cause", "an operator has locked this address")];
        server.log.expect_warning("refused a session", &fields);

        let (status, said) = lockouts(&setup, ["--lock", "127.0.0.999", "--for", "30m"]);
        assert!(status == 2 && said.contains("no address, no network and no user"), "{status} {said}");
        let (status, said) = lockouts(&setup, ["--lock", "godo", "--for", "30m"]);
        assert!(status == 0 && said.contains("no such user is known"), "{said}");
        assert_eq!(lockouts(&setup, ["--lift-all"]).0, 0);
        assert_eq!(attempt(&server, "127.0.0.3", "good", "sesame"), (220, 230));
    }

    #[test]
    fn a_network_that_the_configuration_locks_is_said_to_be_that() {
        let setup = users(&USERS.replace("never:", "always: [127.0.0.2/32], never:"));
        let server = setup.start();
        assert_eq!(attempt(&server, "127.0.0.2", "good", "sesame"), (421, 0));
        server.log.expect_warning("refused a session", &[("cause", "this address is in lockout.always")]);
        assert_eq!(attempt(&server, "127.0.0.3", "good", "sesame"), (220, 230));
    }

    #[test]
    fn an_address_connects_as_often_as_it_may() {
        let setup = users(USERS).server("limits: { connections_per_ip: 3/h }").http();
        let server = setup.start();
        let codes: Vec<_> =
            (0..5).map(|_| Client::connect_from("127.0.0.2", server.address).reply().code).collect();
        assert_eq!(codes, [220, 220, 220, 421, 421]);
        assert_eq!(attempt(&server, "127.0.0.3", "good", "sesame"), (220, 230));
        assert_eq!(metric(&server, "wharf_sessions_refused_total{cause=\"address_rate\"}"), Some(2.0));
    }
}
