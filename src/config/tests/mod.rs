//! Whole configurations: what ships, what is wrong and how it is said, what must not be said.

mod dangers;
mod hostile;
mod http;
pub(super) mod keys;
mod scan;
mod schema;
mod secrecy;
mod shipped;
mod values;
mod wrong;

use std::any::Any;
use std::collections::HashMap;
use std::env::VarError;
use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::{Backend, Config, Problems, parse_with};
use crate::engine::ENGINES;
use crate::storages::KINDS;

/// The hash of the password `demo`.
pub(crate) const HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$H7FvgBsf0jKudBg7KefUcg$iBk1lOsKRJ/P/qoCorMGHO+wdjap/LYKmKA4WjnYRkk";

/// A folder with what configurations refer to, and an environment.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    variables: HashMap<String, String>,
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let world = Self { folder, variables: HashMap::new() };
        fs::create_dir(world.path("data")).unwrap();
        fs::create_dir(world.path("spool")).unwrap();
        world.certificate("tls.crt", "tls.key");
        world
    }

    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(crate) fn certificate(&self, certificate: &str, key: &str) {
        let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        self.file(certificate, pair.cert.pem());
        self.file(key, pair.signing_key.serialize_pem());
    }

    pub(crate) fn variable(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    pub(crate) fn parse(&self, text: &str) -> Result<Config, Problems> {
        parse_with(text, "wharf.yaml", self.folder.path(), &KINDS, &ENGINES, &|name| {
            self.variables.get(name).cloned().ok_or(VarError::NotPresent)
        })
    }

    /// What is said about a configuration that is wrong. The folder is called `DIR`.
    pub(crate) fn complaints(&self, text: &str) -> String {
        match self.parse(text) {
            Ok(_) => panic!("this is accepted:\n{text}"),
            Err(problems) => self.without_folder(&problems.to_string()),
        }
    }

    pub(crate) fn without_folder(&self, text: &str) -> String {
        text.replace(self.folder.path().to_str().unwrap(), "DIR")
    }
}

/// A configuration that is right but for what the test puts in: sections of the names given replace the default ones.
pub(crate) fn with(sections: &str) -> String {
    let mut text = sections.to_owned();
    for (name, section) in [
        ("backends", "backends: { disk: { kind: local, root: data } }\n"),
        ("users", &format!("users: [{{ name: demo, password: \"{HASH}\", backend: disk }}]\n")),
    ] {
        if !sections.lines().any(|line| line.starts_with(&format!("{name}:"))) {
            text.push_str(section);
        }
    }
    text
}

/// A backend of a configuration, which is of the kind whose backends are `T`.
pub(crate) fn backend<'a, T: Backend>(config: &'a Config, name: &str) -> &'a T {
    let backend: &dyn Any = &*config.backends[name];
    backend.downcast_ref().unwrap()
}

pub(crate) fn shipped(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(name)).unwrap()
}
