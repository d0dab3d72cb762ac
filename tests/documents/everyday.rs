//! The everyday tasks, each by its words.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;

use super::sessions::run_session;
use super::{Block, parse, root};
use crate::support::{Program, Setup, Started, wait_until, wharf};

const DOCUMENT: &str = "docs/everyday-tasks.md";

/// What the page has somebody do first.
fn prepare(blocks: &[Block], folder: &Path) {
    let block = blocks.iter().find(|block| block.is("console", "before")).unwrap();
    for line in block.text.lines() {
        Program::new("sh", folder).args(["-ec", line.strip_prefix("$ ").unwrap()]).run();
    }
}

/// The web service of the page, at a free port.
struct Listener {
    folder: TempDir,
    port: String,
    _running: Started,
}

impl Listener {
    fn start(blocks: &[Block]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        prepare(blocks, folder.path());
        fs::copy(root().join("examples/receive_events.py"), folder.path().join("receive_events.py")).unwrap();
        let block = blocks.iter().find(|block| block.is("console", "receiver")).unwrap();
        let command = block.text.strip_prefix("$ ").unwrap().replace("8080", "0");
        let running = Program::new("sh", folder.path()).args(["-c", &format!("exec {command}")]).start();
        let heard = || fs::read_to_string(folder.path().join("heard")).unwrap_or_default();
        wait_until("it listens", || heard().ends_with('\n'));
        let port = heard().trim().rsplit(' ').next().unwrap().to_owned();
        Self { folder, port, _running: running }
    }
}

/// How many sessions the server has.
fn sessions(folder: &Path) -> usize {
    let shown = wharf(["ps", "--config", "wharf.yaml"]).current_dir(folder).output().unwrap();
    String::from_utf8(shown.stdout).unwrap().lines().count().saturating_sub(1)
}

#[test]
fn each_task_is_done_by_its_words() {
    let (blocks, _) = parse(DOCUMENT);
    let receiver = Listener::start(&blocks);
    let configuration = blocks.iter().find(|block| block.language == "yaml").unwrap();
    let configuration = configuration.text.replace("8080", &receiver.port).replace("/etc/wharf", "{folder}");
    let setup = Setup::new(format!("\n{configuration}")).server("control: control.sock");
    let folder = setup.folder();
    prepare(&blocks, folder);
    fs::create_dir(folder.join("bin")).unwrap();
    // What the machine has elsewhere.
    let here = |text: &str| text.replace("/var/lib/wharf", folder.to_str().unwrap());
    for block in &blocks {
        if let Some(name) = block.file_name() {
            fs::write(folder.join(name), here(&block.text)).unwrap();
        }
    }
    // One key for both.
    fs::copy(receiver.folder.path().join("hook-key"), folder.join("hook-key")).unwrap();
    std::os::unix::fs::symlink(receiver.folder.path().join("heard"), folder.join("heard")).unwrap();
    // A line of the audit may be on its way yet.
    let grep = folder.join("bin/grep");
    fs::write(
        &grep,
        "#!/bin/sh\nfor i in $(seq 1000); do /usr/bin/grep \"$@\" && exit; sleep 0.05; done\nexit 1\n",
    )
    .unwrap();
    fs::set_permissions(&grep, fs::Permissions::from_mode(0o755)).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_wharf"), folder.join("bin/wharf")).unwrap();
    let server = setup.start();
    let tasks: Vec<_> = blocks.iter().filter(|block| block.is("console", "task")).collect();
    assert!(tasks.len() > 8, "{}", tasks.len());
    let mut guest = None;
    for task in tasks {
        if task.text.contains("wharf ps") && guest.is_none() {
            guest = Some(server.login_as("anna", "battery staple"));
            wait_until("who was here before is gone", || sessions(folder) == 1);
        }
        run_session(&format!("{DOCUMENT}:{}", task.line), &here(&task.text), folder, &server);
    }
    guest.unwrap().expect_reply(421);
}
