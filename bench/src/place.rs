//! The folder of a run: the files that are served, the certificate, what each server needs.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::{OpenOptionsExt, chown};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU16, Ordering};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustix::fs::{statfs, statvfs, syncfs};
use rustls::pki_types::CertificateDer;
use serde::Deserialize;

use crate::problem::{Doing, Problem, Result};
use crate::sizes::Sizes;

/// The account of the machine that servers work as which give up root. It has to have a home directory: vsftpd looks
/// into it before it goes where it is told to. `nobody` has none.
pub const OWNER: &str = "daemon";

/// The one directory that all servers serve:
///
/// `probe` 64 KiB, `big`, `small/` and `many/` for downloads and listings, `up/` for uploads, which the servers' own
/// account may write to. The rest belongs to root: vsftpd serves nobody who could write to the root of the tree.
pub struct Place {
    folder: PathBuf,
    pub certificate: CertificateDer<'static>,
    pub owner: Owner,
}

#[derive(Debug, Clone, Copy)]
pub struct Owner {
    pub user: u32,
    pub group: u32,
}

/// What files lie on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ground {
    Disk,
    /// A file system in memory.
    Ram,
}

/// What Linux calls tmpfs and ramfs.
const IN_MEMORY: [u64; 2] = [0x0102_1994, 0x8584_58f6];

pub const PROBE: usize = 64 << 10;

impl Place {
    /// Makes it in `folder`, in a folder that is removed when this value is dropped; without files for now.
    pub fn make(folder: &Path) -> Result<Self> {
        remove_leftovers(folder);
        let folder = folder.join(format!("run-{}", process::id()));
        fs::create_dir_all(&folder).doing(|| format!("creating {}", folder.display()))?;
        let folder = folder.canonicalize().doing(|| format!("finding {}", folder.display()))?;
        let mut place = Self { folder, certificate: CertificateDer::from(Vec::new()), owner: owner()? };
        place.certificate = place.write_certificate()?;
        let data = place.data();
        fs::create_dir(&data).doing(|| format!("creating {}", data.display()))?;
        Ok(place)
    }

    /// Writes the files that are served.
    pub fn fill(&self, sizes: &Sizes) -> Result<()> {
        self.write_files(sizes).doing(|| format!("writing files to {}", self.data().display()))
    }

    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The bytes that the disk has room for.
    pub fn free_space(&self) -> Result<u64> {
        let disk =
            statvfs(&self.folder).doing(|| format!("looking at the disk of {}", self.folder.display()))?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }

    pub fn ground(&self) -> Result<Ground> {
        let disk =
            statfs(&self.folder).doing(|| format!("looking at the disk of {}", self.folder.display()))?;
        Ok(if IN_MEMORY.contains(&(disk.f_type as u64)) { Ground::Ram } else { Ground::Disk })
    }

    pub fn certificate_file(&self) -> PathBuf {
        self.folder.join("server.crt")
    }

    pub fn key_file(&self) -> PathBuf {
        self.folder.join("server.key")
    }

    /// Certificate and key in one file.
    pub fn both_file(&self) -> PathBuf {
        self.folder.join("server.pem")
    }

    /// An empty folder for one server.
    pub fn folder_of(&self, server: &str) -> Result<PathBuf> {
        let folder = self.folder.join(server);
        fs::remove_dir_all(&folder).ok();
        fs::create_dir(&folder).doing(|| format!("creating {}", folder.display()))?;
        Ok(folder)
    }

    /// Removes what was uploaded, and waits until the disk has nothing left to write.
    pub fn clear(&self) -> Result<()> {
        let up = self.data().join("up");
        let cleared = (|| {
            for entry in fs::read_dir(&up)? {
                let path = entry?.path();
                if path.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
            }
            syncfs(File::open(&up)?)?;
            std::io::Result::Ok(())
        })();
        cleared.doing(|| format!("clearing {}", up.display()))
    }

    fn write_certificate(&self) -> Result<CertificateDer<'static>> {
        let doing = || "making a certificate".to_owned();
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).doing(doing)?;
        let (certificate, key) = (cert.pem(), signing_key.serialize_pem());
        fs::write(self.certificate_file(), &certificate).doing(doing)?;
        secret(&self.key_file(), &key).doing(doing)?;
        secret(&self.both_file(), &format!("{key}{certificate}")).doing(doing)?;
        Ok(cert.der().clone())
    }

    fn write_files(&self, sizes: &Sizes) -> std::io::Result<()> {
        let data = self.data();
        for folder in [&data.join("small"), &data.join("many"), &data.join("up")] {
            fs::create_dir(folder)?;
        }
        if rustix::process::geteuid().is_root() {
            chown(data.join("up"), Some(self.owner.user), Some(self.owner.group))?;
        }
        fs::write(data.join("probe"), block(PROBE))?;
        let block = block(1 << 20);
        let mut big = File::create(data.join("big"))?;
        let mut left = sizes.big;
        while left > 0 {
            let part = usize::try_from(left).unwrap_or(usize::MAX).min(block.len());
            big.write_all(&block[..part])?;
            left -= part as u64;
        }
        for number in 0..sizes.small_files {
            fs::write(data.join("small").join(small_name(number)), &block[..sizes.small])?;
        }
        for number in 0..sizes.entries {
            File::create(data.join("many").join(format!("measurement-{number:06}.csv")))?;
        }
        syncfs(big)?;
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.folder).ok();
    }
}

pub fn small_name(number: usize) -> String {
    format!("file-{number:06}")
}

/// The number in a name that [`small_name`] made.
pub fn small_number(name: &str) -> Option<usize> {
    name.strip_prefix("file-")?.parse().ok()
}

/// The content that is sent and stored; the same in each run.
pub fn block(size: usize) -> Vec<u8> {
    wharf_testing::noise(size, 1)
}

/// A port that is free now, below those that the system gives to outgoing connections.
pub fn free_port() -> Result<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(process::id() % 7000).unwrap_or(0);
    for _ in 0..8000 {
        let port = 11000 + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 8000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    Err(Problem::new("no port from 11000 to 18999 is free"))
}

/// A file that only root may read, as the servers demand.
pub fn secret(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600).open(path)?.write_all(text.as_bytes())
}

fn owner() -> Result<Owner> {
    let text = fs::read_to_string("/etc/passwd").doing(|| "reading /etc/passwd".to_owned())?;
    let account = text.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        match fields[..] {
            [OWNER, _, user, group, ..] => {
                Some(Owner { user: user.parse().ok()?, group: group.parse().ok()? })
            }
            _ => None,
        }
    });
    account.ok_or_else(|| Problem::new(format!("there is no account {OWNER} on this machine")))
}

/// Folders of runs that were killed.
fn remove_leftovers(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.strip_prefix("run-")) else { continue };
        if !Path::new("/proc").join(pid).exists() {
            fs::remove_dir_all(entry.path()).ok();
        }
    }
}
