//! SFTPGo, whose users come from a file and stay in its memory.

use std::io;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::{BENCH, HASHED, Kind, PASSIVE, Site, wharf};
use crate::place::secret;

/// The password `bench`. MD5 is the cheapest hash that it knows.
const MD5: &str = "{MD5}1d28d258250876fb7dde22a17436ef9c";

pub(super) fn arguments(site: &Site<'_>, command: &mut Command) -> io::Result<()> {
    let certificate = site.variant.tls.then(|| (site.place.certificate_file(), site.place.key_file()));
    let (certificate, key) = certificate.unwrap_or_default();
    let tls = json!({ "certificate_file": certificate, "certificate_key_file": key });
    let disk = json!({ "provider": 0 });
    let (account, hash) = match site.variant.password {
        true => (HASHED, wharf::hash(&site.tools.wharf, HASHED.password)?),
        false => (BENCH, MD5.to_owned()),
    };
    let user = User { name: account.user, hash: &hash, home: &site.place.data(), filesystem: disk };
    serve(&site.folder, user, tls, site.port, command)?;
    command.env("SFTPGO_DATA_PROVIDER__PASSWORD_CACHING", site.variant.remembers.to_string());
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
    let home = folder.join("home");
    let user = User { name: BENCH.user, hash: MD5, home: &home, filesystem: store };
    serve(folder, user, json!({}), port, command)
}

/// It doesn't start without the texts of its mails, which come with it, in a folder beside the program.
pub fn templates(program: &Path, command: &mut Command) {
    command.env("SFTPGO_SMTP__TEMPLATES_PATH", program.with_file_name("templates"));
}

/// The one user.
struct User<'a> {
    name: &'a str,
    hash: &'a str,
    home: &'a Path,
    filesystem: Value,
}

/// Nothing but FTP is served, and nothing of it is on that would connect to another machine.
fn serve(folder: &Path, user: User<'_>, tls: Value, port: u16, command: &mut Command) -> io::Result<()> {
    let users = json!({
        "version": 17,
        "users": [{
            "username": user.name,
            "password": user.hash,
            "status": 1,
            "home_dir": user.home,
            "permissions": { "/": ["*"] },
            "filesystem": user.filesystem,
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
