//! What a client does, line by line, and what comes of it: the same lines go to both servers.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ClientConfig;

use super::machine::Machine;
use crate::support::{Client, Reply};

/// A difference that is known: the line as it is shown in a failure, what the other server does, what Wharf does, and why.
pub type Known = (String, &'static str, &'static str, &'static str);

/// Does these lines at both servers, one line at both before the next, compares what comes of each, and then the files. The lines
/// are commands of FTP, and these:
///
/// `login NAME PASSWORD`: a connection of its own; `list PATH`: names, kinds and sizes by `LIST -al`; `plain PATH`: the same by `LIST`;
/// `names PATH`: by NLST; `get PATH`, `get@3 PATH`: from there on; `put PATH TEXT`, `put@3 PATH TEXT`, `add PATH TEXT` (APPE).
#[track_caller]
pub fn compare(
    machine: &Machine,
    servers: [SocketAddr; 2],
    tls: Option<&[Arc<ClientConfig>; 2]>,
    script: &str,
    at_least: usize,
    known: &[Known],
) {
    let of = |which: usize| Side { address: servers[which], tls: tls.map(|tls| &tls[which]), client: None };
    let (mut old, mut new) = (of(0), of(1));
    let mut seen = Vec::new();
    let mut who = String::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(login) = line.strip_prefix("login ") {
            login.clone_into(&mut who);
        }
        let shown = if line.starts_with("login ") { line.to_owned() } else { format!("{who}: {line}") };
        seen.push((shown, old.does(line), new.does(line)));
    }
    drop((old, new));
    let (old, mut new): (_, BTreeMap<_, _>) =
        (machine.tree("old"), machine.tree("new").into_iter().collect());
    for (path, what) in old {
        let other = new.remove(&path).unwrap_or_else(|| "nothing".to_owned());
        seen.push((path, what, other));
    }
    seen.extend(new.into_iter().map(|(path, what)| (path, "nothing".to_owned(), what)));
    let compared = seen.len();
    let mut open: Vec<&Known> = known.iter().collect();
    seen.retain(|(line, old, new)| {
        let is_it = |(at, theirs, ours, _): &&Known| at == line && theirs == old && ours == new;
        match open.iter().position(is_it) {
            Some(found) => {
                open.remove(found);
                false
            }
            None => old != new,
        }
    });
    let shown: String =
        seen.iter().map(|(line, old, new)| format!("{line}\n    there: {old}\n    Wharf: {new}\n")).collect();
    assert!(seen.is_empty(), "{} of {compared} differ:\n{shown}", seen.len());
    assert!(open.is_empty(), "these differences are no more: {open:#?}");
    assert!(compared >= at_least, "only {compared} were compared");
}

/// One of the servers, and the session there.
struct Side<'a> {
    address: SocketAddr,
    tls: Option<&'a Arc<ClientConfig>>,
    client: Option<Client>,
}

impl Side<'_> {
    fn does(&mut self, line: &str) -> String {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        if verb == "login" {
            let mut client = Client::connect(self.address);
            client.expect_reply(220);
            if let Some(config) = self.tls {
                client.try_start_tls(config).unwrap();
            }
            let (name, password) = rest.split_once(' ').unwrap();
            let mut reply = client.command(&format!("USER {name}"));
            if reply.code == 331 {
                reply = client.command(&format!("PASS {password}"));
            }
            if reply.code == 230 {
                client.expect("TYPE I", 200);
            }
            self.client = Some(client);
            return may(&reply);
        }
        let client = self.client.as_mut().expect("a login comes first");
        let (verb, offset) = verb.split_once('@').map_or((verb, None), |(verb, at)| (verb, Some(at)));
        if let Some(offset) = offset {
            client.expect(&format!("REST {offset}"), 350);
        }
        let (path, text) = rest.split_once(' ').unwrap_or((rest, ""));
        match verb {
            "list" => listing(client.try_fetch(&format!("LIST -al {rest}"))),
            "plain" => listing(client.try_fetch(format!("LIST {rest}").trim())),
            "names" => names(client.try_fetch(format!("NLST {rest}").trim())),
            "get" => {
                let (bytes, reply) = client.try_fetch(&format!("RETR {rest}"));
                if is_good(&reply) { format!("{:?}", String::from_utf8_lossy(&bytes)) } else { may(&reply) }
            }
            "put" => may(&client.try_store(&format!("STOR {path}"), text.as_bytes())),
            "add" => may(&client.try_store(&format!("APPE {path}"), text.as_bytes())),
            "PWD" => {
                let reply = client.command(line);
                reply.text().split('"').nth(1).unwrap_or("no").to_owned()
            }
            "SIZE" | "MDTM" => {
                let reply = client.command(line);
                if is_good(&reply) { reply.text() } else { may(&reply) }
            }
            _ => may(&client.command(line)),
        }
    }
}

fn is_good(reply: &Reply) -> bool {
    reply.code < 400
}

fn may(reply: &Reply) -> String {
    if is_good(reply) { "yes" } else { "no" }.to_owned()
}

fn names((bytes, reply): (Vec<u8>, Reply)) -> String {
    if !is_good(&reply) {
        return may(&reply);
    }
    let text = String::from_utf8(bytes).unwrap();
    // Some servers repeat the path before each name, and only some show those that begin with a dot.
    let last = |line| str::rsplit(line, '/').next().unwrap_or_default();
    let mut names: Vec<&str> = text.lines().map(last).filter(|name| !name.starts_with('.')).collect();
    names.sort_unstable();
    names.join(" ")
}

/// The names of a listing, with a slash behind directories and sizes behind files.
fn listing((bytes, reply): (Vec<u8>, Reply)) -> String {
    if !is_good(&reply) {
        return may(&reply);
    }
    let text = String::from_utf8(bytes).unwrap();
    let mut entries = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with("total ")) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [mode, _, _, _, size, .., name] = fields.as_slice() else { panic!("no entry: {line:?}") };
        match *name {
            "." | ".." => {}
            name if mode.starts_with('d') => entries.push(format!("{name}/")),
            name => entries.push(format!("{name} {size}")),
        }
    }
    entries.sort();
    entries.join(", ")
}
