//! Real clients, which go on by themselves.

use std::fs;
use std::time::{Duration, SystemTime};

use super::{DISK, break_off, users};
use crate::support::{Program, Running, S3, Setup, Way, assert_bytes, client_script, curl, lftp, noise};

/// Some parts of an object, and a piece.
const SIZE: usize = 19 << 20;

fn broken_off(setup: &Setup, server: &Running<'_>, name: &str, seed: u64) -> Vec<u8> {
    let content = noise(SIZE, seed);
    fs::create_dir_all(setup.folder().join("mine")).unwrap();
    let file = setup.folder().join("mine").join(name);
    fs::write(&file, &content).unwrap();
    // lftp's `mirror -c` goes on only with what is newer than the source.
    let an_hour_ago = SystemTime::now() - Duration::from_secs(3600);
    fs::File::options().write(true).open(file).unwrap().set_modified(an_hour_ago).unwrap();
    break_off(server, server.login(), &format!("STOR {name}"), &content[..SIZE - 3_000_000]);
    content
}

fn go_on(backend: &str) {
    let setup = users(backend);
    let server = setup.start();
    let mine = setup.folder().join("mine");
    let whole = |name: &str, content: &[u8]| {
        let mut client = server.login();
        assert_bytes(&client.retrieve(name), content);
    };

    let content = broken_off(&setup, &server, "curl", 1);
    let url = format!("ftp://{}/curl", server.address);
    curl(&server, Way::PLAIN, &mine).args(["--continue-at", "-", "--upload-file", "curl"]).arg(url).run();
    whole("curl", &content);

    let content = broken_off(&setup, &server, "lftp", 2);
    lftp(&server, "demo", Way::PLAIN, &mine, "put -c lftp").run();
    whole("lftp", &content);

    for way in ["rest", "appe"] {
        let content = broken_off(&setup, &server, way, 3);
        let port = server.address.port().to_string();
        let script = Program::new("python3", &mine).arg(client_script("ftplib_goes_on.py"));
        let there: usize = script.args(["localhost", &port, way, way]).run().trim().parse().unwrap();
        assert!(there > 1_000_000, "{way} has sent all of it again: {there}");
        whole(way, &content);
    }

    let content = broken_off(&setup, &server, "mirror", 4);
    lftp(&server, "demo", Way::PLAIN, &mine, "mirror -R -c --include mirror . /").run();
    whole("mirror", &content);

    // All that was gone on with has sent less than a whole file.
    for line in server.log.lines().iter().filter(|line| {
        line.says("transfer complete")
            && line.field("operation").is_some_and(|of| of != "download" && of != "list")
    }) {
        let bytes: usize = line.field("bytes").unwrap().parse().unwrap();
        assert!(bytes < SIZE, "{} was sent whole", line.field("path").unwrap());
    }
}

#[test]
fn go_on_on_a_disk() {
    go_on(DISK);
}

#[test]
fn go_on_in_a_bucket() {
    go_on(&S3::SeaweedFs.backend());
}
