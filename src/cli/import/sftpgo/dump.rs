//! What `dumpdata` writes, as far as it is read. Fields that are missing are those of an older or newer version.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// The whole file.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Dump {
    pub(super) users: Option<Vec<User>>,
    pub(super) groups: Option<Vec<Group>>,
    pub(super) folders: Option<Vec<Folder>>,
    /// Lists of addresses that may connect or may not, rules, settings, and who administers it.
    #[serde(flatten)]
    pub(super) others: BTreeMap<String, Value>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct User {
    pub(super) username: String,
    pub(super) password: Option<String>,
    /// 1: may log in.
    pub(super) status: i64,
    /// In milliseconds since 1970; 0: never.
    pub(super) expiration_date: i64,
    /// In milliseconds since 1970, as all moments here.
    pub(super) created_at: i64,
    pub(super) last_password_change: i64,
    /// Stands for `%role%` in what groups say.
    pub(super) role: String,
    pub(super) public_keys: Option<Vec<String>>,
    pub(super) home_dir: String,
    pub(super) virtual_folders: Option<Vec<VirtualFolder>>,
    pub(super) permissions: Option<BTreeMap<String, Vec<String>>>,
    pub(super) max_sessions: i64,
    pub(super) quota_size: i64,
    pub(super) quota_files: i64,
    /// In KiB a second.
    pub(super) upload_bandwidth: i64,
    pub(super) download_bandwidth: i64,
    /// In MB, for a while that SFTPGo's rules set.
    pub(super) upload_data_transfer: i64,
    pub(super) download_data_transfer: i64,
    pub(super) total_data_transfer: i64,
    pub(super) filters: Option<Filters>,
    pub(super) filesystem: Option<Filesystem>,
    pub(super) groups: Option<Vec<Membership>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Filters {
    pub(super) allowed_ip: Option<Vec<String>>,
    pub(super) denied_ip: Option<Vec<String>>,
    pub(super) denied_login_methods: Option<Vec<String>>,
    pub(super) denied_protocols: Option<Vec<String>>,
    pub(super) file_patterns: Option<Vec<Patterns>>,
    pub(super) max_upload_file_size: i64,
    pub(super) tls_username: Option<String>,
    pub(super) start_directory: Option<String>,
    pub(super) bandwidth_limits: Option<Vec<Value>>,
    pub(super) access_time: Option<Vec<Value>>,
    pub(super) totp_config: Option<Totp>,
    /// The protocols for which a second factor has to be set.
    pub(super) two_factor_protocols: Option<Vec<String>>,
    pub(super) require_password_change: bool,
    /// In days; 0: never.
    pub(super) password_expiration: i64,
    /// Logs in with any password.
    pub(super) is_anonymous: bool,
    /// 1: only with TLS.
    pub(super) ftp_security: i64,
}

impl Filters {
    /// Whether certificates of clients say who the user is.
    pub(super) fn names_certificates(&self) -> bool {
        self.tls_username
            .as_deref()
            .is_some_and(|name| !name.is_empty() && !name.eq_ignore_ascii_case("none"))
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Totp {
    pub(super) enabled: bool,
    pub(super) protocols: Option<Vec<String>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Patterns {
    pub(super) path: String,
    pub(super) allowed_patterns: Option<Vec<String>>,
    pub(super) denied_patterns: Option<Vec<String>>,
    /// 1: what is denied is not shown either.
    pub(super) deny_policy: i64,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Membership {
    pub(super) name: String,
    /// 1: primary, 2: secondary, 3: a member and no more.
    #[serde(rename = "type")]
    pub(super) kind: i64,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) user_settings: Option<GroupSettings>,
    pub(super) virtual_folders: Option<Vec<VirtualFolder>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct GroupSettings {
    pub(super) home_dir: String,
    /// In days after the user was made; 0: never.
    pub(super) expires_in: i64,
    pub(super) max_sessions: i64,
    pub(super) quota_size: i64,
    pub(super) quota_files: i64,
    pub(super) permissions: Option<BTreeMap<String, Vec<String>>>,
    pub(super) upload_bandwidth: i64,
    pub(super) download_bandwidth: i64,
    pub(super) upload_data_transfer: i64,
    pub(super) download_data_transfer: i64,
    pub(super) total_data_transfer: i64,
    pub(super) filters: Option<Filters>,
    pub(super) filesystem: Option<Filesystem>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct VirtualFolder {
    pub(super) name: String,
    pub(super) mapped_path: String,
    pub(super) virtual_path: String,
    /// The directory of the folder that is shown; empty: all of it.
    pub(super) subpath: String,
    /// -1: counts as the user's.
    pub(super) quota_size: i64,
    pub(super) quota_files: i64,
    pub(super) filesystem: Option<Filesystem>,
}

impl VirtualFolder {
    /// The directory and the storage that are shown: its own, or else those of the folder of its name.
    pub(super) fn shown<'a>(
        &'a self,
        folders: &BTreeMap<&str, &'a Folder>,
    ) -> (&'a str, Option<&'a Filesystem>) {
        let base = folders.get(self.name.as_str());
        let mapped = match (self.mapped_path.as_str(), base) {
            ("", Some(base)) => &base.mapped_path,
            (mapped, _) => mapped,
        };
        let filesystem = self.filesystem.as_ref().or_else(|| base.and_then(|base| base.filesystem.as_ref()));
        (mapped, filesystem)
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Folder {
    pub(super) name: String,
    pub(super) mapped_path: String,
    pub(super) filesystem: Option<Filesystem>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Filesystem {
    /// 0: a directory of the machine, 1: S3, 2: Google, 3: Azure, and others.
    pub(super) provider: i64,
    pub(super) s3config: Option<S3>,
    pub(super) gcsconfig: Option<Gcs>,
    pub(super) azblobconfig: Option<Azure>,
}

/// A text that is often encrypted.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Secret {
    pub(super) status: String,
    pub(super) payload: String,
}

/// Settings that have no name here.
pub(super) type Others = BTreeMap<String, Value>;

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct S3 {
    pub(super) bucket: String,
    pub(super) region: String,
    pub(super) access_key: String,
    pub(super) access_secret: Option<Secret>,
    pub(super) session_token: String,
    pub(super) endpoint: String,
    pub(super) storage_class: String,
    pub(super) key_prefix: String,
    pub(super) role_arn: String,
    pub(super) acl: String,
    pub(super) force_path_style: bool,
    pub(super) skip_tls_verify: bool,
    /// A key that the objects are encrypted with.
    pub(super) sse_customer_key: Option<Secret>,
    #[serde(flatten)]
    pub(super) others: Others,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Gcs {
    pub(super) bucket: String,
    pub(super) key_prefix: String,
    pub(super) credentials: Option<Secret>,
    /// 1: those of the machine.
    pub(super) automatic_credentials: i64,
    pub(super) storage_class: String,
    #[serde(flatten)]
    pub(super) others: Others,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Azure {
    pub(super) container: String,
    pub(super) account_name: String,
    pub(super) account_key: Option<Secret>,
    pub(super) sas_url: Option<Secret>,
    pub(super) endpoint: String,
    pub(super) key_prefix: String,
    pub(super) access_tier: String,
    #[serde(flatten)]
    pub(super) others: Others,
}
