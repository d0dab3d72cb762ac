//! Entries of `users` that stand outside of the configuration file: in a file of their own, or in what somebody answers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::check::{Checker, Environment, Users};
use super::checked::User;
use super::engines::{self, Engine};
use super::files::ReadFile;
use super::problem::{Place, Problem};
use super::raw;
use super::read::{self, At};
use super::source::{Findings, Source};
use super::tree::{self, Node, Span, Value};
use super::{MAX_SIZE, read_file, syntax};

/// Reads entries of `users` that stand outside of the configuration file, by the same rules as those in it.
#[derive(Debug, Clone)]
pub struct Entries {
    pub(super) engine: &'static Engine,
    pub(super) engines: &'static [Engine],
    /// The names of the backends in the order of the file.
    pub(super) backends: Vec<String>,
    /// `ftp` may be the name of a user.
    pub(super) ftp_is_free: bool,
    /// There are authorities of clients.
    pub(super) client_authorities: bool,
}

/// Whether a user can have this name.
pub fn can_be_a_name(name: &str) -> bool {
    super::check::why_not_a_name(name).is_none()
}

/// What was found in one place.
#[derive(Debug, Default)]
pub struct Found {
    /// The users, each with the line and column of its name. None, if there is any problem.
    pub users: Vec<(User, usize, usize)>,
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// What is probably a mistake.
    pub warnings: Vec<Problem>,
    /// What is allowed and dangerous.
    pub dangers: Vec<Problem>,
    /// Other files that were read: secrets.
    pub files: Vec<ReadFile>,
}

impl Found {
    fn wrong(name: &str, message: String) -> Self {
        let problem = Problem { file: name.to_owned(), place: None, message };
        Self { problems: vec![problem], ..Self::default() }
    }
}

impl Entries {
    /// The users of a file: one, or a list of them. Relative paths in it start from its folder. Blocks.
    pub fn in_file(&self, path: &Path) -> Found {
        let name = path.display().to_string();
        let bytes = match read_file(path, MAX_SIZE) {
            Ok(bytes) => bytes,
            Err(error) => return Found::wrong(&name, error.to_string()),
        };
        let Ok(text) = String::from_utf8(bytes) else {
            return Found::wrong(&name, "the file is not valid UTF-8".to_owned());
        };
        self.read(&text, &name, path.parent().unwrap_or(Path::new("")), None)
    }

    /// What stands in a file of users at this line and column; `None` if the file is another one by now.
    pub fn place_in_file(&self, path: &Path, line: usize, column: usize) -> Option<Place> {
        let text = String::from_utf8(read_file(path, MAX_SIZE).ok()?).ok()?;
        let source = Source::new("", text.strip_prefix('\u{feff}').unwrap_or(&text));
        let root = tree::parse(source.text()).ok()?;
        source.hide_by_name(&root);
        source.keep(root);
        source.place_at(line, column)
    }

    /// The entry of a user who has shown to somebody else who it is, without name and proof: text in YAML, of which JSON is a part.
    /// Problems call it `origin`.
    ///
    /// # Errors
    /// What is wrong with it; never empty.
    pub fn without_proof(&self, user: &str, text: &str, origin: &str) -> Result<User, Vec<Problem>> {
        let mut found = self.read(text, origin, Path::new(""), Some(user));
        match found.users.pop() {
            Some((user, ..)) if found.problems.is_empty() => Ok(user),
            _ => Err(found.problems),
        }
    }

    /// `proven`: the name of the user of whom this is the entry without its proof.
    fn read(&self, text: &str, name: &str, base: &Path, proven: Option<&str>) -> Found {
        let source = Source::new(name, text.strip_prefix('\u{feff}').unwrap_or(text));
        let environment: Environment<'_> = &|variable| std::env::var(variable);
        let checker =
            Checker { source: &source, base, environment, engine: self.engine, engines: self.engines };
        let users = self.check(&checker, proven);
        let place = |(user, span): (User, Span)| {
            let (line, column) = source.line_and_column(span.start);
            (user, line, column)
        };
        let users: Vec<_> = users.into_iter().map(place).collect();
        let Findings { mut problems, warnings, dangers, files } = source.finish();
        if users.is_empty() && problems.is_empty() {
            problems = Found::wrong(name, "there is no user here".to_owned()).problems;
        }
        let users = if problems.is_empty() { users } else { Vec::new() };
        Found { users, problems, warnings, dangers, files }
    }

    fn check(&self, checker: &Checker<'_>, proven: Option<&str>) -> Vec<(User, Span)> {
        let source = checker.source;
        if syntax::refuses_nul(source) {
            return Vec::new();
        }
        let Ok(root) = tree::parse(source.text()).map_err(|error| syntax::report(source, &error)) else {
            return Vec::new();
        };
        source.hide_by_name(&root);
        let users = self.users(&root, checker, proven);
        source.keep(root);
        users
    }

    fn users(&self, root: &Node, checker: &Checker<'_>, proven: Option<&str>) -> Vec<(User, Span)> {
        let source = checker.source;
        let nodes: Vec<&Node> = match &root.value {
            Value::Null => Vec::new(),
            Value::List(list) if proven.is_none() => list.iter().collect(),
            _ => vec![root],
        };
        let mut known = Users {
            names: BTreeMap::new(),
            backends: self.backends.iter().cloned().collect(),
            list: super::check::list_of(self.backends.iter().map(String::as_str)),
            used: BTreeSet::new(),
            ftp_is_free: self.ftp_is_free,
            client_authorities: self.client_authorities,
            keepless: BTreeMap::new(),
        };
        let mut users = Vec::new();
        for node in nodes {
            let Some(raw) = read::read::<raw::User>(node, source) else { continue };
            engines::report_entry(node, source, self.engine, self.engines);
            let place = raw.name.as_ref().map_or(node.span, |name| name.span);
            let at = At { value: Some(raw), span: node.span, key: node.span };
            let user = match proven {
                None => checker.user(at, &mut known),
                Some(name) => checker.proven_user(at, name, &mut known),
            };
            users.extend(user.map(|user| (user, place)));
        }
        users
    }
}
