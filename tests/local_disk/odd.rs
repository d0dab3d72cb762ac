//! Disks with oddities, made for a test in a mount namespace of the server alone, where the machine permits that.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Setup, unshare};

pub fn script(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/disks").join(name).display().to_string()
}

/// The directory `files` is a disk of `tests/disks/fuse_disk.py` with these options, and what is on it stands in `behind`.
pub fn fuse(setup: Setup, options: &[&str]) -> Option<Setup> {
    fs::create_dir(setup.folder().join("behind")).unwrap();
    let mut words: Vec<String> = unshare().map(str::to_owned).to_vec();
    words.extend(["python3".to_owned(), script("fuse_disk.py")]);
    words.extend(options.iter().map(|&option| option.to_owned()));
    words.extend(["{folder}/behind", "{folder}/files", "--"].map(str::to_owned));
    setup.permitted_in(&words)
}

/// On these files and directories disks are mounted whose server is gone.
pub fn dead_mounts(setup: Setup, paths: &[&str]) -> Option<Setup> {
    let mut words: Vec<String> = unshare().map(str::to_owned).to_vec();
    words.extend(["python3".to_owned(), script("dead_mount.py")]);
    words.extend(paths.iter().map(|path| format!("{{folder}}/files/{path}")));
    words.push("--".to_owned());
    setup.permitted_in(&words)
}

/// System calls of the server are refused: `tests/disks/refusing.py`.
pub fn refusing(setup: Setup, calls: &[&str]) -> Option<Setup> {
    let mut words = vec!["python3".to_owned(), script("refusing.py")];
    words.extend(calls.iter().map(|&call| call.to_owned()));
    words.push("--".to_owned());
    setup.permitted_in(&words)
}

/// The same, and the rights of files mean something even to root.
pub fn refusing_unprivileged(setup: Setup, calls: &[&str]) -> Option<Setup> {
    let mut words: Vec<String> = Vec::new();
    if rustix::process::geteuid().is_root() {
        let without = "--bounding-set=-dac_override,-dac_read_search";
        words.extend(["setpriv", without, "--inh-caps=-all"].map(str::to_owned));
    }
    words.extend(["python3".to_owned(), script("refusing.py")]);
    words.extend(calls.iter().map(|&call| call.to_owned()));
    words.push("--".to_owned());
    setup.permitted_in(&words)
}

/// Has the disk of [`hanging`] answer none of some operations until this is dropped.
pub struct Hang {
    control: PathBuf,
}

impl Hang {
    /// `operations` are those of `tests/disks/fuse_disk.py`, or `all`.
    pub fn of(setup: &Setup, operations: &str) -> Self {
        let control = setup.folder().join("hang");
        fs::write(&control, operations).unwrap();
        Self { control }
    }
}

impl Drop for Hang {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.control);
    }
}

/// As [`fuse`], with a disk that can be made to [`Hang`].
pub fn hanging(setup: Setup, options: &[&str]) -> Option<Setup> {
    let hang = format!("hang={}", setup.folder().join("hang").display());
    fuse(setup, &[&[hang.as_str()], options].concat())
}
