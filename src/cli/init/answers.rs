//! The answers, and the configuration that comes of them.

use std::fmt::Write;

use crate::config::PasswordHash;

/// What is known so far; the rest are the defaults.
#[derive(Debug, Clone)]
pub(super) struct Answers {
    pub(super) files: Files,
    pub(super) region: String,
    /// A file of credentials for a bucket; `None`: those that the machine is given.
    pub(super) credentials: Option<String>,
    pub(super) listen: String,
    /// The files of the certificate and its key.
    pub(super) tls: Option<(String, String)>,
    pub(super) user: String,
    /// `None`: not yet known.
    pub(super) hash: Option<PasswordHash>,
    pub(super) ports: String,
    pub(super) address: Option<String>,
}

/// Where the files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Files {
    Folder(String),
    Memory,
    S3 { bucket: String, prefix: String, endpoint: Option<String> },
    Gcs { bucket: String, prefix: String },
    Azure { account: String, container: String, prefix: String },
}

impl Default for Answers {
    fn default() -> Self {
        Self {
            files: Files::Folder("wharf-data".to_owned()),
            region: "us-east-1".to_owned(),
            credentials: None,
            listen: "127.0.0.1:2121".to_owned(),
            tls: None,
            user: "demo".to_owned(),
            hash: None,
            ports: "50000-50099".to_owned(),
            address: None,
        }
    }
}

impl Files {
    /// Reads an answer: `memory`, the URL of a bucket, or a folder.
    pub(super) fn parse(answer: &str) -> Result<Self, String> {
        let Some((scheme, rest)) = answer.split_once("://") else {
            no_tilde(answer)?;
            if let Some((scheme, _)) = answer.split_once(':')
                && ["s3", "gs", "gcs", "azure", "az", "http", "https"].contains(&scheme)
            {
                return Err(format!(
                    "two slashes are missing: write {scheme}://…, or ./{answer} for a folder of that name"
                ));
            }
            let is_memory = answer.eq_ignore_ascii_case("memory");
            return Ok(if is_memory { Self::Memory } else { Self::Folder(answer.to_owned()) });
        };
        let mut parts = rest.splitn(2, '/');
        let (first, path) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let split = |path: &str| {
            let (name, prefix) = path.split_once('/').unwrap_or((path, ""));
            (name.to_owned(), prefix.trim_matches('/').to_owned())
        };
        let bucket = (first.to_owned(), path.trim_matches('/').to_owned());
        match scheme {
            "s3" => Ok(Self::S3 { bucket: bucket.0, prefix: bucket.1, endpoint: None }),
            "gs" | "gcs" => Ok(Self::Gcs { bucket: bucket.0, prefix: bucket.1 }),
            "azure" | "az" => {
                let (container, prefix) = split(path);
                Ok(Self::Azure { account: first.to_owned(), container, prefix })
            }
            "http" | "https" => {
                let (bucket, prefix) = split(path);
                // What the pages of clouds show.
                let host = first.to_lowercase();
                if let Some(account) = host.strip_suffix(".blob.core.windows.net") {
                    return Ok(Self::Azure { account: account.to_owned(), container: bucket, prefix });
                }
                if host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn") {
                    return Err("this is Amazon's: write s3://BUCKET/PREFIX".to_owned());
                }
                if host.ends_with("storage.googleapis.com") || host == "storage.cloud.google.com" {
                    return Err("this is Google's: write gs://BUCKET/PREFIX".to_owned());
                }
                Ok(Self::S3 { bucket, prefix, endpoint: Some(format!("{scheme}://{first}")) })
            }
            _ => Err("this is none of the URLs above; write a folder without `://`".to_owned()),
        }
    }

    pub(super) fn is_bucket(&self) -> bool {
        !matches!(self, Self::Folder(_) | Self::Memory)
    }

    /// Whether it is at Amazon, where a region has to be named.
    pub(super) fn needs_region(&self) -> bool {
        matches!(self, Self::S3 { endpoint: None, .. })
    }
}

/// A shell replaces the tilde of a path; nobody does it for an answer.
///
/// # Errors
/// A sentence: the path has one.
pub(super) fn no_tilde(path: &str) -> Result<(), String> {
    if path.starts_with('~') {
        return Err("`~` is not expanded here: write the whole path".to_owned());
    }
    Ok(())
}

/// As YAML that can mean nothing else.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl Answers {
    /// The configuration.
    pub(super) fn yaml(&self) -> String {
        let mut text = String::from(HEAD);
        let mut line = |content: &str| {
            let _ = writeln!(text, "{content}");
        };
        line("server:");
        line(
            "  # Where clients connect: 127.0.0.1 is this machine alone, 0.0.0.0 all of its addresses. Ports below 1024 need a privilege.",
        );
        line(&format!("  listen: [{}]", quoted(&self.listen)));
        line("  passive:");
        line("    # Each transfer takes one of these ports. Firewalls have to let all of them through.");
        line(&format!("    ports: {}", quoted(&self.ports)));
        line(
            "    # The address that clients are told for their transfers, if it is not the one that they have reached: behind NAT, say.",
        );
        line(&match &self.address {
            Some(address) => format!("    address: {}", quoted(address)),
            None => "    # address: ftp.example.com".to_owned(),
        });
        line("");
        match &self.tls {
            Some((certificate, key)) => {
                line("# Clients have to encrypt. A renewed certificate counts by itself.");
                line("tls:");
                line("  mode: required");
                line(&format!("  certificate: {}", quoted(certificate)));
                line(&format!("  key: {}", quoted(key)));
            }
            None => {
                line(
                    "# Without encryption, passwords and files can be read on their way. With a certificate:",
                );
                line("# tls: { mode: required, certificate: tls/tls.crt, key: tls/tls.key }");
            }
        }
        line("");
        line("backends:");
        line(
            "  # The storage, under a name of your choice. There can be more, and each user can have another one.",
        );
        line("  files:");
        self.backend().iter().for_each(|key| line(&format!("    {key}")));
        line("");
        line("users:");
        line(&format!("  - name: {}", quoted(&self.user)));
        line("    # The hash of the password; `wharf hash-password` makes another one.");
        match &self.hash {
            Some(hash) => line(&format!("    password: {}", quoted(hash.as_str()))),
            None => line("    password: not-yet-known\n    plain: true"),
        }
        line("    backend: files");
        line("    # Or read-only, upload-only, or a list of words: `wharf explain users.permissions`.");
        line("    permissions: full");
        text
    }

    fn backend(&self) -> Vec<String> {
        let key = |name: &str, value: &str| format!("{name}: {}", quoted(value));
        let mut keys = Vec::new();
        let prefix = match &self.files {
            Files::Folder(root) => {
                keys.extend(["kind: local".to_owned(), key("root", root)]);
                keys.push("create_root: true   # it is made at the start if it is missing".to_owned());
                ""
            }
            Files::Memory => {
                keys.extend(
                    ["kind: memory   # gone when the server stops", "capacity: 64MiB"].map(str::to_owned),
                );
                ""
            }
            Files::S3 { bucket, prefix, endpoint } => {
                keys.extend(["kind: s3".to_owned(), key("bucket", bucket)]);
                keys.push(match endpoint {
                    Some(endpoint) => key("endpoint", endpoint),
                    None => key("region", &self.region),
                });
                prefix
            }
            Files::Gcs { bucket, prefix } => {
                keys.extend(["kind: gcs".to_owned(), key("bucket", bucket)]);
                prefix
            }
            Files::Azure { account, container, prefix } => {
                keys.extend(["kind: azure".to_owned(), key("account", account), key("container", container)]);
                prefix
            }
        };
        if !prefix.is_empty() {
            keys.push(key("prefix", prefix));
        }
        if self.files.is_bucket() {
            keys.push(match (&self.credentials, &self.files) {
                (None, _) => {
                    "ambient_credentials: true   # those that the cloud gives this machine".to_owned()
                }
                (Some(file), Files::S3 { .. }) => key("credentials_file", file),
                (Some(file), Files::Azure { .. }) => format!("access_key: {{ file: {} }}", quoted(file)),
                (Some(file), _) => format!("service_account_key: {{ file: {} }}", quoted(file)),
            });
        }
        keys
    }
}

const HEAD: &str = "\
# yaml-language-server: $schema=wharf.schema.json
#
# Written by `wharf init`. `wharf schema > wharf.schema.json` makes the file by which an editor checks and completes keys.
# `wharf explain KEY` says what a key is for, `wharf explain` which there are. Paths start from the folder of this file.

";

#[cfg(test)]
#[path = "answers_tests.rs"]
mod tests;
