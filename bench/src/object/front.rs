//! The server between the client and the store: Wharf, rclone, or none.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use super::store::{ACCESS_KEY, REGION, SECRET_KEY, Store, first_line};
use crate::place::{Place, free_port, secret};
use crate::problem::{Doing, Result};
use crate::servers::{BENCH, Kind, PASSIVE, Server, Tools, rclone, sftpgo, tethered};

/// The columns of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Front {
    Wharf,
    Rclone,
    Sftpgo,
    /// curl, which speaks to the store itself.
    Curl,
}

impl Front {
    pub const ALL: [Self; 4] = [Self::Wharf, Self::Rclone, Self::Sftpgo, Self::Curl];

    /// As it is written on the command line.
    pub fn id(self) -> &'static str {
        match self {
            Self::Wharf => Kind::WharfNative.id(),
            Self::Rclone => Kind::Rclone.id(),
            Self::Sftpgo => Kind::Sftpgo.id(),
            Self::Curl => "curl",
        }
    }

    pub fn heading(self) -> &'static str {
        match self {
            Self::Wharf => "Wharf",
            Self::Rclone => "rclone",
            Self::Sftpgo => "SFTPGo",
            Self::Curl => "curl, no server between",
        }
    }

    /// How it runs.
    pub fn note(self) -> &'static str {
        match self {
            Self::Wharf => "engine `native`, backend `kind: s3`, all else at its default",
            Self::Rclone => "`rclone serve ftp`, without a cache of files, all else at its default",
            Self::Sftpgo => "users in its memory, no quotas, all else at its default",
            Self::Curl => "`curl --aws-sigv4`; a process for each client, which keeps its connection",
        }
    }

    /// The server, if this is one.
    pub fn server(self) -> Option<Kind> {
        match self {
            Self::Wharf => Some(Kind::WharfNative),
            Self::Rclone => Some(Kind::Rclone),
            Self::Sftpgo => Some(Kind::Sftpgo),
            Self::Curl => None,
        }
    }

    /// Its name and version.
    pub fn version(self, tools: &Tools, place: &Place) -> Result<String> {
        match self.server() {
            Some(kind) => kind.version(tools, place),
            None => first_line(Path::new("curl"), "--version"),
        }
    }

    /// Starts it in front of this bucket, and sees that it delivers what it should; none if it is no server.
    pub fn start(self, tools: &Tools, place: &Place, store: &Store, bucket: &str) -> Result<Option<Server>> {
        let Some(kind) = self.server() else { return Ok(None) };
        let (folder, port) = (place.folder_of(self.id())?, free_port()?);
        let mut command = tethered(&kind.program(tools));
        match self {
            Self::Rclone => serve_by_rclone(&folder, port, store, bucket, &mut command),
            Self::Sftpgo => {
                sftpgo::templates(&kind.program(tools), &mut command);
                let keys = (REGION, ACCESS_KEY, SECRET_KEY);
                sftpgo::serve_bucket(&folder, port, bucket, &store.endpoint(), keys, &mut command)
            }
            _ => serve_by_wharf(&folder, port, store, bucket, "", &mut command),
        }
        .doing(|| format!("setting up {}", self.heading()))?;
        Server::start(command, &folder, port, BENCH, None, 1).map(Some)
    }
}

/// Starts Wharf in front of this bucket with more settings: lines of the section `server`.
pub fn start_wharf(
    tools: &Tools,
    place: &Place,
    store: &Store,
    bucket: &str,
    settings: &str,
) -> Result<Server> {
    let kind = Kind::WharfNative;
    let (folder, port) = (place.folder_of(kind.id())?, free_port()?);
    let mut command = tethered(&kind.program(tools));
    serve_by_wharf(&folder, port, store, bucket, settings, &mut command)
        .doing(|| format!("setting up {}", kind.heading()))?;
    Server::start(command, &folder, port, BENCH, None, 1)
}

fn serve_by_wharf(
    folder: &Path,
    port: u16,
    store: &Store,
    bucket: &str,
    settings: &str,
    command: &mut Command,
) -> std::io::Result<()> {
    let text = format!(
        "server:
  listen: [\"127.0.0.1:{port}\"]
  passive: {{ ports: {}-{} }}
{settings}backends:
  store:
    kind: s3
    bucket: {bucket}
    endpoint: {}
    access_key_id: {ACCESS_KEY}
    secret_access_key: {SECRET_KEY}
users:
  - {{ name: {}, password: {}, plain: true, backend: store, permissions: full }}
",
        PASSIVE.0,
        PASSIVE.1,
        store.endpoint(),
        BENCH.user,
        BENCH.password,
    );
    let file = folder.join("wharf.yaml");
    secret(&file, &text)?;
    command.args(["serve", "--config"]).arg(file);
    Ok(())
}

fn serve_by_rclone(
    folder: &Path,
    port: u16,
    store: &Store,
    bucket: &str,
    command: &mut Command,
) -> std::io::Result<()> {
    let text = format!(
        "[store]
type = s3
provider = SeaweedFS
endpoint = {}
region = {REGION}
access_key_id = {ACCESS_KEY}
secret_access_key = {SECRET_KEY}
",
        store.endpoint()
    );
    secret(&folder.join("rclone.conf"), &text)?;
    rclone::serve(OsStr::new(&format!("store:{bucket}")), folder, port, command);
    Ok(())
}
