//! What the tests of accounts have in common.

use std::path::Path;
use std::sync::Arc;

use wharf_backends::memory::MemoryStorage;

use crate::config::{self, Config, Password, User};
use crate::engine::ENGINES;
use crate::storages::{KINDS, Storages};

const BASE: &str = "
backends: { memory: { kind: memory, capacity: 1MiB } }
users: [{ name: somebody, password: something, plain: true, backend: memory }]
";

/// A configuration of these users.
pub(super) fn configured<'a>(users: impl IntoIterator<Item = (&'a str, Password)>) -> Config {
    let base = match config::parse(BASE, "test", Path::new(""), &KINDS, &ENGINES) {
        Ok(config) => config,
        Err(problems) => panic!("{problems}"),
    };
    let like = &base.users[0];
    let user = |(name, password): (&str, Password)| User {
        name: name.to_owned(),
        password: Some(password),
        ..like.clone()
    };
    Config { users: users.into_iter().map(user).collect(), ..base.clone() }
}

pub(super) fn storages() -> Storages {
    Storages::from([("memory".to_owned(), Arc::new(MemoryStorage::new(1024 * 1024)) as _)])
}
