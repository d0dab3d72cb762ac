//! Uploads whose server was killed.

use std::io::Write;

use super::{DISK, SOME, size, users};
use crate::support::{S3, assert_bytes, noise, wait_until};

/// The end of a server is the end of its lines: what the storage has is there.
fn goes_on_after_a_kill(backend: &str) {
    let (setup, content) = (users(backend), noise(SOME, 2));
    let (mut one, two) = (setup.start(), setup.start());
    let mut sending = one.login();
    let mut data = sending.start_transfer("STOR f");
    data.write_all(&content[..SOME - 1000]).unwrap();
    let mut client = two.login();
    wait_until("something has arrived", || client.command("SIZE f").code == 213);
    one.kill();
    let there = size(&mut client, "f");
    assert!(there > 0 && there < SOME - 1000, "{there}");
    client.expect(&format!("REST {there}"), 350);
    assert_eq!(client.try_store("STOR f", &content[there..]).code, 226);
    assert_bytes(&client.retrieve("f"), &content);
}
on_each_storage!(after_a_kill, goes_on_after_a_kill);

/// Nobody sends what a server had that is gone: it is not under way any more, for nobody and nothing.
fn is_left_by_a_kill(backend: &str) {
    let (setup, content) = (users(backend), noise(SOME, 15));
    let (mut one, two) = (setup.start(), setup.start());
    let mut sending = one.login();
    let mut data = sending.start_transfer("STOR f");
    data.write_all(&content[..SOME - 1000]).unwrap();
    let mut client = two.login();
    wait_until("something has arrived", || client.command("SIZE f").code == 213);
    assert_eq!(client.try_store("APPE f", b"more").code, 554, "it is under way");
    one.kill();
    wait_until("the listing tells what SIZE does", || {
        let there = size(&mut client, "f");
        String::from_utf8(client.fetch("MLSD")).unwrap().to_lowercase().contains(&format!("size={there};"))
    });
    let there = size(&mut client, "f");
    assert_eq!(client.try_store("APPE f", &content[there..]).code, 226);
    assert_bytes(&client.retrieve("f"), &content);
}
on_each_storage!(by_a_kill, is_left_by_a_kill);

/// A server that starts says that nobody sends what the one before had. That changes nothing for those who were told of it before.
#[test]
fn the_next_server_writes_about_what_was_left_and_disturbs_nobody() {
    let (setup, content) = (users(&S3::SeaweedFs.backend()), noise(SOME, 16));
    let (mut one, two) = (setup.start(), setup.start());
    for goes_on in ["APPE", "STOR"] {
        let mut sending = one.login();
        let mut data = sending.start_transfer("STOR f");
        data.write_all(&content[..SOME - 1000]).unwrap();
        let mut client = two.login();
        wait_until("something has arrived", || client.command("SIZE f").code == 213);
        one.kill();
        wait_until("it is seen to be gone", || !client.names("").is_empty());
        let (there, facts) = (size(&mut client, "f"), client.command("MLST f").text());
        one = setup.start();
        one.log.expect("an upload of a server that is gone is kept", &[("path", "/f"), ("user", "demo")]);
        assert_eq!(size(&mut two.login(), "f"), there);
        assert_eq!(two.login().command("MLST f").text(), facts);
        if goes_on == "STOR" {
            client.expect(&format!("REST {there}"), 350);
        }
        assert_eq!(client.try_store(&format!("{goes_on} f"), &content[there..]).code, 226);
        assert_bytes(&client.retrieve("f"), &content);
        client.expect("DELE f", 250);
    }
}
