use std::os::fd::AsRawFd;

use rustix::fs::{MemfdFlags, SealFlags};

use super::*;

const KEEP_FOUR: Rotation = Rotation { size: 1, keep: 4 };

fn lines(path: &Path) -> Lines {
    Lines::open(path, Some(KEEP_FOUR)).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Otherwise each attempt would push the oldest one out.
#[test]
fn a_file_that_can_not_be_renamed_costs_none_of_the_numbered_ones() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit");
    let mut lines = lines(&path);
    for number in [1, 2] {
        fs::write(folder.path().join(format!("audit.{number}")), number.to_string()).unwrap();
    }
    // Nothing has the name that would have to become another one.
    fs::remove_file(&path).unwrap();
    for _ in 0..5 {
        lines.rotate(KEEP_FOUR).unwrap_err();
        assert_eq!(names(folder.path()), ["audit.2", "audit.3"]);
    }
    assert_eq!(fs::read_to_string(folder.path().join("audit.3")).unwrap(), "2");
}

/// A file in memory that takes more bytes and gives none back, as a file that may only be appended to.
fn only_grows() -> Lines {
    let file = File::from(rustix::fs::memfd_create("audit", MemfdFlags::ALLOW_SEALING).unwrap());
    rustix::fs::fcntl_add_seals(&file, SealFlags::SHRINK).unwrap();
    let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
    Lines { path, file, rotation: None, is_stuck: false, begun: 0 }
}

#[test]
fn what_is_left_of_a_line_goes_behind_its_beginning() {
    let mut lines = only_grows();
    lines.file.write_all(b"one\nhalf").unwrap();
    lines.begun = lines.take_back(4);
    assert_eq!(lines.begun, 4);
    let written = lines.write(&[b"half a line\n".to_vec(), b"next\n".to_vec()]);
    assert_eq!((written.lines, lines.begun), (2, 0));
    assert_eq!(fs::read_to_string(&lines.path).unwrap(), "one\nhalf a line\nnext\n");
}

#[test]
fn a_file_that_others_have_emptied_is_not_made_longer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit");
    let mut lines = lines(&path);
    for (text, rest) in [("one\nhalf", "one\n"), ("half", ""), ("ha", "ha"), ("", "")] {
        fs::write(&path, text).unwrap();
        assert_eq!(lines.take_back(4), 0);
        assert_eq!(fs::read_to_string(&path).unwrap(), rest);
    }
    // Its beginning is gone with the rest.
    lines.begun = 4;
    fs::write(&path, "").unwrap();
    assert_eq!(lines.write(&[b"half a line\n".to_vec()]).lines, 1);
    assert_eq!(fs::read_to_string(&path).unwrap(), "half a line\n");
}
