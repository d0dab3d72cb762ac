//! The size of files: nothing of one that is too large becomes visible.

use super::{DISK, MEMORY, limited};
use crate::support::{S3, Setup, assert_bytes, noise};

const KIB: usize = 1024;

fn is_kept(setup: &Setup, is_private: bool) {
    let server = setup.start();
    let mut client = if is_private { server.connect_tls() } else { server.connect() };
    client.login("demo", "demo");
    let whole = noise(256 * KIB, 5);
    client.store("file", &whole);
    // The client may be ahead of the server by whatever is buffered between them.
    let mut much = noise(8192 * KIB, 6);
    let reply = client.try_store("STOR file", &much);
    assert_eq!(reply.code, 552, "{reply:?}");
    assert!(reply.text().contains("the user's files may have at most 262144 bytes"), "{reply:?}");
    much.truncate(256 * KIB + 1);
    assert_eq!(client.try_store("STOR other", &much).code, 552);
    // What is known before.
    let too_much = "ALLO 262145";
    for announced in [too_much, "ALLO 262145 R 100"] {
        client.expect(announced, 202);
        assert_eq!(client.try_transfer("STOR other").err().unwrap().code, 552);
    }
    client.expect(too_much, 202);
    assert_eq!(client.try_transfer("STOU").err().unwrap().code, 552);
    // It is for one transfer.
    client.store("small", &whole[..1000]);
    client.expect("ALLO 261145", 202);
    assert_eq!(client.try_transfer("APPE small").err().unwrap().code, 552);
    client.expect("REST 1000", 350);
    client.expect(too_much, 202);
    assert_eq!(client.try_transfer("STOR small").err().unwrap().code, 552);
    // The whole file is announced, not what is left of it.
    client.expect("REST 1000", 350);
    client.expect("ALLO 262144", 202);
    assert_eq!(client.try_store("STOR small", b"").code, 226);
    // And what is not.
    assert_eq!(client.try_store("APPE small", &whole[..255 * KIB + 25]).code, 552);
    client.expect("REST 1000", 350);
    assert_eq!(client.try_store("STOR small", &whole[..255 * KIB + 25]).code, 552);
    assert_bytes(&client.retrieve("small"), &whole[..1000]);
    let rest = 256 * KIB - 1000;
    client.expect(&format!("ALLO {rest}"), 202);
    assert_eq!(client.try_store("APPE small", &whole[1000..]).code, 226);
    assert_eq!(client.try_store("APPE small", b"!").code, 552);
    assert_bytes(&client.retrieve("small"), &whole);
    assert_bytes(&client.retrieve("file"), &whole);
    assert_eq!(client.names(""), ["file", "small"]);
    // Others have no such limit.
    let mut other = server.login_as("free", "free");
    other.store("large", &much);
    client.expect("ALLO 0", 202);
    assert_eq!(client.try_store("APPE large", b"").code, 552);
}

const LIMIT: &str = "file_size: 256KiB";

#[test]
fn is_kept_on_a_disk() {
    is_kept(&limited(DISK, LIMIT), false);
}

#[test]
fn is_kept_over_tls() {
    is_kept(&limited(DISK, LIMIT).tls("optional"), true);
}

#[test]
fn is_kept_in_memory() {
    is_kept(&limited(MEMORY, LIMIT), false);
}

#[test]
fn is_kept_on_a_bucket() {
    is_kept(&limited(&S3::SeaweedFs.backend(), LIMIT), false);
}

/// What counts is what is stored.
#[test]
fn is_that_of_the_file_and_not_of_the_bytes_on_the_wire() {
    let setup = limited(DISK, LIMIT);
    let server = setup.start();
    let mut client = server.login();
    client.expect("TYPE A", 200);
    let lines = "0123456789012\r\n".repeat(18_000);
    assert!(lines.len() > 256 * KIB);
    assert_eq!(client.try_store("STOR text", lines.as_bytes()).code, 226);
    assert_eq!(client.try_store("STOR more", lines.repeat(2).as_bytes()).code, 552);
    assert_eq!(client.names(""), ["text"]);
}
