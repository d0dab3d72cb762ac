//! MODE Z: data is compressed in zlib's format (draft-preston-ftpext-deflate).

use std::fs;
use std::io::{Read, Write};
use std::path::Path;

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

use crate::support::{Client, Running, Setup, Way, assert_bytes, lftp, noise, python};

fn compressed(bytes: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn inflated(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    ZlibDecoder::new(bytes).read_to_end(&mut out).unwrap();
    out
}

fn login_in_mode_z(server: &Running<'_>) -> Client {
    let mut client = server.login();
    client.expect("MODE Z", 200);
    client
}

/// zlib's own library, by a client that is not ours in any part.
#[test]
fn python_compresses_both_ways() {
    let setup = Setup::local();
    let server = setup.start();
    let home = tempfile::tempdir().unwrap();
    python("deflate.py", &server, Way::PLAIN, home.path()).run();
}

#[test]
fn lftp_compresses_both_ways() {
    for way in [Way::PLAIN, Way { active: false, tls: true }] {
        let setup = Setup::local().tls("optional");
        let server = setup.start();
        let home = tempfile::tempdir().unwrap();
        let content = [noise(300_000, 3), vec![b'a'; 3_000_000]].concat();
        fs::write(home.path().join("file"), &content).unwrap();
        let script =
            "set ftp:use-mode-z yes; set ftp:compressed-re .*\ndebug 9\nput file\nls\nget file -o back";
        let outcome = lftp(&server, "demo", way, home.path(), script).output();
        assert_eq!(outcome.status, 0, "{outcome}");
        assert!(outcome.stderr.contains("MODE Z"), "lftp did not compress\n{outcome}");
        assert_bytes(&fs::read(setup.files().join("file")).unwrap(), &content);
        assert_bytes(&fs::read(home.path().join("back")).unwrap(), &content);
    }
}

#[test]
fn files_and_listings_are_whole_at_every_level() {
    let setup = Setup::local();
    let server = setup.start();
    let mut client = login_in_mode_z(&server);
    let content = [noise(700_000, 9), vec![0; 4_000_000], noise(13, 2)].concat();
    let mut sizes = Vec::new();
    for level in [1, 6, 9] {
        client.expect(&format!("OPTS MODE Z LEVEL {level}"), 200);
        client.store("file", &compressed(&content, level));
        assert_bytes(&fs::read(setup.files().join("file")).unwrap(), &content);
        let found = client.retrieve("file");
        assert_bytes(&inflated(&found), &content);
        sizes.push(found.len());
    }
    assert!(sizes.iter().all(|size| *size < 750_000), "{sizes:?}");
    let listing = String::from_utf8(inflated(&client.fetch("NLST"))).unwrap();
    assert_eq!(listing, "file\r\n");
    client.store("empty", &compressed(b"", 6));
    assert_eq!(fs::read(setup.files().join("empty")).unwrap(), b"");
    assert_eq!(inflated(&client.retrieve("empty")), b"");
}

/// The offset is that of the file, not of what is on the wire.
#[test]
fn a_restart_counts_the_bytes_of_the_file() {
    let setup = Setup::local();
    let content = noise(200_000, 1);
    fs::write(setup.files().join("file"), &content).unwrap();
    let server = setup.start();
    let mut client = login_in_mode_z(&server);
    client.expect("REST 150000", 350);
    assert_bytes(&inflated(&client.retrieve("file")), &content[150_000..]);
    client.expect("REST 150000", 350);
    client.store("file", &compressed(b"end", 6));
    assert_bytes(&fs::read(setup.files().join("file")).unwrap(), &[&content[..150_000], b"end"].concat());
    assert_eq!(client.try_store("APPE file", &compressed(b"!", 6)).code, 226);
    assert_eq!(fs::metadata(setup.files().join("file")).unwrap().len(), 150_004);
}

#[test]
fn text_is_compressed_too() {
    let setup = Setup::local();
    let server = setup.start();
    let mut client = login_in_mode_z(&server);
    client.expect("TYPE A", 200);
    client.store("text", &compressed(b"one\r\ntwo\r\n", 6));
    assert_eq!(fs::read(setup.files().join("text")).unwrap(), b"one\ntwo\n");
    assert_eq!(inflated(&client.retrieve("text")), b"one\r\ntwo\r\n");
}

/// What is cut short or damaged is no file.
#[test]
fn what_is_not_compressed_as_a_whole_is_not_stored() {
    let setup = Setup::local();
    fs::write(setup.files().join("file"), b"old").unwrap();
    let server = setup.start();
    let mut client = login_in_mode_z(&server);
    let whole = compressed(&noise(100_000, 2), 6);
    let mut damaged = whole.clone();
    damaged[50_000] ^= 0x55;
    let followed = [&whole[..], b"more"].concat();
    for bytes in [&b"no zlib at all"[..], &whole[..whole.len() - 1], &whole[..1], &damaged, &followed] {
        let reply = client.try_store("STOR file", bytes);
        assert_eq!(reply.code, 426, "{reply:?}");
        client.expect("NOOP", 200);
    }
    assert_eq!(fs::read(setup.files().join("file")).unwrap(), b"old");
    assert_eq!(left_over(&setup.files()), ["file"]);
}

fn left_over(folder: &Path) -> Vec<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// A few kilobytes may stand for gigabytes: they are stored piece by piece.
#[test]
fn a_bomb_does_not_take_memory() {
    let setup = Setup::local();
    let server = setup.start();
    let mut client = login_in_mode_z(&server);
    let before = server.peak_memory();
    client.store("zeros", &compressed(&vec![0; 256 << 20], 9));
    let grown = server.peak_memory() - before;
    assert!(grown < 64 << 20, "{} MiB", grown >> 20);
    assert_eq!(fs::metadata(setup.files().join("zeros")).unwrap().len(), 256 << 20);
}

/// What a client chooses takes time of the machine's.
#[test]
fn the_operator_says_how_much_work_it_may_be() {
    let setup = Setup::local().server("limits: { deflate_level: 3 }");
    let server = setup.start();
    let mut client = login_in_mode_z(&server);
    let numbers = noise(20_000, 1);
    let content = numbers.chunks(2).map(|pair| format!("{} of {}\n", u32::from(pair[0]) * 37, pair[1] % 16));
    let content = content.collect::<String>().into_bytes();
    fs::write(setup.files().join("file"), &content).unwrap();
    for (asked, level) in [("", 3), ("OPTS MODE Z LEVEL 9", 3), ("OPTS MODE Z LEVEL 1", 1)] {
        if !asked.is_empty() {
            assert_eq!(client.expect(asked, 200).text(), format!("200 MODE Z LEVEL {level}"));
        }
        let (received, expected) = (client.retrieve("file").len(), compressed(&content, level).len());
        // Blocks are given to zlib in other pieces than here.
        assert!(received.abs_diff(expected) < 100, "{asked}: {received}, {expected}");
        assert!(received.abs_diff(compressed(&content, 9).len()) > 1000, "{received}");
    }
}
