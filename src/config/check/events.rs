//! The section `events`.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use base64ct::{Base64, Encoding};
use glob::Pattern;
use wharf_backends::object;

use super::super::event_targets::{EventSpool, EventTarget, EventWay, Events, Webhook};
use super::super::suggest::quote;
use super::accounts::Accounts;
use super::*;
use crate::events::KINDS;

const SPOOL_SIZE: u64 = 256 << 20;
const SPOOL_LEAST: u64 = 1 << 20;
const PARTIAL_NAMES: [&str; 4] = ["*.part", "*.filepart", "*.partial", "*.tmp"];
const PARTIAL_WAIT: Duration = Duration::from_secs(24 * 60 * 60);
const ON: [&str; 2] = ["file.*", "directory.*"];
const AT_ONCE: usize = 4;
const AT_ONCE_MOST: u64 = 256;
const TIMEOUT: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_secs(1);
const RETRY_FOR: Duration = Duration::from_secs(72 * 60 * 60);
/// What a key of signatures begins with (Standard Webhooks).
const SECRET: &str = "whsec_";

/// `secret`, `more_secrets` and `token` as written.
type Keys = (Option<At<raw::Secret>>, Option<At<Vec<At<raw::Secret>>>>, Option<At<raw::Secret>>);

/// The name of the backend where events wait, if it is one.
pub(super) fn backend_of(raw: &raw::Config) -> Option<String> {
    match raw.events.as_ref()?.value.as_ref()?.spool.as_ref()?.value.as_ref()? {
        raw::EventSpool::Bucket(bucket) => bucket.backend.as_ref()?.value.clone(),
        raw::EventSpool::Directory(_) => None,
    }
}

impl Checker<'_> {
    /// Who is told of what happens.
    pub(super) fn events(
        &self,
        field: Option<At<raw::Events>>,
        backends: &BTreeMap<String, backends::Defined>,
        accounts: &Accounts,
        elsewhere: &scan::Elsewhere,
    ) -> Option<Events> {
        let at = field?;
        let (owner, raw) = (at.key, at.value?);
        let spool = match self.required(raw.spool, "spool", owner) {
            Some((raw::EventSpool::Directory(text), span)) => {
                self.event_spool(&text, span, backends).map(EventSpool::Directory)
            }
            Some((raw::EventSpool::Bucket(bucket), span)) => {
                if let Some(sync) = &raw.sync {
                    self.problem(sync.key, "`sync` has no use here: it belongs to a spool in a directory");
                }
                self.event_bucket(bucket, span, (backends, accounts, elsewhere))
            }
            None => None,
        };
        let size = self.parsed(raw.spool_size, |text| match units::size(text)? {
            size if size >= SPOOL_LEAST => Ok(size),
            _ => Err("at least 1MiB is needed".to_owned()),
        });
        let is_bucket = matches!(spool, Some(EventSpool::Bucket { .. }));
        let node = match raw.node {
            Some(at) => at.value.and_then(|text| self.node(text, at.span, is_bucket)),
            None => Some(host_name()),
        };
        let names = match raw.partial_names {
            Some(at) => at.value.map(|list| self.patterns_of(list, plain_pattern)),
            None => Some(PARTIAL_NAMES.iter().filter_map(|text| Pattern::new(text).ok()).collect()),
        };
        let wait = self.parsed(raw.partial_wait, units::duration);
        let to = self.required(raw.to, "to", owner);
        let mut targets: Vec<EventTarget> = Vec::new();
        if let Some((list, span)) = to {
            if list.is_empty() || list.len() > Events::MOST_TARGETS {
                self.problem(span, "from 1 to 64 receivers are possible");
            }
            for at in list {
                let place = at.span;
                let Some(target) = at.value.and_then(|raw| self.event_target(raw, place)) else { continue };
                if targets.iter().any(|other| other.name == target.name) {
                    let message =
                        format!("the name {} stands here twice: give one a `name`", quote(&target.name));
                    self.problem(place, message);
                }
                targets.push(target);
            }
        }
        Some(Events {
            spool: spool?,
            spool_size: size.map_or(SPOOL_SIZE, |(size, _)| size),
            sync: raw.sync.and_then(|at| at.value).unwrap_or(true),
            node: node?,
            partial_names: names?,
            partial_wait: wait.map_or(PARTIAL_WAIT, |(wait, _)| wait),
            to: targets,
        })
    }

    fn node(&self, text: String, span: Span, is_bucket: bool) -> Option<String> {
        if is_bucket && let Some(problem) = why_not_a_name(&text) {
            self.problem(span, format!("the spool has a folder of this name: {problem}"));
            return None;
        }
        self.word(text, span)
    }

    fn word(&self, text: String, span: Span) -> Option<String> {
        let is_plain = !text.is_empty() && text.len() <= 255 && !text.contains(char::is_control);
        self.accept(is_plain.then_some(text).ok_or_else(|| "a text of one line is needed".to_owned()), span)
    }

    fn event_bucket(
        &self,
        raw: raw::EventBucket,
        owner: Span,
        (backends, accounts, elsewhere): (&BTreeMap<String, backends::Defined>, &Accounts, &scan::Elsewhere),
    ) -> Option<EventSpool> {
        let backend = self.required(raw.backend, "backend", owner);
        let (span, path) = match raw.path {
            Some(at) => (at.span, self.storage_path(Some(at))),
            None => {
                self.problem(owner, "`path` is missing");
                (owner, None)
            }
        };
        let (backend, place) = backend?;
        if !backends.contains_key(&backend) {
            let list = list_of(backends.keys().map(String::as_str));
            self.problem(place, format!("backend {} is not defined; {list}", quote(&backend)));
            return None;
        }
        let path = path?;
        if path.is_root() {
            self.problem(span, "the spool needs a directory of its own");
            return None;
        }
        let users = accounts.users.iter().map(|user| (quote(&user.name), &user.account));
        let anonymous = accounts
            .anonymous
            .iter()
            .map(|login| ("whoever logs in without a password".to_owned(), &login.account));
        // Another backend may have the same bucket, or a directory around this one.
        let here = grounds::Place::of(backends, &backend, &path);
        let mut reach = users.chain(anonymous).filter(|(_, account)| here.is_seen_by(account, backends));
        if let Some((first, _)) = reach.next() {
            let more = reach.count();
            let others = if more > 0 { format!(" (and {more} more)") } else { String::new() };
            let message = format!(
                "{first}{others} would reach this directory: events have to lie beside all that users have of this backend"
            );
            self.problem(span, message);
            return None;
        }
        if let Some(name) =
            here.backends_with(backends).find(|name| elsewhere.may_have(name, backends, accounts))
        {
            let which = if name == backend {
                "this backend".to_owned()
            } else {
                format!("the backend {}", quote(name))
            };
            let message = format!(
                "users of `users_from` may have a part of {which} that has this directory in it, and read or remove events: a backend of \
                 its own, with another `prefix`, is safer"
            );
            self.source.danger(span, message);
        }
        Some(EventSpool::Bucket { backend, path })
    }

    fn event_spool(
        &self,
        text: &str,
        span: Span,
        backends: &BTreeMap<String, backends::Defined>,
    ) -> Option<PathBuf> {
        let path = self.local_path(text, span)?;
        let problem = match std::fs::metadata(&path) {
            Ok(found) if !found.is_dir() => "this is not a directory".to_owned(),
            Ok(_) if rustix::fs::access(&path, rustix::fs::Access::WRITE_OK).is_err() => {
                "it can't be written to".to_owned()
            }
            Ok(_) => match grounds::root_that_meets(&path, backends) {
                Some(backend) => format!(
                    "users of the backend {} would reach this directory: events have to lie beside all that users have",
                    quote(backend)
                ),
                None => return Some(path),
            },
            Err(error) => files::say(&error),
        };
        self.problem(span, format!("{}: {problem}", path.display()));
        None
    }

    fn event_target(&self, raw: raw::EventTarget, owner: Span) -> Option<EventTarget> {
        let (url, command) = (raw.url, raw.command);
        let of_webhooks = [
            ("secret", raw.secret.as_ref().map(|at| at.key)),
            ("more_secrets", raw.more_secrets.as_ref().map(|at| at.key)),
            ("token", raw.token.as_ref().map(|at| at.key)),
            ("mode", raw.mode.as_ref().map(|at| at.key)),
            ("ca_file", raw.ca_file.as_ref().map(|at| at.key)),
        ];
        let mut usual = None;
        let place = url.as_ref().map(|at| at.span);
        let way = match (url, command) {
            (Some(url), None) => {
                let keys = (raw.secret, raw.more_secrets, raw.token);
                let webhook = self.webhook(url, keys, raw.ca_file, raw.mode);
                usual = webhook.as_ref().map(|webhook| bare(&webhook.url));
                webhook.map(EventWay::Webhook)
            }
            (None, Some(at)) => {
                for (key, place) in of_webhooks {
                    if let Some(place) = place {
                        self.problem(place, format!("`{key}` has no use here: it belongs to `url`"));
                    }
                }
                let command = self.event_command(at);
                usual = command.as_ref().and_then(|command| command.first().cloned());
                command.map(EventWay::Command)
            }
            (None, None) => {
                self.problem(owner, "say who is told: `url` or `command`");
                None
            }
            (Some(_), Some(_)) => {
                self.problem(owner, "each receiver is an item of its own: either `url` or `command`");
                None
            }
        };
        let name = match raw.name {
            Some(at) => at.value.filter(|name| self.name(name, at.span)),
            None => {
                if let (Some(name), Some(at)) =
                    (&usual, place.filter(|_| usual.as_deref().is_some_and(has_token)))
                {
                    let host = name.split('/').nth(2).unwrap_or_default();
                    let message = format!(
                        "without `name`, metrics, logs and `wharf events` show the path of this URL, which looks like a secret of {host}: give the receiver a `name`"
                    );
                    self.source.danger(at, message);
                }
                usual
            }
        };
        let on = match raw.on {
            Some(at) => at.value.map(|list| self.patterns_of(list, kind_pattern)),
            None => Some(ON.iter().filter_map(|text| Pattern::new(text).ok()).collect()),
        };
        let list =
            |field: Option<At<Vec<At<String>>>>, parse: fn(&str) -> Result<Pattern, String>| match field {
                Some(at) => at.value.map(|list| self.patterns_of(list, parse)),
                None => Some(Vec::new()),
            };
        let time = |field, least: Duration, most: Duration| {
            self.parsed(field, move |text| match units::duration(text)? {
                duration if (least..=most).contains(&duration) => Ok(duration),
                _ => {
                    let (least, most) = (humantime::format_duration(least), humantime::format_duration(most));
                    Err(format!("from {least} to {most} is possible"))
                }
            })
        };
        let (hour, year) = (Duration::from_secs(60 * 60), Duration::from_secs(366 * 24 * 60 * 60));
        let timeout = time(raw.timeout, Duration::from_millis(100), hour);
        let pause = time(raw.pause, Duration::from_millis(10), hour);
        let retry_for = time(raw.retry_for, Duration::ZERO, year);
        Some(EventTarget {
            on: on?,
            paths: list(raw.paths, path_pattern)?,
            users: list(raw.users, plain_pattern)?,
            at_once: self.count(raw.at_once, AT_ONCE_MOST, AT_ONCE),
            rate: self.parsed(raw.rate, units::rate).map(|(rate, _)| rate),
            timeout: timeout.map_or(TIMEOUT, |(timeout, _)| timeout),
            pause: pause.map_or(PAUSE, |(pause, _)| pause),
            retry_for: retry_for.map_or(RETRY_FOR, |(time, _)| time),
            name: name?,
            way: way?,
        })
    }

    fn webhook(
        &self,
        url: At<String>,
        (secret, more, token): Keys,
        ca_file: Option<At<String>>,
        mode: Option<At<raw::EventMode>>,
    ) -> Option<Webhook> {
        let span = url.span;
        let url = url.value.and_then(|text| {
            // A user and password before the host, or a key behind it.
            if text.contains(['@', '?', '#']) {
                self.hide(span);
            }
            let checked = object::parse_endpoint(&text).map(|_| text.clone());
            self.accept(checked.map_err(|error| error.to_string()), span)
        });
        let has_secrets = secret.is_some() || token.is_some();
        if url.as_deref().is_some_and(object::is_exposed) {
            let message = match has_secrets {
                true => {
                    "events, and the token that belongs to them, go there in plain text: whoever is on the way reads them, and \
                         can answer in the place of the receiver, so that they are lost: use https://"
                }
                false => {
                    "events go there in plain text: whoever is on the way reads and changes them: use https://"
                }
            };
            self.source.danger(span, message);
        }
        let listed = more.and_then(|at| at.value).unwrap_or_default();
        let secrets: Vec<_> = secret.into_iter().chain(listed).map(|at| self.signing_key(at)).collect();
        let token = token.map(|at| self.bearer_token(at));
        let authorities = ca_file.map(|at| self.authorities_of_users(at, url.as_deref()));
        Some(Webhook {
            url: url?,
            secrets: secrets.into_iter().collect::<Option<_>>()?,
            token: match token {
                Some(token) => Some(token?),
                None => None,
            },
            binary: mode.and_then(|at| at.value) == Some(raw::EventMode::Binary),
            authorities: match authorities {
                Some(authorities) => Some(authorities?),
                None => None,
            },
        })
    }

    fn signing_key(&self, at: At<raw::Secret>) -> Option<super::super::Secret> {
        let (secret, span) = self.secret(at)?;
        let key = secret.expose().strip_prefix(SECRET).and_then(|key| Base64::decode_vec(key).ok());
        if !key.is_some_and(|key| (24..=64).contains(&key.len())) {
            self.problem(span, "a key of signatures is `whsec_` and 24 to 64 bytes in base64");
            return None;
        }
        Some(secret)
    }

    fn event_command(&self, at: At<Vec<At<String>>>) -> Option<Vec<String>> {
        let words: Vec<String> = at.value?.into_iter().map(|at| at.value).collect::<Option<_>>()?;
        let Some(program) = words.first() else {
            self.problem(at.span, "the path of a program is needed");
            return None;
        };
        if words.iter().any(|word| word.contains('\0')) {
            self.problem(at.span, "an argument can't contain NUL");
            return None;
        }
        let path = Path::new(program);
        if !path.is_absolute() {
            self.problem(at.span, "the path of a program begins with `/`");
            return None;
        }
        match std::fs::metadata(path) {
            Err(error) => {
                self.problem(at.span, format!("{}: {}", path.display(), files::say(&error)));
                None
            }
            Ok(found) if !found.is_file() || found.permissions().mode() & 0o111 == 0 => {
                self.problem(at.span, format!("{}: this is no program", path.display()));
                None
            }
            Ok(found) => {
                if found.permissions().mode() & 0o002 != 0 {
                    let message = format!(
                        "every user of this machine can change {}, and so decide what the server runs",
                        path.display()
                    );
                    self.source.danger(at.span, message);
                }
                Some(words)
            }
        }
    }

    fn patterns_of(&self, list: Vec<At<String>>, parse: fn(&str) -> Result<Pattern, String>) -> Vec<Pattern> {
        list.into_iter().filter_map(|at| self.accept(parse(&at.value?), at.span)).collect()
    }
}

fn plain_pattern(text: &str) -> Result<Pattern, String> {
    match text {
        "" => Err("this pattern is empty".to_owned()),
        text if text.contains('/') => Err("a pattern of names has no `/`".to_owned()),
        text => Pattern::new(text).map_err(|error| format!("no pattern: {}", error.msg)),
    }
}

fn path_pattern(text: &str) -> Result<Pattern, String> {
    match text {
        text if !text.starts_with('/') => Err("a pattern of paths begins with `/`".to_owned()),
        text => Pattern::new(text).map_err(|error| format!("no pattern: {}", error.msg)),
    }
}

/// Kinds that nobody tells of would be waited for in vain.
fn kind_pattern(text: &str) -> Result<Pattern, String> {
    let pattern = Pattern::new(text).map_err(|error| format!("no pattern: {}", error.msg))?;
    match KINDS.iter().any(|kind| pattern.matches(kind)) {
        true => Ok(pattern),
        false => Err(format!("no event is called {}; there are {}", quote(text), KINDS.join(", "))),
    }
}

/// A URL without what stands before its host, and behind its path.
fn bare(url: &str) -> String {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let url = &url[..end];
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://{rest}"),
        _ => url.to_owned(),
    }
}

/// Whether the path of a URL has a part that nobody would choose as a name, as services have them whose address is all that one needs
/// to write there.
fn has_token(url: &str) -> bool {
    let is_token = |run: &str| {
        let has = |what: fn(&char) -> bool| run.chars().any(|c| what(&c));
        let (has_digits, has_letters) = (has(char::is_ascii_digit), has(char::is_ascii_alphabetic));
        let is_mixed = has(char::is_ascii_lowercase) && has(char::is_ascii_uppercase);
        (run.len() >= 16 && has_digits && has_letters) || (run.len() >= 20 && is_mixed)
    };
    // Words and numbers that belong to a name stand between signs; an escaped character is one.
    let runs = |part: &str| part.split(|c: char| !c.is_ascii_alphanumeric()).any(is_token);
    // A UUID has signs, too.
    let is_hexadecimal = |part: &str| {
        let digits: String = part.chars().filter(|c| *c != '-').collect();
        digits.len() >= 32 && digits.chars().all(|c| c.is_ascii_hexdigit())
    };
    url.split('/').skip(3).any(|part| runs(part) || is_hexadecimal(part))
}

/// The name of this machine.
fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "wharf".to_owned() } else { name.to_owned() }
}
