//! `kind: local`.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use wharf_backends::Storage;
use wharf_backends::local::{LocalOptions, LocalStorage};

use crate::config::section::{Around, At, Checker, Placed, Scalar, Section, say, units};
use crate::config::{Backend, Ground, Needs, OpenError, Shared};

/// A directory of this machine.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Local {
    /// The directory; nothing outside of it can be reached. Example: `root: /srv/ftp`.
    #[schemars(required, extend("x-type" = "path"))]
    root: Option<At<String>>,
    /// Make it at the start if it is missing. Default: `false`. Example: `create_root: true`.
    create_root: Option<At<bool>>,
    /// Answer an upload only when the disk has confirmed it. Default: `true`. Example: `sync: false`.
    sync: Option<At<bool>>,
    /// Follow [symbolic links](backends.md#local-a-directory-of-this-machine) that stay inside of the user's directory;
    /// others are never followed. Default: `true`. Example: `follow_links: false`.
    follow_links: Option<At<bool>>,
    /// The [permission bits](backends.md#local-a-directory-of-this-machine) of new files, whatever the umask is.
    /// Default: `"0640"`. Example: `file_mode: "0660"`.
    #[schemars(with = "Option<String>", extend("x-type" = "octal digits in quotes"))]
    file_mode: Option<At<Scalar>>,
    /// The permission bits of new directories. Default: `"0750"`. Example: `directory_mode: "0770"`.
    #[schemars(with = "Option<String>", extend("x-type" = "octal digits in quotes"))]
    directory_mode: Option<At<Scalar>>,
    /// How long the disk may take for one step before an operation is [answered with
    /// 451](backends.md#a-disk-that-does-not-answer), `1s` to `1h`. Work that goes on is never cut off. Default: `1m`.
    /// Example: `timeout: 20s`.
    #[schemars(with = "Option<String>", extend("x-type" = "duration"))]
    timeout: Option<At<Scalar>>,
}

impl Section for Local {
    const KIND: &'static str = "local";

    fn check(self, checker: &Checker<'_>, around: Around) -> Option<Arc<dyn Backend>> {
        let create_root = self.create_root.and_then(|at| at.value).unwrap_or(false);
        let root = checker.required(self.root, "root", around.name);
        let options = LocalOptions {
            create_root,
            sync: self.sync.and_then(|at| at.value).unwrap_or(true),
            follow_links: self.follow_links.and_then(|at| at.value).unwrap_or(true),
            file_mode: mode(checker, self.file_mode, 0o600, LocalOptions::FILE_MODE),
            directory_mode: mode(checker, self.directory_mode, 0o700, LocalOptions::DIRECTORY_MODE),
            fixed_root: false,
            sweep: true,
            timeout: timeout(checker, self.timeout),
        };
        let root = checked_root(checker, root, create_root)?;
        Some(Arc::new(Directory { root, options }))
    }
}

/// How long a disk may take for a step.
fn timeout(checker: &Checker<'_>, field: Option<At<Scalar>>) -> Duration {
    const ALLOWED: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(60 * 60);
    let timeout = checker.parsed(field, |text| {
        let timeout = units::duration(text)?;
        ALLOWED.contains(&timeout).then_some(timeout).ok_or_else(|| "from 1s to 1h is allowed".to_owned())
    });
    timeout.map_or(LocalOptions::TIMEOUT, |(timeout, _)| timeout)
}

/// Permission bits in octal digits, of which the server itself needs some.
fn mode(checker: &Checker<'_>, field: Option<At<Scalar>>, needed: u32, default: u32) -> u32 {
    let parse = |text: &str| {
        let digits = text.strip_prefix("0o").unwrap_or(text);
        let is_octal =
            matches!(digits.len(), 3 | 4) && digits.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
        let mode = u32::from_str_radix(digits, 8).ok().filter(|mode| is_octal && *mode <= 0o777);
        match mode.ok_or("three octal digits are needed, in quotes, such as \"0640\"")? {
            mode if mode & needed != needed => {
                Err(format!("the server itself needs {needed:04o} of it (is it octal, and in quotes?)"))
            }
            mode => Ok(mode),
        }
    };
    checker.parsed(field, parse).map_or(default, |(mode, _)| mode)
}

/// A directory that is there, or may be made if `create` is set.
pub(super) fn checked_root(
    checker: &Checker<'_>,
    field: Option<Placed<String>>,
    create: bool,
) -> Option<PathBuf> {
    let (text, span) = field?;
    let root = checker.local_path(&text, span)?;
    let reason = match std::fs::metadata(&root) {
        Ok(metadata) if metadata.is_dir() => return Some(root),
        Ok(_) => "this is not a directory".to_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && create => return Some(root),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            "there is no such directory; `create_root: true` has it made".to_owned()
        }
        Err(error) => say(&error),
    };
    checker.problem(span, format!("root {}: {reason}", root.display()));
    None
}

/// A directory of this machine.
#[derive(Debug, Clone)]
pub(crate) struct Directory {
    /// Where it is. It exists, or [`create_root`](LocalOptions::create_root) is set.
    pub(crate) root: PathBuf,
    /// How it is treated.
    pub(crate) options: LocalOptions,
}

impl Backend for Directory {
    fn kind(&self) -> &'static str {
        Local::KIND
    }

    fn open(&self, name: &str, _: &Shared) -> Result<Arc<dyn Storage>, OpenError> {
        let storage = LocalStorage::open_as(name, &self.root, self.options)
            .map_err(|error| format!("can't open the directory {}: {error}", self.root.display()))?;
        Ok(Arc::new(storage))
    }

    fn make_root(&self) -> Result<(), OpenError> {
        let made = LocalStorage::make_root(&self.root, self.options);
        made.map_err(|error| format!("can't make the directory {}: {error}", self.root.display()).into())
    }

    fn keeps_uploads(&self) -> Option<bool> {
        Some(true)
    }

    fn location(&self) -> Option<String> {
        Some(self.root.display().to_string())
    }

    fn ground(&self) -> Option<Ground> {
        Some(Ground::of_directory(&self.root))
    }

    fn needs(&self) -> Needs {
        Needs { directories: vec![self.root.clone()], ..Needs::default() }
    }

    fn modes(&self) -> Option<u32> {
        Some(self.options.file_mode | self.options.directory_mode)
    }

    fn with_fixed_root(&self) -> Option<Arc<dyn Backend>> {
        Some(Arc::new(Self { options: LocalOptions { fixed_root: true, ..self.options }, ..self.clone() }))
    }

    fn without_sweep(&self) -> Option<Arc<dyn Backend>> {
        Some(Arc::new(Self { options: LocalOptions { sweep: false, ..self.options }, ..self.clone() }))
    }
}
