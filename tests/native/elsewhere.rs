//! Whoever answers in the store's place: an ingress whose backend is gone, a server that sends elsewhere. No client is told
//! that a directory is empty, or that anything was done, by the word of these.

use std::thread;

use wharf_testing::block_on;
use wharf_testing::played::{Played, answer};

use crate::support::{Running, Setup};

fn before(url: &str) -> Setup {
    Setup::new(format!(
        "
backends:
  lake: {{ kind: s3, bucket: b, region: us-east-1, endpoint: '{url}', access_key_id: a, secret_access_key: b }}
users:
  - {{ name: demo, password: demo, plain: true, backend: lake, permissions: full }}
"
    ))
}

/// The code that ends each command.
fn replies(server: &Running<'_>) -> Vec<(&'static str, u16, String)> {
    let commands = [
        "LIST", "MLSD", "NLST", "LIST d", "CWD d", "SIZE f", "MLST f", "RETR f", "STOR new", "APPE log",
        "DELE f", "MKD d", "RMD d", "RNTO g",
    ];
    thread::scope(|scope| {
        let asked = commands.map(|command| {
            scope.spawn(move || {
                let mut client = server.login();
                client.expect("TYPE I", 200);
                let reply = match command.split(' ').next().unwrap() {
                    "STOR" | "APPE" => client.try_store(command, b"content"),
                    "LIST" | "MLSD" | "NLST" | "RETR" => {
                        let (bytes, reply) = client.try_fetch(command);
                        assert_eq!(String::from_utf8_lossy(&bytes), "", "{command}");
                        reply
                    }
                    "RNTO" => match client.command("RNFR f") {
                        reply if reply.code == 350 => client.command(command),
                        reply => reply,
                    },
                    _ => client.command(command),
                };
                (command, reply.code, client.transcript())
            })
        });
        asked.into_iter().map(|asked| asked.join().unwrap()).collect()
    })
}

#[test]
fn a_page_of_an_ingress_is_no_empty_directory() {
    let page = answer(404, &[("content-type", "text/plain")], "default backend - 404");
    let ingress = block_on(Played::always(page));
    let setup = before(&ingress.url);
    let server = setup.start();
    for (command, code, transcript) in replies(&server) {
        assert!(matches!(code, 450 | 451), "{command}: {code}\n{transcript}");
    }
    server.log.expect_warning("command failed", &[("cause", "…in the store's place…")]);
}

#[test]
fn no_redirect_is_followed() {
    let elsewhere = block_on(Played::always(answer(200, &[("etag", "\"1\"")], "<html>please log in</html>")));
    let location = format!("{}/login", elsewhere.url);
    for status in [301, 302, 303, 307, 308] {
        let redirecting = block_on(Played::always(answer(status, &[("location", &location)], "")));
        let setup = before(&redirecting.url);
        let server = setup.start();
        for (command, code, transcript) in replies(&server) {
            assert!((400..500).contains(&code), "{status}, {command}: {code}\n{transcript}");
        }
        server.log.expect_warning("command failed", &[("cause", "…redirects elsewhere…")]);
    }
    assert_eq!(elsewhere.asked(), [""; 0]);
}

/// Where a container asks for its credentials, nothing is known of the store.
#[test]
fn credentials_that_are_not_there_are_no_empty_directory() {
    let credentials = block_on(Played::always(answer(404, &[], "no such role")));
    let store = block_on(Played::always(answer(200, &[], "")));
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "token").unwrap();
    let setup = Setup::new(format!(
        "
backends:
  lake: {{ kind: s3, bucket: b, region: us-east-1, endpoint: '{}', ambient_credentials: true }}
users:
  - {{ name: demo, password: demo, plain: true, backend: lake, permissions: full }}
",
        store.url
    ))
    .environment("AWS_CONTAINER_CREDENTIALS_FULL_URI", &format!("{}/creds", credentials.url))
    .environment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token.path().to_str().unwrap());
    let server = setup.start();
    for (command, code, transcript) in replies(&server) {
        assert!(matches!(code, 450 | 451), "{command}: {code}\n{transcript}");
    }
    assert!(!credentials.asked().is_empty());
    assert_eq!(store.asked(), [""; 0], "nothing is asked without credentials");
}
