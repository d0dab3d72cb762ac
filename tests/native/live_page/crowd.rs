//! Many sessions, and names that are meant to do harm.

use std::fs::File;
use std::io::{Read, Write};

use serde_json::json;

use super::{ANYWHERE, connect, drive, setup, user};
use crate::support::{Client, Running, Stream};

const SESSIONS: usize = 200;
const USERS: usize = 8;
/// Every eighth is idle, and every fourth of the others downloads.
const IDLE: usize = 8;
const DOWNLOADS: usize = 4;

/// What one move of everybody is.
const PIECE: usize = 16 * 1024;
const PIECE_DOWN: usize = 1024 * 1024;

/// More than the system holds between two ends.
const LONG: u64 = 64 * 1024 * 1024;

struct Guest {
    client: Client,
    name: String,
    data: Option<Stream>,
    downloads: bool,
}

impl Guest {
    fn new(server: &Running<'_>, number: usize) -> Self {
        let mut client = connect(server, &format!("user-{}", number % USERS));
        let downloads = number % DOWNLOADS == DOWNLOADS - 1;
        let name = if downloads { "long".to_owned() } else { format!("upload-{number}") };
        client.expect("TYPE I", 200);
        let data = (!number.is_multiple_of(IDLE))
            .then(|| client.start_transfer(&format!("{} {name}", if downloads { "RETR" } else { "STOR" })));
        Self { client, name, data, downloads }
    }

    /// Some more bytes.
    fn go_on(&mut self) {
        let Some(data) = &mut self.data else { return };
        match self.downloads {
            true => data.read_exact(&mut vec![0; PIECE_DOWN]).unwrap(),
            false => data.write_all(&[7; PIECE]).unwrap(),
        }
    }
}

#[test]
fn two_hundred_sessions_move_and_can_be_found_opened_and_ended() {
    let users: String =
        (0..USERS).map(|number| user(&format!("user-{number}"))).chain([user("back-again")]).collect();
    let lines = ["limits: { sessions: 500, sessions_per_ip: 400 }", "failed_login_delay: 0s"];
    let users = format!("{users}lockout: {{ failures: 3, within: 10m, for: 30m }}\n");
    let before = setup(ANYWHERE, &users, &lines);
    File::create(before.files().join("long")).unwrap().set_len(LONG).unwrap();
    let first = before.start();
    let address = first.http_address();
    // The page has to find it again where it was.
    let after = setup(address, &users, &lines);
    let mut server = Some(first);
    let mut guests: Vec<Guest> = Vec::new();
    let mut last = None;
    drive("crowd.cjs", address, |words| {
        let running = || server.as_ref().unwrap();
        match words {
            ["crowd"] => {
                guests = (0..SESSIONS).map(|number| Guest::new(running(), number)).collect();
                let transfers = guests.iter().filter(|guest| guest.data.is_some()).count();
                return json!({ "sessions": SESSIONS, "transfers": transfers });
            }
            ["move"] => guests.iter_mut().for_each(Guest::go_on),
            ["is-open", name] => {
                let guest = guests.iter_mut().find(|guest| guest.name == *name).unwrap();
                guest.client.expect("NOOP", 200);
                return json!({ "open": true });
            }
            ["end-of", name] => {
                let index = guests.iter().position(|guest| guest.name == *name).unwrap();
                let mut guest = guests.remove(index);
                // What became of its transfer comes first.
                let last = std::iter::from_fn(|| guest.client.try_reply().ok()).last().unwrap();
                return json!({ "reply": last.text() });
            }
            ["fail"] => {
                for _ in 0..3 {
                    let mut client = Client::connect_from("127.0.9.9", running().address);
                    client.expect_reply(220);
                    client.expect("USER user-1", 331);
                    client.expect_any("PASS wrong", &[530, 421]);
                }
            }
            ["is-let-in"] => {
                let mut client = Client::connect_from("127.0.9.9", running().address);
                return json!({ "reply": client.reply().code.to_string() });
            }
            ["stop"] => {
                server.take();
                guests.clear();
            }
            ["start"] => server = Some(after.start()),
            ["connect", user] => last = Some(connect(running(), user)),
            _ => panic!("{words:?}"),
        }
        json!({})
    });
    drop(last);
}

/// Markup, letters that turn text around or can't be seen, and an endless name.
fn hostile() -> Vec<String> {
    let names = [
        "<img src=x onerror=window.harm=1>",
        "<script>window.harm=1<",
        "\"><svg onload=window.harm=1>",
        "invoice\u{202e}fdp.exe",
        "\u{2066}\u{200f}turned\u{2069}",
        "\u{1b}[31mred\u{7}\u{8}",
        "no\u{200b}where\u{feff}",
        "&lt;b&gt; ${window.harm=1} {{harm}}",
        "Ａ\u{1f3f4}\u{e0067}é\u{301}",
    ];
    names.into_iter().map(str::to_owned).chain(["long ".repeat(50)]).collect()
}

#[test]
fn names_of_clients_do_no_harm() {
    let setup = setup(ANYWHERE, &user("user-0"), &[]);
    let server = setup.start();
    let mut uploads = Vec::new();
    drive("names.cjs", server.http_address(), |words| {
        match words {
            ["names"] => {
                for name in hostile() {
                    let mut client = connect(&server, "user-0");
                    let data = client.start_transfer(&format!("STOR {name}"));
                    uploads.push((client, data));
                }
                return json!({ "names": uploads.len() });
            }
            ["finish"] => {
                // The first stay, to be opened.
                for (mut client, data) in uploads.split_off(5) {
                    drop(data);
                    client.expect_reply(226);
                }
                let mut client = connect(&server, "user-0");
                client.expect(&format!("DELE {}", "<img src=x onerror=window.harm=1>/".repeat(100)), 550);
                let mut client = server.connect();
                client.expect("USER <img src=x onerror=window.harm=1>", 331);
                client.expect("PASS <script>window.harm=1</script>", 530);
            }
            _ => panic!("{words:?}"),
        }
        json!({})
    });
}
