//! SFTPGo, whose users come from a file and stay in its memory.

use std::io;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::{BENCH, Kind, PASSIVE, Site};
use crate::place::secret;

/// The password `bench`. MD5 is the cheapest hash that it knows.
const HASH: &str = "{MD5}1d28d258250876fb7dde22a17436ef9c";

pub(super) fn arguments(site: &Site<'_>, command: &mut Command) -> io::Result<()> {
    let certificate = site.variant.tls.then(|| (site.place.certificate_file(), site.place.key_file()));
    let (certificate, key) = certificate.unwrap_or_default();
    let tls = json!({ "certificate_file": certificate, "certificate_key_file": key });
    let disk = json!({ "provider": 0 });
    serve(&site.folder, &site.place.data(), disk, tls, site.port, command)?;
    templates(&Kind::Sftpgo.program(site.tools), command);
    Ok(())
}

/// Serves a bucket of this S3 store.
pub fn serve_bucket(
    folder: &Path,
    port: u16,
    bucket: &str,
    endpoint: &str,
    (region, access_key, secret_key): (&str, &str, &str),
    command: &mut Command,
) -> io::Result<()> {
    let store = json!({
        "provider": 1,
        "s3config": {
            "bucket": bucket,
            "region": region,
            "endpoint": endpoint,
            "force_path_style": true,
            "access_key": access_key,
            "access_secret": { "status": "Plain", "payload": secret_key },
        },
    });
    serve(folder, &folder.join("home"), store, json!({}), port, command)
}

/// It doesn't start without the texts of its mails, which come with it, in a folder beside the program.
pub fn templates(program: &Path, command: &mut Command) {
    command.env("SFTPGO_SMTP__TEMPLATES_PATH", program.with_file_name("templates"));
}

/// Nothing but FTP is served, and nothing of it is on that would connect to another machine.
fn serve(
    folder: &Path,
    home: &Path,
    filesystem: Value,
    tls: Value,
    port: u16,
    command: &mut Command,
) -> io::Result<()> {
    let users = json!({
        "version": 17,
        "users": [{
            "username": BENCH.user,
            "password": HASH,
            "status": 1,
            "home_dir": home,
            "permissions": { "/": ["*"] },
            "filesystem": filesystem,
        }],
    });
    secret(&folder.join("users.json"), &users.to_string())?;
    let mut binding = json!({ "address": "127.0.0.1", "port": port });
    if let (Some(binding), Some(tls)) = (binding.as_object_mut(), tls.as_object()) {
        binding.extend(tls.clone());
    }
    let off = json!({ "bindings": [{ "port": 0 }] });
    let configuration = json!({
        "common": { "max_total_connections": 0, "max_per_host_connections": 0 },
        "ftpd": {
            "bindings": [binding],
            "passive_port_range": { "start": PASSIVE.0, "end": PASSIVE.1 },
        },
        "sftpd": off,
        "webdavd": off,
        "httpd": off,
        "telemetry": { "bind_port": 0 },
        "data_provider": {
            "driver": "memory",
            "name": folder.join("users.json"),
            "track_quota": 0,
        },
    });
    secret(&folder.join("sftpgo.json"), &configuration.to_string())?;
    command.args(["serve", "--config-file"]).arg(folder.join("sftpgo.json"));
    command.arg("--config-dir").arg(folder);
    // The log goes to standard output.
    command.args(["--log-file-path", "", "--log-level", "info"]);
    command.env("HOME", folder);
    Ok(())
}
