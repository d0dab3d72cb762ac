//! Secrets: the one place that looks into the environment and into files of secrets.

use super::super::MAX_SECRET;
use super::super::secret::Secret;
use super::super::suggest::quote;
use super::*;

impl Checker<'_> {
    /// The secret's text. `None` if it can't be had; that has been reported.
    pub(crate) fn secret(&self, at: At<raw::Secret>) -> Option<Placed<Secret>> {
        let At { value, span, .. } = at;
        let secret = match value? {
            raw::Secret::Text(text) => Secret::new(text.as_str()),
            raw::Secret::Source(raw::SecretSource { env: Some(env), file: None }) => {
                self.in_environment(env)?
            }
            raw::Secret::Source(raw::SecretSource { env: None, file: Some(file) }) => self.in_file(file)?,
            raw::Secret::Source(raw::SecretSource { env: None, file: None }) => {
                self.problem(span, "say where the secret is: { env: NAME } or { file: PATH }");
                return None;
            }
            raw::Secret::Source(raw::SecretSource { env: Some(_), file: Some(_) }) => {
                self.problem(span, "say either `env` or `file`, not both");
                return None;
            }
        };
        self.source.found(secret.expose().as_bytes());
        if secret.expose().is_empty() {
            self.problem(span, "this secret is empty");
            return None;
        }
        Some((secret, span))
    }

    fn in_environment(&self, at: At<String>) -> Option<Secret> {
        let name = at.value?;
        if name.is_empty() || name.contains(['=', '\0']) {
            self.problem(at.span, "this can't be the name of an environment variable");
            return None;
        }
        match (self.environment)(&name) {
            Ok(value) => Some(Secret::new(value)),
            Err(std::env::VarError::NotPresent) => {
                self.problem(at.span, format!("the environment variable {} is not set", quote(&name)));
                None
            }
            Err(std::env::VarError::NotUnicode(_)) => {
                self.problem(
                    at.span,
                    format!("the environment variable {} is not valid UTF-8", quote(&name)),
                );
                None
            }
        }
    }

    fn in_file(&self, at: At<String>) -> Option<Secret> {
        let path = self.local_path(&at.value?, at.span)?;
        self.secret_file_dangers(&path, at.span);
        let complain =
            |reason: String| self.problem(at.span, format!("secret file {}: {reason}", path.display()));
        let bytes = self.read_file(&path, MAX_SECRET).map_err(|error| complain(error.to_string())).ok()?;
        let Ok(mut text) = String::from_utf8(bytes) else {
            complain("it is not valid UTF-8".to_owned());
            return None;
        };
        // Editors and `echo` put it there, and it is not part of the secret.
        if text.ends_with('\n') {
            text.pop();
            if text.ends_with('\r') {
                text.pop();
            }
        }
        Some(Secret::new(text))
    }
}
