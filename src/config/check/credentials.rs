//! How a server proves to a store who it is.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use wharf_backends::object::{Profile, Role as AssumedRole, is_exposed};

use super::super::checked::{AzureCredentials, GcsCredentials, S3Credentials};
use super::super::secret::Secret;
use super::*;

/// The three ways to prove who we are, as each of the object stores knows them.
pub(super) struct Ways {
    pub(super) keys: &'static str,
    pub(super) anonymous: Option<At<bool>>,
    pub(super) ambient: Option<At<bool>>,
    pub(super) owner: Span,
}

enum Way {
    Keys,
    Anonymous,
    Ambient,
}

/// The keys of an S3 backend that say who asks.
pub(super) struct Credentials {
    pub(super) access_key_id: Option<At<raw::Secret>>,
    pub(super) secret_access_key: Option<At<raw::Secret>>,
    pub(super) session_token: Option<At<raw::Secret>>,
    pub(super) profile: Option<At<String>>,
    pub(super) credentials_file: Option<At<String>>,
    pub(super) anonymous: Option<At<bool>>,
    pub(super) ambient: Option<At<bool>>,
}

/// Those that say in which role.
pub(super) struct Role {
    pub(super) arn: Option<At<String>>,
    pub(super) session_name: Option<At<String>>,
    pub(super) external_id: Option<At<String>>,
    pub(super) endpoint: Option<At<String>>,
}

/// The keys of an Azure backend that say who asks.
pub(super) struct AzureAccess {
    pub(super) access_key: Option<At<raw::Secret>>,
    pub(super) sas_token: Option<At<raw::Secret>>,
    pub(super) anonymous: Option<At<bool>>,
    pub(super) ambient: Option<At<bool>>,
}

impl Checker<'_> {
    pub(super) fn s3_credentials(&self, raw: Credentials, owner: Span) -> Option<S3Credentials> {
        let pair = ["access_key_id", "secret_access_key"];
        let given =
            [raw.access_key_id.as_ref(), raw.secret_access_key.as_ref()].map(|at| at.map(|at| at.key));
        let token = raw.session_token.as_ref().map(|at| at.key);
        let file = raw.profile.as_ref().or(raw.credentials_file.as_ref()).map(|at| at.key);
        let keys = match file {
            Some(_) => "`profile`",
            None => "`access_key_id` and `secret_access_key`",
        };
        let ways = Ways { keys, anonymous: raw.anonymous, ambient: raw.ambient, owner };
        let way = match (given, token, file) {
            ([Some(span), _] | [None, Some(span)], _, Some(_)) | ([None, None], Some(span), Some(_)) => {
                self.problem(span, "keys here and those of a `profile` exclude each other");
                None
            }
            ([Some(span), None], _, None) => self.half(span, pair),
            ([None, Some(span)], _, None) => self.half(span, [pair[1], pair[0]]),
            ([None, None], Some(span), None) => {
                self.problem(span, "`session_token` goes with `access_key_id` and `secret_access_key`");
                None
            }
            ([None, None], None, file) => self.way(file, ways),
            ([Some(span), Some(_)], _, None) => self.way(Some(span), ways),
        };
        let secret =
            |at: Option<At<raw::Secret>>| at.and_then(|at| self.secret(at)).map(|(secret, _)| secret);
        let (id, key) = (secret(raw.access_key_id), secret(raw.secret_access_key));
        let session_token = secret(raw.session_token);
        let profile = file.and_then(|span| self.profile(raw.profile, raw.credentials_file, span));
        Some(match way? {
            Way::Keys if file.is_some() => S3Credentials::Profile(profile?),
            Way::Keys => S3Credentials::Keys { access_key_id: id?, secret_access_key: key?, session_token },
            Way::Anonymous => S3Credentials::Anonymous,
            Way::Ambient => S3Credentials::Ambient,
        })
    }

    fn profile(&self, name: Option<At<String>>, file: Option<At<String>>, owner: Span) -> Option<Profile> {
        let span = file.as_ref().or(name.as_ref()).map_or(owner, |at| at.span);
        let name = match name {
            Some(name) => name.value?,
            None => "default".to_owned(),
        };
        let file = match file {
            Some(file) => self.local_path(&file.value?, file.span)?,
            None => self.credentials_file(owner)?,
        };
        let profile = Profile { file, name };
        let checked = profile.check().map_err(|reason| format!("credentials file {reason}"));
        self.accept(checked, span)?;
        Some(profile)
    }

    /// Where Amazon's own tools look.
    fn credentials_file(&self, owner: Span) -> Option<PathBuf> {
        let variable = |name| (self.environment)(name).ok().filter(|value| !value.is_empty());
        if let Some(file) = variable("AWS_SHARED_CREDENTIALS_FILE") {
            return Some(PathBuf::from(file));
        }
        let home = variable("HOME");
        if home.is_none() {
            self.problem(owner, "`HOME` is not set; say which file with `credentials_file`");
        }
        Some(PathBuf::from(home?).join(".aws/credentials"))
    }

    pub(super) fn s3_role(
        &self,
        raw: Role,
        anonymous: Option<&At<bool>>,
        store: Option<&str>,
    ) -> Option<AssumedRole> {
        let endpoint = self.endpoint(raw.endpoint.clone());
        let Some(At { key, .. }) = raw.arn else {
            let fields = [
                ("role_session_name", &raw.session_name),
                ("external_id", &raw.external_id),
                ("sts_endpoint", &raw.endpoint),
            ];
            for (name, field) in fields {
                if let Some(at) = field {
                    self.problem(at.key, format!("`{name}` goes with `role_arn`, which is missing"));
                }
            }
            return None;
        };
        if anonymous.is_some_and(|at| at.value == Some(true)) {
            self.problem(key, "nobody assumes a role who is `anonymous`");
        }
        if endpoint.as_deref().or(store).is_some_and(is_exposed) {
            let text =
                "the token service would send the keys of the role without encryption; it takes https://";
            self.problem(key, text);
        }
        let arn = self.text(
            raw.arn,
            20..=2048,
            |text| text.starts_with("arn:"),
            "a role such as arn:aws:iam::111122223333:role/ftp",
        );
        let signs = |others: &'static str| {
            move |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c))
        };
        let session_name =
            self.text(raw.session_name, 2..=64, signs("_=,.@-"), "2 to 64 letters, digits and _ = , . @ -");
        let external_id = self.text(
            raw.external_id,
            2..=1224,
            signs("_=,.@:/-+"),
            "2 to 1224 letters, digits and _ = , . @ : / + -",
        );
        Some(AssumedRole { arn: arn?, session_name, external_id, endpoint })
    }

    /// A text of so many bytes that is in order by `fits`.
    fn text(
        &self,
        field: Option<At<String>>,
        length: RangeInclusive<usize>,
        fits: impl Fn(&str) -> bool,
        expected: &str,
    ) -> Option<String> {
        let field = field?;
        let text = field.value?;
        let is_plain = text.bytes().all(|b| b.is_ascii_graphic());
        let checked = length.contains(&text.len()) && is_plain && fits(&text);
        self.accept(if checked { Ok(text) } else { Err(format!("expected {expected}")) }, field.span)
    }

    pub(super) fn gcs_credentials(&self, key: Option<At<raw::Secret>>, ways: Ways) -> Option<GcsCredentials> {
        let way = self.way(key.as_ref().map(|at| at.key), ways);
        let key = key.and_then(|at| self.secret(at)).filter(|(key, span)| {
            let is_key = is_service_account_key(key);
            if !is_key {
                self.problem(*span, "this is not the JSON text of a service account's key");
            }
            is_key
        });
        Some(match way? {
            Way::Keys => GcsCredentials::ServiceAccountKey(key?.0),
            Way::Anonymous => GcsCredentials::Anonymous,
            Way::Ambient => GcsCredentials::Ambient,
        })
    }

    pub(super) fn azure_credentials(&self, raw: AzureAccess, owner: Span) -> Option<AzureCredentials> {
        let keys = "`access_key` or `sas_token`";
        let ways = Ways { keys, anonymous: raw.anonymous, ambient: raw.ambient, owner };
        if let (Some(_), Some(at)) = (&raw.access_key, &raw.sas_token) {
            self.problem(at.key, "`access_key` and `sas_token` exclude each other");
        }
        let given = raw.access_key.as_ref().or(raw.sas_token.as_ref());
        let way = self.way(given.map(|at| at.key), ways);
        let token = raw
            .sas_token
            .and_then(|at| self.secret(at))
            .and_then(|(token, span)| self.accept(sas_token(token.expose()), span));
        let key = raw.access_key.and_then(|at| self.secret(at)).filter(|(key, span)| {
            let is_key = is_base64(key.expose());
            if !is_key {
                self.problem(*span, "this is not the key of a storage account: it is not base64");
            }
            is_key
        });
        Some(match way? {
            Way::Keys => match token {
                Some(token) => AzureCredentials::SasToken(token),
                None => AzureCredentials::AccessKey(key?.0),
            },
            Way::Anonymous => AzureCredentials::Anonymous,
            Way::Ambient => AzureCredentials::Ambient,
        })
    }

    fn half(&self, span: Span, [this, other]: [&str; 2]) -> Option<Way> {
        self.problem(span, format!("`{this}` goes with `{other}`, which is missing"));
        None
    }

    /// Exactly one way has to be chosen: without a choice the libraries would ask a metadata address that nobody
    /// configured, and with two of them nobody could tell which counts.
    fn way(&self, keys: Option<Span>, ways: Ways) -> Option<Way> {
        let set = |at: &Option<At<bool>>| at.as_ref().filter(|at| at.value == Some(true)).map(|at| at.key);
        let chosen: Vec<(&str, Span, Way)> = [
            keys.map(|span| (ways.keys, span, Way::Keys)),
            set(&ways.anonymous).map(|span| ("`anonymous`", span, Way::Anonymous)),
            set(&ways.ambient).map(|span| ("`ambient_credentials`", span, Way::Ambient)),
        ]
        .into_iter()
        .flatten()
        .collect();
        if let [(first, ..), (second, span, _), ..] = chosen.as_slice() {
            self.problem(*span, format!("{first} and {second} exclude each other"));
        }
        let way = chosen.into_iter().next().map(|(_, _, way)| way);
        // If the value of one of them didn't fit, that has been said, and this may not be true.
        let unclear =
            [&ways.anonymous, &ways.ambient].iter().any(|at| matches!(at, Some(At { value: None, .. })));
        if way.is_none() && !unclear {
            self.problem(
                ways.owner,
                format!(
                    "there are no credentials; give {}, or say `ambient_credentials: true` to take those of the \
                     cloud it runs in, or `anonymous: true` if the storage is public",
                    ways.keys
                ),
            );
        }
        way
    }
}

fn is_service_account_key(key: &Secret) -> bool {
    let json: Result<serde_json::Value, _> = serde_json::from_str(key.expose());
    json.is_ok_and(|json| ["client_email", "private_key"].iter().all(|field| json[field].is_string()))
}

/// A shared access signature without what stands around it where Azure shows it.
fn sas_token(text: &str) -> Result<Secret, String> {
    let token = text.trim().trim_start_matches('?');
    let has =
        |name: &str| token.split('&').any(|pair| pair.split_once('=').is_some_and(|(key, _)| key == name));
    if !token.bytes().all(|b| b.is_ascii_graphic()) {
        return Err("a shared access signature has no spaces or line ends".to_owned());
    }
    match token.contains("://") {
        true => Err("this is the whole URL; the token is what stands behind the question mark".to_owned()),
        false if has("sig") && has("sv") => Ok(Secret::new(token)),
        false => Err("this is no shared access signature: one has sv=… and sig=…".to_owned()),
    }
}

fn is_base64(text: &str) -> bool {
    let data = text.trim_end_matches('=');
    text.len().is_multiple_of(4)
        && text.len() - data.len() <= 2
        && data.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/')
}
