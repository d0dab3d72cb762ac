//! What comes to no good end: clients that go, a server that is killed, settings that are wrong.

use std::io::Write;

use wharf_backends::Storage;

use super::store::{Place, Store};
use crate::support::{Client, Stream, noise, wait_until, wharf};

/// Sends enough that the server has sent parts, and does not end.
fn begin(client: &mut Client, name: &str) -> Stream {
    let mut data = client.start_transfer(&format!("STOR {name}"));
    data.write_all(&noise(32 << 20, 1)).unwrap();
    data
}

/// Waits until the store has some parts of it.
fn arrived(place: &Place, name: &str) {
    let key = format!("{}/{name}", place.prefix);
    if place.speaks_s3() {
        wait_until("the store has parts", || {
            place.unfinished_uploads().iter().any(|(found, parts)| *found == key && *parts >= 2)
        });
    }
}

pub fn clients_that_go_leave_nothing(place: &Place) {
    let setup = place.setup();
    let server = setup.start();
    let mut client = server.login();
    let data = begin(&mut client, "aborted");
    arrived(place, "aborted");
    client.expect("ABOR", 426);
    client.expect_reply(226);
    drop(data);

    let mut gone = server.login();
    let data = begin(&mut gone, "gone");
    arrived(place, "gone");
    drop(gone);
    drop(data);
    server.log.expect_warning("", &[("user", "demo"), ("path", "/gone")]);
    wait_until("nothing is left", || place.unfinished_uploads().is_empty());
    assert!(server.login().names("").is_empty());
}

pub fn a_killed_server_is_swept_after(place: &Place) {
    let theirs = place.speaks_s3().then(|| {
        let key = format!("{}/theirs", place.prefix);
        let upload = place.beside(&["begin", &key]).remove(0);
        (key, upload)
    });
    let setup = place.setup();
    let mut server = setup.start();
    let mut client = server.login();
    let _data = begin(&mut client, "ours");
    arrived(place, "ours");
    server.kill();

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut swept = 0;
    // Some stores tell times in whole seconds, and those to come: what seems to be of the future is not old yet.
    wait_until("it is old enough", || {
        swept += runtime.block_on(place.storage().sweep()).unwrap();
        swept > 0 || !place.speaks_s3()
    });
    let left: Vec<String> = place.unfinished_uploads().into_iter().map(|(key, _)| key).collect();
    if let Some((key, upload)) = theirs {
        assert_eq!((swept, left), (1, vec![key.clone()]));
        place.beside(&["complete", &key, &upload]);
    }
    let server = setup.start();
    let expected: &[&str] = if place.speaks_s3() { &["theirs"] } else { &[] };
    assert_eq!(server.login().names(""), expected);
}

pub fn check_says_what_is_wrong(place: &Place) {
    let check = |backend: &str| {
        let setup = Place::setup_of(backend);
        let config = setup.write();
        let output = wharf(["check", "--connect", "--config", config.to_str().unwrap()]).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    };
    let (status, said) = check(&place.backend());
    assert_eq!(status, Some(0), "{said}");
    let access = &place.access;
    let mut wrong = vec![(access.bucket.clone(), "no-such-bucket-here".to_owned(), "bucket")];
    if place.speaks_s3() {
        wrong.push((format!("'{}'", access.access_key), "'no-such-key'".to_owned(), "key"));
        wrong.push((format!("'{}'", access.secret_key), "'no-such-secret'".to_owned(), "secret"));
        wrong.push(("'http://".to_owned(), "'https://".to_owned(), "http"));
    }
    if place.store == Store::Azurite {
        wrong.push(("access_key: '".to_owned(), "access_key: 'AAAA".to_owned(), "key"));
    }
    for (right, wrong, word) in wrong {
        let (status, said) = check(&place.backend().replacen(&right, &wrong, 1));
        assert_eq!(status, Some(1), "{wrong}: {said}");
        assert!(said.contains(word), "{wrong}: nothing of {word:?} in {said}");
    }
}
