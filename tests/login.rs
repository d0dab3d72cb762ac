//! Who gets in: the steps of a login, what is refused before it, TLS that is required, logins that take too long, and too
//! many sessions.

use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::support::{Client, SOON, Setup, metric, wait_until};

mod steps {
    use super::*;

    #[test]
    fn a_wrong_password_and_an_unknown_user_get_the_same_reply() {
        let setup = Setup::local();
        let server = setup.start();
        let replies: Vec<String> =
            [("demo", "wrong"), ("nobody", "demo"), ("demo", ""), ("DEMO", "demo"), ("anonymous", "me@")]
                .into_iter()
                .map(|(user, password)| {
                    let mut client = server.connect();
                    client.expect(&format!("USER {user}"), 331);
                    client.expect(&format!("PASS {password}"), 530).text()
                })
                .collect();
        assert!(replies.iter().all(|reply| *reply == replies[0]), "{replies:?}");
    }

    #[test]
    fn a_failed_login_is_logged_without_the_password() {
        let setup = Setup::local();
        let server = setup.start();
        let mut client = server.connect();
        client.expect("USER demo", 331);
        client.expect("PASS correct horse", 530);
        server.log.expect_warning("login failed", &[("user", "demo"), ("peer", "127.0.0.1:…")]);
        client.expect("USER demo", 331);
        client.expect("PASS demo", 230);
        client.expect("NOOP", 200);
        assert!(!server.log.text().contains("correct horse"), "{}", server.log.text());
    }

    #[test]
    fn nothing_works_before_it() {
        let setup = Setup::local();
        fs::write(setup.files().join("file"), b"12345").unwrap();
        let server = setup.start();
        let mut client = server.connect();
        for command in [
            "PWD",
            "CWD full",
            "CDUP",
            "MKD new",
            "RMD empty",
            "DELE file",
            "RNFR file",
            "RNTO other",
            "SIZE file",
            "MDTM file",
            "MLST file",
            "REST 3",
            "PASV",
            "EPSV",
            "PORT 127,0,0,1,200,200",
            "RETR file",
            "STOR file",
            "APPE file",
            "STOU",
            "LIST",
            "NLST",
            "MLSD",
            "STAT",
            "STAT file",
            "SITE MD5 file",
            "TYPE I",
            "ALLO 5",
            "SYST",
            "ABOR",
        ] {
            let reply = client.command(command);
            assert!(
                matches!(reply.code, 530 | 503) || (command == "SYST" && reply.code == 215),
                "{command}: {reply:?}"
            );
        }
        client.login("demo", "demo");
        assert_eq!(client.names(""), ["file"]);
        assert_eq!(client.retrieve("file"), b"12345");
    }

    #[test]
    fn the_steps_have_an_order() {
        let setup = Setup::local();
        let server = setup.start();
        let mut client = server.connect();
        client.expect_any("PASS demo", &[503, 530]);
        client.expect("USER demo", 331);
        client.expect("PASS wrong", 530);
        // The failed password used the name up.
        client.expect_any("PASS demo", &[503, 530]);
        client.expect("PWD", 530);
    }

    #[test]
    fn plain_text_is_refused_where_tls_is_required() {
        let setup = Setup::local().tls("required");
        let server = setup.start();
        let mut client = server.connect();
        let reply = client.command("USER demo");
        let refused = if reply.code == 331 { client.command("PASS demo") } else { reply };
        assert!(refused.code == 421 || (500..600).contains(&refused.code), "{refused:?}");
        let mut client = server.connect_tls();
        client.login("demo", "demo");
        if client.try_clear_data() {
            let refused = client.command("PASV");
            assert!((500..600).contains(&refused.code), "data in plain text: {refused:?}");
        }
    }

    #[test]
    fn tls_that_is_off_is_refused() {
        let setup = Setup::local();
        let server = setup.start();
        let mut client = server.connect();
        let reply = client.command("AUTH TLS");
        assert!((500..600).contains(&reply.code) || reply.code == 431, "{reply:?}");
        client.login("demo", "demo");
    }
}

/// Whoever has not logged in takes a place, and can't keep it.
/// As the kernel writes an IPv4 address and port.
fn in_proc(address: SocketAddr) -> String {
    let SocketAddr::V4(address) = address else { panic!("{address} is not IPv4") };
    format!("{:08X}:{:04X}", u32::from_ne_bytes(address.ip().octets()), address.port())
}

/// What stands between client and server forgets connections that are silent for minutes.
#[test]
fn silent_control_connections_are_kept_alive() {
    let setup = Setup::memory();
    let server = setup.start();
    let client = server.login();
    let ends = [server.address, client.tcp().local_addr().unwrap()].map(in_proc);
    wait_until("the server's socket has a timer for it of at most a minute", || {
        let sockets = fs::read_to_string("/proc/net/tcp").unwrap();
        let fields: Vec<Vec<&str>> =
            sockets.lines().map(|line| line.split_ascii_whitespace().collect()).collect();
        let socket = fields.iter().find(|fields| fields[1..3] == ends).expect("the server's socket");
        let (timer, hundredths) = socket[5].split_once(':').unwrap();
        timer == "02" && u64::from_str_radix(hundredths, 16).unwrap() <= 60 * 100
    });
}

mod too_slow {
    use super::*;

    fn within(seconds: u64) -> Setup {
        Setup::local().tls("optional").server(&format!("login_timeout: {seconds}s"))
    }

    #[test]
    fn logins_end() {
        let setup = within(3);
        let server = setup.start();
        for said in ["", "USER demo\r\n", "USER demo\r\nPASS wrong\r\n", "NOOP\r\n", "US"] {
            let mut client = server.connect();
            client.send_raw(said.as_bytes());
            client.expect_end();
        }
    }

    #[test]
    fn handshakes_end() {
        let setup = within(3);
        let server = setup.start();
        // Nothing, and the beginning of a TLS record that never ends.
        for begun in [&b""[..], &[22, 3, 1, 2, 0, 1, 0]] {
            let mut client = server.connect();
            client.expect("AUTH TLS", 234);
            client.send_raw(begun);
            client.expect_end();
        }
    }

    /// Commands that keep an idle session alive don't help.
    #[test]
    fn talk_is_no_login() {
        let setup = within(3);
        let server = setup.start();
        let mut client = server.connect();
        let deadline = Instant::now() + SOON;
        // A write on a connection that the server has closed fails, or the reply to it does.
        while client.try_command("NOOP").is_ok() {
            assert!(Instant::now() < deadline, "the session goes on");
        }
    }

    #[test]
    fn sessions_go_on_after_the_login() {
        let setup = within(10);
        let server = setup.start();
        let mut client = server.login();
        assert!(client.reply_within(Duration::from_secs(11)).is_none());
        client.expect("NOOP", 200);
        let mut client = server.connect_tls();
        client.login("demo", "demo");
        assert!(client.reply_within(Duration::from_secs(11)).is_none());
        client.expect("NOOP", 200);
    }
}

mod too_many {
    use super::*;

    #[test]
    fn sessions_are_refused() {
        let setup = Setup::local().server("limits: { sessions: 3 }");
        let server = setup.start();
        let mut open = vec![server.login(), server.login(), server.login()];
        let mut refused = Client::connect(server.address);
        refused.expect_reply(421);
        refused.expect_end();
        // Those that are in stay in, and one that leaves makes room.
        open[0].expect("NOOP", 200);
        let mut gone = open.pop().unwrap();
        gone.expect("QUIT", 221);
        gone.expect_end();
        drop(gone);
        let deadline = Instant::now() + SOON;
        while Client::connect(server.address).reply().code != 220 {
            assert!(Instant::now() < deadline, "a place never becomes free");
        }
    }

    #[test]
    fn sessions_of_one_address_are_refused() {
        let setup = Setup::local().server("limits: { sessions: 100, sessions_per_ip: 2 }");
        let server = setup.start();
        let _open = [server.login(), server.login()];
        let mut refused = Client::connect(server.address);
        refused.expect_reply(421);
        refused.expect_end();
        let mut other = Client::connect_from("127.0.0.2", server.address);
        other.expect_reply(220);
        other.login("demo", "demo");
    }
    #[test]
    fn sessions_of_one_user_are_refused() {
        let setup = Setup::local().server("limits: { sessions_per_user: 2 }").http();
        let server = setup.start();
        let mut open = vec![server.login(), server.login()];
        let mut refused = server.connect();
        refused.expect("USER demo", 331);
        refused.expect("PASS demo", 530);
        let cause = "the user has as many sessions as it may have";
        server.log.expect_warning("login failed", &[("user", "demo"), ("cause", cause)]);
        let counted = metric(&server, "wharf_logins_total{result=\"session_limit\"}");
        assert_eq!(counted, Some(1.0));
        // Those that are in stay in, and one that leaves makes room.
        open[0].expect("NOOP", 200);
        let mut gone = open.pop().unwrap();
        gone.expect("QUIT", 221);
        gone.expect_end();
        wait_until("a session of the user becomes free", || {
            let mut client = server.connect();
            client.expect("USER demo", 331);
            client.command("PASS demo").code == 230
        });
    }
}
