//! The everyday tasks, each by its words.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::parse;
use super::sessions::run_session;
use crate::support::Setup;

const DOCUMENT: &str = "docs/everyday-tasks.md";

#[test]
fn each_task_is_done_by_its_words() {
    let (blocks, _) = parse(DOCUMENT);
    let configuration = blocks.iter().find(|block| block.language == "yaml").unwrap();
    let setup = Setup::new(format!("\n{}", configuration.text)).server("control: control.sock");
    let folder = setup.folder();
    for name in ["users.d", "bin"] {
        fs::create_dir(folder.join(name)).unwrap();
    }
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
    for task in tasks {
        run_session(&format!("{DOCUMENT}:{}", task.line), &task.text, folder, &server);
    }
}
