//! The type of content that a store tells of what was stored by FTP.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::{S3, Setup, fresh_prefix, s3_backend};

/// The type that the store tells whoever asks.
fn type_of(key: &str) -> String {
    let mut connection = TcpStream::connect(S3::Moto.address()).unwrap();
    let bucket = std::env::var("WHARF_TEST_S3_BUCKET").unwrap();
    let request = format!("HEAD /{bucket}/{key} HTTP/1.1\r\nHost: store\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{key}: {answer}");
    let header = |line: &str| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-type").then(|| value.to_owned())
    };
    answer.lines().find_map(header).unwrap_or_else(|| panic!("{key} has no type: {answer}"))
}

#[test]
fn follows_the_name_and_stays() {
    let prefix = fresh_prefix();
    let backend = s3_backend(&S3::Moto.url(), &prefix);
    // Everybody may read, so that the store answers without a signature.
    let backend = backend.replace(" }", ", acl: public-read, part_size: 5MiB }");
    let setup = Setup::new(format!(
        "
backends:
  bucket: {backend}
users:
  - {{ name: demo, password: demo, plain: true, backend: bucket, permissions: full }}
"
    ));
    let server = setup.start();
    let mut client = server.login();
    client.expect("TYPE I", 200);
    let large = vec![b'a'; 6 << 20];
    for (name, bytes, expected) in
        [("small.pdf", &b"small"[..], "application/pdf"), ("large.csv", &large, "text/csv")]
    {
        let is_told = |name: &str| assert_eq!(type_of(&format!("{prefix}/{name}")), expected, "{name}");
        client.store(name, bytes);
        is_told(name);
        assert_eq!(client.try_store(&format!("APPE {name}"), b"more").code, 226);
        is_told(name);
        client.expect(&format!("MDTM 20200102030405 {name}"), 213);
        is_told(name);
        client.expect(&format!("RNFR {name}"), 350);
        client.expect(&format!("RNTO moved-{name}"), 250);
        is_told(&format!("moved-{name}"));
        // Under a temporary name first.
        client.store(&format!("{name}.filepart"), bytes);
        client.expect(&format!("RNFR {name}.filepart"), 350);
        client.expect(&format!("RNTO {name}"), 250);
        is_told(name);
    }
    client.store("small.pdf.bak", b"anything");
    assert_eq!(type_of(&format!("{prefix}/small.pdf.bak")), "application/octet-stream");
}
