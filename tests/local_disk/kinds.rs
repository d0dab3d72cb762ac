//! What each kind of disk can do: the contract and the table of the guide. Disks that a machine has no means to make are left
//! out, and the test says so.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{XattrFlags, getxattr, setxattr};
use wharf_backends::contract::{CASES, Fixture};
use wharf_backends::local::{LocalOptions, LocalStorage};

use super::{odd, refusals};
use crate::support::{Client, Running, Setup, more_than_is_buffered, unshare};

const GUIDE: &str = "docs/backends.md";
const BEGIN: &str = "<!-- The table of disks, made by WHARF_TEST_WRITE_TABLE=1 -->\n";
const END: &str = "<!-- The end of the table of disks -->\n";

struct Kind {
    name: &'static str,
    /// Makes the disk at `files`, with `$fuse` for the script that is one; the last word is a command to run.
    mount: &'static str,
}

const LOOP: &str = "mount -o loop disk.img files && exec";

const KINDS: &[Kind] = &[
    Kind { name: "ext4", mount: "truncate -s 1G disk.img && mkfs.ext4 -q disk.img && $loop" },
    Kind { name: "XFS", mount: "truncate -s 1G disk.img && mkfs.xfs -q -f disk.img && $loop" },
    Kind { name: "tmpfs", mount: "mount -t tmpfs none files && exec" },
    Kind {
        name: "overlayfs",
        mount: "mkdir -p behind/lower behind/upper behind/work && mount -t overlay none \
                -o lowerdir=behind/lower,upperdir=behind/upper,workdir=behind/work files && exec",
    },
    Kind { name: "FUSE", mount: "exec python3 $fuse behind files --" },
    Kind {
        name: "FUSE that refuses modes, links, fsync",
        mount: "exec python3 $fuse refuse=chmod:EPERM refuse=chown:EPERM refuse=link:EPERM refuse=rename2:ENOSYS \
                refuse=fsync:EINVAL behind files --",
    },
    Kind { name: "without case", mount: "exec python3 $fuse fold=inode behind files --" },
    Kind {
        name: "exFAT (exfat-fuse)",
        mount: "truncate -s 1G disk.img && mkfs.exfat disk.img >/dev/null && \
                device=$(losetup --find --show disk.img) && { setpriv --pdeathsig TERM mount.exfat-fuse -d $device \
                files >exfat.log 2>&1 & while kill -0 $! && ! mountpoint -q files; do :; done; } && \
                losetup --detach $device && { mountpoint -q files || { cat exfat.log >&2; false; }; } && exec",
    },
];

/// What is looked for, and the words of its row.
type Look = fn(&mut Tried<'_>) -> bool;
const ROWS: &[(&str, Look)] = &[
    ("names that differ in nothing but their case are two files", two_cases),
    ("what a killed upload has stored is gone at once", leaves_nothing),
    ("a new file never replaces what another program stores at that moment", refuses_taken_names),
    ("it confirms what it stores (`fsync`)", confirms),
    ("times before 1970 are kept", old_times),
    ("a replaced file keeps its permission bits", keeps_modes),
    ("… its group", keeps_groups),
    ("… its access control list", keeps_lists),
    ("… its `user.*` attributes", keeps_attributes),
];

struct Tried<'a> {
    server: &'a Running<'a>,
    client: Client,
    /// The disk, as the server sees it.
    files: PathBuf,
}

impl Tried<'_> {
    fn is_told(&self, text: &str) -> bool {
        self.server.log.count(text) > 0
    }

    /// A file that is replaced after something was done to it.
    fn replaced(&mut self, prepare: impl FnOnce(&Path) -> bool) -> Option<PathBuf> {
        self.client.store("kept", b"12345");
        let file = self.files.join("kept");
        if !prepare(&file) {
            return None;
        }
        self.client.store("kept", b"1234567890");
        Some(file)
    }
}

fn two_cases(tried: &mut Tried<'_>) -> bool {
    tried.client.store("Case", b"1");
    tried.client.store("case", b"2");
    let (one, other) = (tried.client.retrieve("Case"), tried.client.retrieve("case"));
    tried.client.expect("DELE case", 250);
    one != other && tried.client.expect_any("DELE Case", &[250, 550]).code == 250
}

fn leaves_nothing(tried: &mut Tried<'_>) -> bool {
    use std::io::Write;
    let mut data = tried.client.start_transfer("STOR large");
    data.write_all(&more_than_is_buffered()).unwrap();
    let hidden = fs::read_dir(tried.files.join(".wharf-uploads")).map_or(0, Iterator::count);
    data.finish().unwrap();
    drop(data);
    tried.client.expect_reply(226);
    tried.client.expect("DELE large", 250);
    hidden == 0
}

fn refuses_taken_names(tried: &mut Tried<'_>) -> bool {
    !tried.is_told("can't refuse a name")
}

fn confirms(tried: &mut Tried<'_>) -> bool {
    !tried.is_told("doesn't confirm")
}

fn old_times(tried: &mut Tried<'_>) -> bool {
    tried.client.store("old", b"1");
    let code = tried.client.expect_any("MFMT 19600101000000 old", &[213, 550]).code;
    tried.client.expect("DELE old", 250);
    code == 213
}

fn keeps_modes(tried: &mut Tried<'_>) -> bool {
    let set = |file: &Path| fs::set_permissions(file, PermissionsExt::from_mode(0o604)).is_ok();
    let file = tried.replaced(set);
    file.is_some_and(|file| fs::metadata(file).unwrap().mode() & 0o777 == 0o604)
}

fn keeps_groups(tried: &mut Tried<'_>) -> bool {
    let file = tried.replaced(|file| std::os::unix::fs::chown(file, None, Some(12_345)).is_ok());
    file.is_some_and(|file| fs::metadata(file).unwrap().gid() == 12_345)
}

fn keeps(tried: &mut Tried<'_>, name: &str, value: &[u8]) -> bool {
    let file = tried.replaced(|file| setxattr(file, name, value, XattrFlags::empty()).is_ok());
    let mut found = vec![0; value.len()];
    file.is_some_and(|file| getxattr(file, name, &mut found).is_ok() && found == value)
}

fn keeps_lists(tried: &mut Tried<'_>) -> bool {
    keeps(tried, "system.posix_acl_access", &super::kept::list(4))
}

fn keeps_attributes(tried: &mut Tried<'_>) -> bool {
    keeps(tried, "user.origin", b"scanner 7")
}

/// The command that runs another one with a disk of this kind at `files`.
fn words(kind: &Kind, folder: &Path) -> Vec<String> {
    let fuse = odd::script("fuse_disk.py");
    let mount = kind.mount.replace("$loop", LOOP).replace("$fuse", &fuse);
    let script = format!("cd '{}' && mkdir -p files behind && {mount} \"$@\"", folder.display());
    let mut words = unshare().map(str::to_owned).to_vec();
    words.extend(["sh".to_owned(), "-c".to_owned(), script, "sh".to_owned()]);
    words
}

/// The cells of a kind, row by row; `None` if the machine can't make such a disk.
fn cells(kind: &Kind) -> Option<Vec<String>> {
    let setup = Setup::new(refusals::USERS).permitted_in(&words(kind, Path::new("{folder}")))?;
    let server = setup.start();
    refusals::assert_stores(&server);
    let files = PathBuf::from(format!("/proc/{}/root{}", server.pid(), setup.files().display()));
    // The contract may take longer than a session may be silent.
    let mut cells = vec![contract(kind)];
    let mut tried = Tried { server: &server, client: server.login(), files };
    cells.extend(ROWS.iter().map(|(_, look)| if look(&mut tried) { "yes" } else { "**no**" }.to_owned()));
    Some(cells)
}

const ROOT: &str = "WHARF_TEST_CONTRACT_ROOT";

/// Runs the contract in a process of its own, which sees the disk.
fn contract(kind: &Kind) -> String {
    let folder = tempfile::tempdir().unwrap();
    let words = words(kind, folder.path());
    let output = Command::new(&words[0])
        .args(&words[1..])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "local_disk::kinds::the_contract_of_a_process_with_such_a_disk", "--nocapture"])
        .env(ROOT, folder.path().join("files"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let broken: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("broken: ")).collect();
    let all = text.lines().any(|line| line == "all cases were tried");
    assert!(all, "{}: {text}{}", kind.name, String::from_utf8_lossy(&output.stderr));
    let broken: Vec<String> = broken.iter().map(|name| format!("`{name}`")).collect();
    if broken.is_empty() { "yes".to_owned() } else { format!("**all but** {}", broken.join(", ")) }
}

/// Not one of its own: [`contract`] runs it.
#[test]
#[allow(clippy::print_stdout, reason = "it is how the other process tells what it found")]
fn the_contract_of_a_process_with_such_a_disk() {
    let Some(root) = std::env::var_os(ROOT) else { return };
    // The lines of this test begin where libtest has left off.
    println!();
    for case in CASES.iter().filter(|case| case.name != "a_large_file_takes_little_memory") {
        let folder = tempfile::tempdir_in(&root).unwrap();
        let options = LocalOptions { sync: false, ..LocalOptions::default() };
        let storage = LocalStorage::open(folder.path(), options).unwrap();
        let second = LocalStorage::open(folder.path(), options).unwrap();
        let fixture = Fixture { guard: Box::new(folder), ..Fixture::new(storage).with_second(second) };
        let tried = std::thread::spawn(move || {
            tokio::runtime::Runtime::new().unwrap().block_on((case.run)(fixture));
        });
        if tried.join().is_err() {
            println!("broken: {}", case.name);
        }
    }
    println!("all cases were tried");
}

fn table(columns: &[(&str, Vec<String>)]) -> String {
    let titles: String = columns.iter().map(|(name, _)| format!(" {name} |")).collect();
    let mut table = format!("| |{titles}\n|---|{}\n", "---|".repeat(columns.len()));
    let words = ["the contract"].into_iter().chain(ROWS.iter().map(|(words, _)| *words));
    for (row, words) in words.enumerate() {
        let cells: String = columns.iter().map(|(_, cells)| format!(" {} |", cells[row])).collect();
        table.push_str(&format!("| {words} |{cells}\n"));
    }
    table
}

/// The columns of a table.
fn read(table: &str) -> Vec<(&str, Vec<String>)> {
    let rows: Vec<Vec<&str>> =
        table.trim().lines().map(|line| line.split('|').map(str::trim).collect()).collect();
    let names = rows[0].iter().enumerate().skip(2).filter(|(_, name)| !name.is_empty());
    names.map(|(at, name)| (*name, rows[2..].iter().map(|row| row[at].to_owned()).collect())).collect()
}

mod native_only {
    use super::*;

    /// Whoever changes what a disk can do makes the table anew, with WHARF_TEST_WRITE_TABLE=1, on a machine that can make them all.
    #[test]
    fn the_guide_has_the_table_of_what_each_can_do() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(GUIDE);
        let guide = fs::read_to_string(&path).unwrap();
        let (before, rest) = guide.split_once(BEGIN).expect("the mark before the table");
        let (found, after) = rest.split_once(END).expect("the mark behind the table");
        let columns: Vec<(&str, Vec<String>)> = std::thread::scope(|scope| {
            let tried: Vec<_> = KINDS.iter().map(|kind| (kind.name, scope.spawn(|| cells(kind)))).collect();
            let columns = tried.into_iter().map(|(name, tried)| Some((name, tried.join().unwrap()?)));
            columns.flatten().collect()
        });
        if std::env::var_os("WHARF_TEST_WRITE_TABLE").is_some() {
            assert_eq!(columns.len(), KINDS.len(), "this machine can't make all of them");
            fs::write(&path, format!("{before}{BEGIN}\n{}\n{END}{after}", table(&columns))).unwrap();
            return;
        }
        let known = read(found);
        for (name, cells) in columns {
            let (_, told) = known.iter().find(|(known, _)| *known == name).expect("a column of this kind");
            assert_eq!(
                cells, *told,
                "{GUIDE} tells other things of {name}: make the table anew, and commit it"
            );
        }
    }
}
