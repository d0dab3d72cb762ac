//! Somebody who signs tokens, by which users show who they are.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use wharf_backends::object::Authorities;

use super::files::read_file;
use super::template::{EntryTemplate, TextTemplate};
use super::{MAX_SECRET, Secret};

/// Somebody who signs tokens (JWT, RFC 7519): a user sends one as the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenIssuer {
    /// What its tokens say of who has made them.
    pub issuer: String,
    /// A token is for one of these; never empty.
    pub audiences: Vec<String>,
    /// By which its signatures are checked.
    pub keys: TokenKeys,
    /// Those by which it may sign: some of [`Self::ALGORITHMS`].
    pub algorithms: Vec<&'static str>,
    /// How far its clock and that of this server may be apart.
    pub leeway: Duration,
    /// The name of the user, made of the claims.
    pub name: TextTemplate,
    /// What else a token has to say: for each claim, the values of which it has one.
    pub require: Vec<(Claim, Vec<String>)>,
    /// The claim with keys of the entry of the user.
    pub entry_claim: Option<Claim>,
    /// What becomes of those whose claim has a value; the first that fits counts.
    pub map: Vec<Mapped>,
    /// What the entries have in common.
    pub defaults: EntryTemplate,
}

impl TokenIssuer {
    /// The algorithms whose keys are public (RFC 7518 and RFC 8037).
    pub const ALGORITHMS: [&'static str; 9] =
        ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];
}

/// What becomes of those whose claim has a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapped {
    /// The claim: a text, or a list of texts.
    pub claim: Claim,
    /// What it is, or has among others.
    pub has: String,
    /// Keys of their entries.
    pub entry: EntryTemplate,
}

/// By which signatures are checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenKeys {
    /// What a file holds, which could be read: a JWKS or PEM.
    Here(String),
    /// Where they are asked for.
    At(KeysUrl),
}

/// Where keys are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeysUrl {
    /// A URL without user, query and fragment.
    pub url: String,
    /// Trusted in place of the system's authorities.
    pub authorities: Option<Authorities>,
    /// By which it knows who asks.
    pub token: Option<Bearer>,
    /// How long a question may take.
    pub timeout: Duration,
}

/// A token that may be another one by the time it is sent.
#[derive(Debug, Clone)]
pub struct Bearer {
    /// As it was when the configuration was read.
    pub then: Secret,
    /// Where it stands, if others replace it there.
    pub file: Option<PathBuf>,
}

impl Bearer {
    /// As it is now, or as it was if that can't be read. Blocks.
    pub fn now(&self) -> Secret {
        let read = self.file.as_ref().and_then(|file| read_file(file, MAX_SECRET).ok());
        let text = read.and_then(|bytes| String::from_utf8(bytes).ok());
        match text.as_deref().map(str::trim_end) {
            Some(text) if !text.is_empty() => Secret::new(text),
            _ => self.then.clone(),
        }
    }
}

/// What a file holds may change.
impl PartialEq for Bearer {
    fn eq(&self, other: &Self) -> bool {
        self.file == other.file && (self.file.is_some() || self.then == other.then)
    }
}

impl Eq for Bearer {}

/// Where a claim stands in a token: its name, or a JSON pointer (RFC 6901) to one inside of others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim(String);

impl Claim {
    /// # Errors
    /// A sentence.
    pub fn new(text: &str) -> Result<Self, String> {
        let is_escaped = |step: &str| step.split('~').skip(1).all(|escaped| escaped.starts_with(['0', '1']));
        match text {
            "" => Err("the name of a claim can't be empty".to_owned()),
            pointer if pointer.starts_with('/') && !is_escaped(pointer) => {
                Err("behind ~ in a JSON pointer stands 0 (for ~) or 1 (for a slash)".to_owned())
            }
            text => Ok(Self(text.to_owned())),
        }
    }

    /// As it is written.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// What these claims say there.
    pub fn of<'a>(&self, claims: &'a Value) -> Option<&'a Value> {
        if self.0.starts_with('/') { claims.pointer(&self.0) } else { claims.get(&self.0) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_claim_is_a_name_or_a_pointer() {
        let claims =
            json!({ "a": 1, "kubernetes.io": { "pod": { "name": "p" } }, "b/c": { "~": 2 }, "l": [3] });
        for (claim, expected) in [
            ("a", Some(json!(1))),
            ("/a", Some(json!(1))),
            ("/kubernetes.io/pod/name", Some(json!("p"))),
            ("kubernetes.io", Some(json!({ "pod": { "name": "p" } }))),
            ("b/c", Some(json!({ "~": 2 }))),
            ("/b~1c/~0", Some(json!(2))),
            ("/l/0", Some(json!(3))),
            ("pod", None),
            ("/a/b", None),
            ("/", None),
        ] {
            assert_eq!(Claim::new(claim).unwrap().of(&claims), expected.as_ref(), "{claim}");
        }
        for wrong in ["", "/a~", "/a~2"] {
            assert!(Claim::new(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_token_in_a_file_is_read_again_and_kept_while_the_file_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        let bearer = Bearer { then: Secret::new("first"), file: Some(file.clone()) };
        assert_eq!(bearer.now().expose(), "first");
        std::fs::write(&file, "second\n").unwrap();
        assert_eq!(bearer.now().expose(), "second");
        std::fs::write(&file, "").unwrap();
        assert_eq!(bearer.now().expose(), "first");
        assert_eq!(bearer, Bearer { then: Secret::new("second"), file: Some(file) });
        let given = |text: &str| Bearer { then: Secret::new(text), file: None };
        assert_eq!(given("a").now().expose(), "a");
        assert_ne!(given("a"), given("b"));
    }
}
