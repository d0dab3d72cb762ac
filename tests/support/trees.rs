//! Trees of files that go to a server and come back.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use super::noise;

/// What people and programs call their files, as far as every storage can hold it.
const ODD_NAMES: &[&str] = &[
    "with blank",
    "two  blanks",
    " leading blank",
    "#hash",
    "100%",
    "%41",
    "a+b",
    "question?",
    "semi;colon",
    "comma,",
    "a=b&c",
    "star*",
    "[brackets]",
    "{braces}",
    "quote'",
    "double\"quote",
    "~tilde",
    "-dash",
    "--",
    ".hidden",
    "..twodots",
    "dot.",
    "grüße",
    "e\u{301}",
    "\u{e9}",
    "日本語",
    "🚢",
    "type=file;x y",
    "drwxr-xr-x 1 a b 0 Jan 1 00:00 z",
];

/// 2,000 small files in 40 directories, and the odd names as files and as directories.
pub fn write_tree(root: &Path) {
    for directory in 0..40 {
        let parent = root.join(format!("d{}/e{directory:02}", directory % 5));
        fs::create_dir_all(&parent).unwrap();
        for file in 0..50_u64 {
            let seed = directory * 50 + file;
            // From empty to 4 KiB, every size once or twice.
            fs::write(parent.join(format!("f{file:02}.dat")), noise((seed * 2 % 4096) as usize, seed))
                .unwrap();
        }
    }
    let odd = root.join("odd");
    for name in ODD_NAMES {
        let folder = odd.join("folders").join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("inside"), name).unwrap();
        fs::write(odd.join(name), name.repeat(3)).unwrap();
    }
    fs::write(odd.join("long".repeat(50)), "a name of 200 bytes").unwrap();
}

/// A file of which no two blocks are the same, made and compared without holding it.
pub fn write_big_file(path: &Path, mebibytes: u64) {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path).unwrap());
    let mut block = noise(1 << 20, 1);
    for number in 0..mebibytes {
        block[..8].copy_from_slice(&number.to_be_bytes());
        file.write_all(&block).unwrap();
    }
    // An odd length, so that nothing is a multiple of anybody's buffer.
    file.write_all(b"the end").unwrap();
    file.flush().unwrap();
}

/// Demands the same bytes, without holding them.
#[track_caller]
pub fn assert_same_file(left: &Path, right: &Path) {
    let length = |path: &Path| fs::metadata(path).unwrap_or_else(|e| panic!("{}: {e}", path.display())).len();
    assert_eq!(length(left), length(right), "lengths of {} and {}", left.display(), right.display());
    let open = |path| BufReader::with_capacity(1 << 20, File::open(path).unwrap());
    let (mut left_bytes, mut right_bytes) = (open(left), open(right));
    let (mut a, mut b) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    let mut at = 0;
    loop {
        let want = usize::try_from((length(left) - at).min(1 << 20)).unwrap();
        if want == 0 {
            return;
        }
        left_bytes.read_exact(&mut a[..want]).unwrap();
        right_bytes.read_exact(&mut b[..want]).unwrap();
        assert!(a[..want] == b[..want], "{} and {} differ after byte {at}", left.display(), right.display());
        at += want as u64;
    }
}

/// Demands the same names and the same bytes in both trees.
#[track_caller]
pub fn assert_same_tree(left: &Path, right: &Path) {
    let (expected, found) = (tree(left), tree(right));
    let missing: Vec<_> = expected.keys().filter(|name| !found.contains_key(*name)).collect();
    let added: Vec<_> = found.keys().filter(|name| !expected.contains_key(*name)).collect();
    assert!(missing.is_empty() && added.is_empty(), "missing: {missing:?}\nadded: {added:?}");
    let changed: Vec<_> =
        expected.iter().filter(|(name, content)| found[*name] != **content).map(|(name, _)| name).collect();
    assert!(changed.is_empty(), "different content: {changed:?}");
}

/// Every path below a directory, with the content of the files and `None` for directories.
fn tree(root: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_owned();
            if path.is_dir() {
                found.insert(name, None);
                open.push(path);
            } else {
                found.insert(name, Some(fs::read(&path).unwrap()));
            }
        }
    }
    found
}
