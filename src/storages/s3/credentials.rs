//! How a server proves to a store of S3 who it is, and in which role.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use wharf_backends::object::{Profile, Role, S3Settings, is_exposed};

use super::S3;
use crate::config::Secret;
use crate::config::section::{Around, At, Checker, Secret as WrittenSecret, Span};
use crate::storages::bucket;
use crate::storages::proof::{Way, Ways};

/// How to prove to an S3 store who we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Credentials {
    /// With keys from the file.
    Keys {
        /// Names the key.
        access_key_id: Secret,
        /// Signs the requests.
        secret_access_key: Secret,
        /// Goes with keys that are handed out for some time only.
        session_token: Option<Secret>,
    },
    /// With the keys of a profile, in a file of its own.
    Profile(Profile),
    /// Not at all: public buckets.
    Anonymous,
    /// With what the cloud's environment hands out: web identity, container or instance metadata.
    Ambient,
}

impl Credentials {
    /// Hands them to the one who sends requests.
    pub(super) fn hand_to(&self, settings: &mut S3Settings) {
        let exposed = |secret: &Secret| Some(secret.expose().to_owned());
        match self {
            Self::Keys { access_key_id, secret_access_key, session_token } => {
                settings.access_key_id = exposed(access_key_id);
                settings.secret_access_key = exposed(secret_access_key);
                settings.session_token = session_token.as_ref().and_then(exposed);
            }
            Self::Profile(profile) => settings.profile = Some(profile.clone()),
            Self::Anonymous => settings.anonymous = true,
            Self::Ambient => settings.ambient_credentials = true,
        }
    }
}

impl S3 {
    pub(super) fn credentials(&mut self, checker: &Checker<'_>, around: Around) -> Option<Credentials> {
        let pair = ["access_key_id", "secret_access_key"];
        let key = |at: &Option<At<WrittenSecret>>| at.as_ref().map(|at| at.key);
        let given = [key(&self.access_key_id), key(&self.secret_access_key)];
        let token = key(&self.session_token);
        let file = self.profile.as_ref().or(self.credentials_file.as_ref()).map(|at| at.key);
        let keys = match file {
            Some(_) => "`profile`",
            None => "`access_key_id` and `secret_access_key`",
        };
        let ways = Ways {
            keys,
            anonymous: self.anonymous.take(),
            ambient: self.ambient_credentials.take(),
            owner: around.name,
        };
        let way = match (given, token, file) {
            ([Some(span), _] | [None, Some(span)], _, Some(_)) | ([None, None], Some(span), Some(_)) => {
                checker.problem(span, "keys here and those of a `profile` exclude each other");
                None
            }
            ([Some(span), None], _, None) => half(checker, span, pair),
            ([None, Some(span)], _, None) => half(checker, span, [pair[1], pair[0]]),
            ([None, None], Some(span), None) => {
                checker.problem(span, "`session_token` goes with `access_key_id` and `secret_access_key`");
                None
            }
            ([None, None], None, file) => ways.choice(checker, file),
            ([Some(span), Some(_)], _, None) => ways.choice(checker, Some(span)),
        };
        let secret = |at: Option<At<WrittenSecret>>| checker.secret(at?).map(|(secret, _)| secret);
        let access_key_id = secret(self.access_key_id.take());
        let secret_access_key = secret(self.secret_access_key.take());
        let session_token = secret(self.session_token.take());
        let profile = file.and_then(|span| self.checked_profile(checker, span));
        Some(match way? {
            Way::Keys if file.is_some() => Credentials::Profile(profile?),
            Way::Keys => Credentials::Keys {
                access_key_id: access_key_id?,
                secret_access_key: secret_access_key?,
                session_token,
            },
            Way::Anonymous => Credentials::Anonymous,
            Way::Ambient => Credentials::Ambient,
        })
    }

    fn checked_profile(&mut self, checker: &Checker<'_>, owner: Span) -> Option<Profile> {
        let (name, file) = (self.profile.take(), self.credentials_file.take());
        let span = file.as_ref().or(name.as_ref()).map_or(owner, |at| at.span);
        let name = match name {
            Some(name) => name.value?,
            None => "default".to_owned(),
        };
        let file = match file {
            Some(file) => checker.local_path(&file.value?, file.span)?,
            None => credentials_file(checker, owner)?,
        };
        let profile = Profile { file, name };
        let checked = profile.check().map_err(|reason| format!("credentials file {reason}"));
        checker.accept(checked, span)?;
        Some(profile)
    }

    /// The role that requests to the store are made in.
    pub(super) fn role(&mut self, checker: &Checker<'_>, store: Option<&str>) -> Option<Role> {
        let endpoint = bucket::endpoint(checker, self.sts_endpoint.clone());
        let Some(At { key, .. }) = self.role_arn else {
            let fields = [
                ("role_session_name", &self.role_session_name),
                ("external_id", &self.external_id),
                ("sts_endpoint", &self.sts_endpoint),
            ];
            for (name, field) in fields {
                if let Some(at) = field {
                    checker.problem(at.key, format!("`{name}` goes with `role_arn`, which is missing"));
                }
            }
            return None;
        };
        if self.anonymous.as_ref().is_some_and(|at| at.value == Some(true)) {
            checker.problem(key, "nobody assumes a role who is `anonymous`");
        }
        if endpoint.as_deref().or(store).is_some_and(is_exposed) {
            let text =
                "the token service would send the keys of the role without encryption; it takes https://";
            checker.problem(key, text);
        }
        let arn = text(
            checker,
            self.role_arn.take(),
            20..=2048,
            |text| text.starts_with("arn:"),
            "a role such as arn:aws:iam::111122223333:role/ftp",
        );
        let signs = |others: &'static str| {
            move |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c))
        };
        let session_name = text(
            checker,
            self.role_session_name.take(),
            2..=64,
            signs("_=,.@-"),
            "2 to 64 letters, digits and _ = , . @ -",
        );
        let external_id = text(
            checker,
            self.external_id.take(),
            2..=1224,
            signs("_=,.@:/-+"),
            "2 to 1224 letters, digits and _ = , . @ : / + -",
        );
        Some(Role { arn: arn?, session_name, external_id, endpoint })
    }
}

fn half(checker: &Checker<'_>, span: Span, [this, other]: [&str; 2]) -> Option<Way> {
    checker.problem(span, format!("`{this}` goes with `{other}`, which is missing"));
    None
}

/// Where Amazon's own tools look.
fn credentials_file(checker: &Checker<'_>, owner: Span) -> Option<PathBuf> {
    if let Some(file) = checker.variable("AWS_SHARED_CREDENTIALS_FILE") {
        return Some(PathBuf::from(file));
    }
    let home = checker.variable("HOME");
    if home.is_none() {
        checker.problem(owner, "`HOME` is not set; say which file with `credentials_file`");
    }
    Some(PathBuf::from(home?).join(".aws/credentials"))
}

/// A text of so many bytes that is in order by `fits`.
fn text(
    checker: &Checker<'_>,
    field: Option<At<String>>,
    length: RangeInclusive<usize>,
    fits: impl Fn(&str) -> bool,
    expected: &str,
) -> Option<String> {
    let field = field?;
    let text = field.value?;
    let is_plain = text.bytes().all(|b| b.is_ascii_graphic());
    let checked = length.contains(&text.len()) && is_plain && fits(&text);
    checker.accept(if checked { Ok(text) } else { Err(format!("expected {expected}")) }, field.span)
}
