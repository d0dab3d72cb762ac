//! Directories of one place under two names.

use super::*;

const CONTENT: &[u8] = b"there is one of it";

#[test]
fn survive_under_another_name() {
    let setup = two(LOCAL, BOX);
    fs::create_dir_all(setup.files().join("box/tree/below")).unwrap();
    fs::write(setup.files().join("box/tree/below/x"), CONTENT).unwrap();
    let server = setup.start();
    let mut client = server.login();
    for to in ["/m/tree", "/m/other"] {
        // What it is called afterwards is another matter.
        let reply = rename(&mut client, "/box/tree", to);
        let from = if (200..300).contains(&reply.code) { to } else { "/box/tree" };
        assert_eq!(client.retrieve(&format!("{from}/below/x")), CONTENT, "to {to}: {reply:?}");
        if from == "/m/other" {
            assert_eq!(rename(&mut client, "/m/other", "/m/tree").code, 250);
        }
    }
}

/// The copy would be found and copied, again and again.
fn stay_out_of_themselves(setup: &Setup, implicit: bool, mut check: impl FnMut()) {
    let server = setup.start();
    let mut client = server.login();
    for directory in ["box", "box/tree", "box/tree/below", "box/tree/below/other"] {
        client.command(&format!("MKD {directory}"));
    }
    client.store("box/tree/below/x", CONTENT);
    for to in ["m/tree/below/tree", "m/tree/new", "m/tree/below/other/below", "m/tree/absent/new"] {
        let reply = rename(&mut client, "box/tree", to);
        // Nothing can be made in a directory that is not there, unless names alone make directories.
        let expected = if to.contains("absent") && !implicit { 550 } else { 553 };
        assert_eq!(reply.code, expected, "to {to}: {reply:?}");
        if expected == 553 && Engine::current() == Engine::Native {
            assert!(reply.lines[0].contains("a directory can't move into itself"), "to {to}: {reply:?}");
        }
        check();
        assert_eq!(client.names("box"), ["tree"], "to {to}");
        // A directory that came with a name stays when the name goes.
        client.command("RMD box/tree/absent");
        assert_eq!(client.names("box/tree"), ["below"], "to {to}");
        assert_eq!(client.names("box/tree/below"), ["other", "x"], "to {to}");
        assert_eq!(client.names("box/tree/below/other"), [""; 0], "to {to}");
        assert_eq!(client.retrieve("box/tree/below/x"), CONTENT);
    }
    // Out of it and back.
    assert_eq!(rename(&mut client, "box/tree/below", "m/new").code, 250);
    assert_eq!(client.retrieve("box/new/x"), CONTENT);
    assert_eq!(client.names("box"), ["new", "tree"]);
}

#[test]
fn of_a_disk_stay_out_of_themselves() {
    let setup = two(LOCAL, BOX);
    fs::create_dir(setup.files().join("box")).unwrap();
    stay_out_of_themselves(&setup, false, || {});
}

#[test]
fn of_a_bucket_stay_out_of_themselves() {
    let store = block_on(Proxy::before(&S3::SeaweedFs.url()));
    let prefix = fresh_prefix();
    let [outer, inner] =
        [prefix.clone(), format!("{prefix}/box")].map(|prefix| s3_backend(&store.url(), &prefix));
    stay_out_of_themselves(&two(&outer, &inner), true, || {
        let copied = store.take().iter().filter(|request| stores(request)).count();
        assert!(copied <= 1, "the file was stored once, at first, and never copied");
    });
}

fn stores(request: &Record) -> bool {
    matches!(request.kind, Kind::Put | Kind::Copy) && request.path.ends_with("/x")
}
