//! What was read, as a configuration of Wharf with comments.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::model::{Imported, Password, Quota, Remark, Settings, Tls, User, UserLimits, View};
use super::places::Places;
use super::yaml::{Lines, Node};
use crate::config::{Permissions, can_be_a_name};

/// The lowest bandwidth that Wharf keeps, in bytes a second.
const LEAST_RATE: u64 = 8 << 10;
/// The longest text of the first reply, in bytes.
const LONGEST_GREETING: usize = 200;

/// The parts of a configuration.
pub(super) struct Written {
    /// All but the users.
    pub(super) head: Lines,
    /// The entry of each user, and of those who are left out, as comments.
    pub(super) users: Vec<Lines>,
    /// What is behind the users.
    pub(super) tail: Lines,
}

/// Leaves out those whose names can't be those of users, or are taken.
pub(super) fn settle_names(imported: &mut Imported) {
    let has_anonymous = imported.anonymous.is_some();
    let mut known = BTreeMap::new();
    for user in &mut imported.users {
        let lower = user.name.to_ascii_lowercase();
        if !can_be_a_name(&user.name) {
            user.leave_out(
                "a name of Wharf has at most 64 bytes, and no spaces, slashes or control characters",
            );
        } else if matches!(user.name.as_str(), "." | "..") {
            user.leave_out("the name is that of a directory: a home of this name is another's, too");
        } else if lower == "anonymous" || lower == "ftp" && has_anonymous {
            user.leave_out("this is the name of the login without a password; see the section `anonymous`");
        }
        // The first counts, also one who is left out: another entry may be an older one of somebody who is disabled now.
        match known.entry(user.name.clone()) {
            Entry::Occupied(first) => {
                user.leave_out(format!("a user of this name stands in {}, too, and counts", first.get()));
            }
            Entry::Vacant(first) => {
                first.insert(user.place.clone());
            }
        }
    }
}

/// Puts remarks into the order of files and lines, and those that many users share to the rest.
pub(super) fn settle_remarks(imported: &mut Imported) {
    let mut shared: HashMap<Remark, usize> = HashMap::new();
    for remark in imported.users.iter().flat_map(|user| &user.remarks) {
        *shared.entry(remark.clone()).or_default() += 1;
    }
    shared.retain(|_, count| *count > 1);
    for user in &mut imported.users {
        user.remarks.retain(|remark| !shared.contains_key(remark));
    }
    imported.remarks.extend(shared.into_keys());
    imported.remarks.sort();
    imported.remarks.dedup();
}

pub(super) fn write(source: &str, files: &[String], imported: &Imported) -> Written {
    let places = Places::of(imported);
    let mut head = Lines::default();
    head.comment(0, &format!("Made by `wharf import {source}` of {}.", files.join(", ")));
    if !imported.remarks.is_empty() {
        head.line(0, "#");
        head.comment(0, "What is not carried over as it was, by file and line:");
        remarks(&mut head, 0, &imported.remarks);
    }
    head.empty();
    server(&mut head, &imported.settings);
    if let Some(settings) = &imported.settings.tls {
        tls(&mut head, settings);
    }
    backends(&mut head, imported, &places);
    let users = imported.users.iter().map(|user| entry(user, &places)).collect();
    let mut tail = Lines::default();
    if let Some(found) = &imported.anonymous {
        tail.empty();
        tail.line(0, "anonymous:");
        tail.line(2, "enabled: true");
        view(&mut tail, 2, found, &places);
    }
    Written { head, users, tail }
}

fn remarks(lines: &mut Lines, indent: usize, remarks: &[Remark]) {
    for Remark { place, text } in remarks {
        lines.comment(indent, &format!("- {place}: {text}"));
    }
}

fn seconds(seconds: u64) -> Node {
    Node::word(format_args!("{}s", seconds.clamp(1, 360 * 24 * 60 * 60)))
}

fn server(lines: &mut Lines, settings: &Settings) {
    let mut keys = Lines::default();
    let mut key = |name: &str, node: Node| keys.line(2, format_args!("{name}: {node}"));
    if !settings.listen.is_empty() {
        key("listen", Node::texts(settings.listen.iter().cloned()));
    }
    if !settings.implicit_tls_listen.is_empty() {
        key("implicit_tls_listen", Node::texts(settings.implicit_tls_listen.iter().cloned()));
    }
    if let Some(idle) = settings.idle_timeout {
        key("idle_timeout", seconds(idle));
    }
    if let Some(login) = settings.login_timeout {
        key("login_timeout", seconds(login));
    }
    let mut passive = Vec::new();
    if let Some((first, last)) = settings.passive_ports {
        passive.push(("ports", Node::word(format_args!("{first}-{last}"))));
    }
    if let Some(address) = &settings.passive_address {
        passive.push(("address", Node::text(address)));
    }
    if !passive.is_empty() {
        key("passive", Node::Map(passive));
    }
    if settings.image {
        key("default_type", Node::word("image"));
    }
    if settings.ignore_chmod {
        key("chmod", Node::word("ignore"));
    }
    if settings.local_time {
        key("listing_time", Node::word("local"));
    }
    if let Some(active) = settings.active {
        key("active", Node::word(active));
    }
    let limits: Vec<_> = [
        ("sessions", settings.sessions),
        ("sessions_per_ip", settings.sessions_per_ip),
        ("sessions_per_user", settings.sessions_per_user),
    ]
    .into_iter()
    .filter_map(|(name, number)| Some((name, Node::word(number?.max(1)))))
    .collect();
    if !limits.is_empty() {
        key("limits", Node::Map(limits));
    }
    if let Some(greeting) = &settings.greeting {
        let line = greeting.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
        let mut line: String = line.chars().filter(|c| !c.is_control()).collect();
        while line.len() > LONGEST_GREETING {
            line.pop();
        }
        if !line.is_empty() {
            key("greeting", Node::text(line));
        }
    }
    if keys.len() > 0 {
        lines.line(0, "server:");
        lines.append(&keys);
        lines.empty();
    }
}

fn tls(lines: &mut Lines, settings: &Tls) {
    for path in [&settings.certificate, &settings.key, &settings.client_authorities, &settings.client_crl]
        .into_iter()
        .flatten()
    {
        if !Path::new(path).is_file() {
            lines.comment(0, &format!("{path} is not on this machine: `wharf check` wants it to be there."));
        }
    }
    let mode = match (settings.required_control, settings.required_data) {
        (true, true) => "required",
        (true, false) => "required-control",
        (false, true) => "required-data",
        (false, false) => "optional",
    };
    lines.line(0, "tls:");
    lines.line(2, format_args!("mode: {mode}"));
    let mut key = |name: &str, value: &Option<String>| {
        if let Some(value) = value {
            lines.line(2, format_args!("{name}: {}", Node::text(value)));
        }
    };
    key("certificate", &settings.certificate);
    key("key", &settings.key);
    key("client_authorities", &settings.client_authorities);
    key("client_crl", &settings.client_crl);
    if settings.client_authorities.is_some() && !settings.require_client_certificate {
        lines.line(2, "require_client_certificate: false");
    }
    if settings.require_session_reuse {
        lines.line(2, "require_session_reuse: true");
    }
    if settings.only_newest {
        lines.line(2, "min_version: \"1.3\"");
    }
    lines.empty();
}

fn backends(lines: &mut Lines, imported: &Imported, places: &Places) {
    lines.line(0, "backends:");
    if places.disks.is_empty() && imported.stores.is_empty() {
        lines.comment(2, "Nobody has a directory: this one is an example.");
        lines.line(2, "nothing: { kind: memory, capacity: 1MiB }");
    }
    if !places.disks.is_empty() {
        lines.comment(2, "Wharf does all on these directories as its own account of the machine, for whichever user: that account has to own");
        lines.comment(2, "them, or be in a group that may write there. The owners and modes of files give or refuse nothing to single users.");
    }
    for disk in &places.disks {
        let mut keys = vec![("kind", Node::word("local")), ("root", Node::text(&disk.root))];
        if !Path::new(&disk.root).is_dir() {
            lines.comment(2, &format!("{} is not on this machine, and is made at the start.", disk.root));
            keys.push(("create_root", Node::word(true)));
        }
        keys.push(("file_mode", Node::word(format_args!("\"{:04o}\"", disk.modes.file))));
        keys.push(("directory_mode", Node::word(format_args!("\"{:04o}\"", disk.modes.directory))));
        lines.line(2, format_args!("{}: {}", Node::text(&disk.name), Node::Map(keys)));
    }
    for store in &imported.stores {
        remarks(lines, 2, &store.remarks);
        lines.line(2, format_args!("{}:", Node::text(&store.name)));
        for (name, value) in &store.keys {
            lines.line(4, format_args!("{name}: {value}"));
        }
    }
}

fn permissions(permissions: Permissions) -> Node {
    let shown = permissions.to_string();
    let is_one_word = Permissions::WORDS.iter().any(|(word, _)| *word == shown);
    if is_one_word && Permissions::WORDS[..3].iter().any(|(word, _)| *word == shown) {
        return Node::word(shown);
    }
    Node::List(shown.split_whitespace().map(Node::word).collect())
}

fn quota(quota: Quota) -> Option<Node> {
    let keys: Vec<_> =
        [("bytes", quota.bytes.map(bytes).map(Node::word)), ("files", quota.files.map(Node::word))]
            .into_iter()
            .filter_map(|(name, node)| Some((name, node?)))
            .collect();
    (!keys.is_empty()).then_some(Node::Map(keys))
}

fn view(lines: &mut Lines, indent: usize, view: &View, places: &Places) {
    let spot = places.spot(&view.tree);
    lines.line(indent, format_args!("backend: {}", Node::text(spot.backend)));
    if !spot.path.is_empty() {
        lines.line(indent, format_args!("path: {}", Node::text(spot.path)));
    }
    lines.line(indent, format_args!("permissions: {}", permissions(view.permissions)));
    if let Some(quota) = quota(view.quota) {
        lines.line(indent, format_args!("quota: {quota}"));
    }
    if view.mounts.is_empty() {
        return;
    }
    lines.line(indent, "mounts:");
    for mount in &view.mounts {
        let spot = places.spot(&mount.tree);
        let mut keys = vec![("at", Node::text(&mount.at)), ("backend", Node::text(spot.backend))];
        if !spot.path.is_empty() {
            keys.push(("path", Node::text(spot.path)));
        }
        keys.push(("permissions", permissions(mount.permissions)));
        keys.extend(quota(mount.quota).map(|quota| ("quota", quota)));
        lines.line(indent + 2, format_args!("- {}", Node::Map(keys)));
    }
}

fn limits(limits: &UserLimits) -> Option<Node> {
    let rate = |rate: Option<u64>| Some(Node::word(format_args!("{}/s", bytes(rate?.max(LEAST_RATE)))));
    let keys: Vec<_> = [
        ("sessions", limits.sessions.map(Node::word)),
        ("transfers", limits.transfers.map(Node::word)),
        ("upload", rate(limits.upload)),
        ("download", rate(limits.download)),
        ("file_size", limits.file_size.map(bytes).map(Node::word)),
        (
            "refuse_names",
            (!limits.refuse_names.is_empty()).then(|| Node::texts(limits.refuse_names.iter().cloned())),
        ),
        ("idle", limits.idle.map(seconds)),
    ]
    .into_iter()
    .filter_map(|(name, node)| Some((name, node?)))
    .collect();
    (!keys.is_empty()).then_some(Node::Map(keys))
}

/// A number of bytes in the largest unit that fits.
fn bytes(bytes: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let unit = units.into_iter().find(|(unit, _)| bytes > 0 && bytes.is_multiple_of(*unit));
    unit.map_or_else(|| format!("{bytes}B"), |(unit, name)| format!("{}{name}", bytes / unit))
}

/// The entry of a user in the list.
fn entry(user: &User, places: &Places) -> Lines {
    let mut keys = Lines::default();
    keys.line(2, format_args!("- name: {}", Node::text(&user.name)));
    match &user.password {
        Some(Password::Hash(hash)) => keys.line(4, format_args!("password: {}", Node::text(hash))),
        Some(Password::File(file)) => {
            keys.line(4, format_args!("password: {}", Node::Map(vec![("file", Node::text(file))])));
        }
        None => keys.line(4, "password: \"…\"  # of `wharf hash-password`"),
    }
    if !user.networks.is_empty() {
        let networks = user.networks.iter().map(ToString::to_string);
        keys.line(4, format_args!("networks: {}", Node::texts(networks)));
    }
    if let Some(expires) = &user.expires {
        keys.line(4, format_args!("expires: {}", Node::text(expires)));
    }
    if let Some(encoding) = &user.encoding {
        keys.line(4, format_args!("encoding: {}", Node::text(encoding)));
    }
    if user.ignore_chmod {
        keys.line(4, "chmod: ignore");
    }
    if let Some(limits) = limits(&user.limits) {
        keys.line(4, format_args!("limits: {limits}"));
    }
    view(&mut keys, 4, &user.view, places);
    let mut lines = Lines::default();
    for (name, rate) in [("upload", user.limits.upload), ("download", user.limits.download)] {
        if let Some(rate) = rate.filter(|rate| *rate < LEAST_RATE) {
            let text = format!(
                "- {}: {name}: {rate} bytes a second is less than Wharf's least, {LEAST_RATE}",
                user.place
            );
            lines.comment(2, &text);
        }
    }
    remarks(&mut lines, 2, &user.remarks);
    match &user.left_out {
        None => lines.append(&keys),
        Some(reason) => {
            lines.comment(2, &format!("- {}: user {} is left out: {reason}", user.place, user.name));
            lines.commented(2, &keys);
        }
    }
    lines
}
