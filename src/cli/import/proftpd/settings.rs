//! Directives of a server as a whole, and a reason for each that is not carried over.

use super::super::model::{Imported, Place};
use super::conditions;
use super::syntax::{Block, Directive, is_on};
use super::tls;

/// Directives that are read, here or of users.
const READ: &[&str] = &[
    "allow",
    "allowall",
    "allowclass",
    "allowgroup",
    "allowoverride",
    "allowoverwrite",
    "allowstorerestart",
    "allowuser",
    "anonrequirepassword",
    "authgroupfile",
    "authorder",
    "authuserfile",
    "defaultaddress",
    "defaultroot",
    "deny",
    "denyall",
    "denyclass",
    "denygroup",
    "denyuser",
    "group",
    "masqueradeaddress",
    "maxclients",
    "maxclientsperhost",
    "maxclientsperuser",
    "maxinstances",
    "maxstorefilesize",
    "order",
    "passiveports",
    "pathallowfilter",
    "pathdenyfilter",
    "port",
    "requirevalidshell",
    "rootlogin",
    "serveralias",
    "serverident",
    "servername",
    "sftpengine",
    "timeoutidle",
    "timeoutlogin",
    "timesgmt",
    "tlscacertificatefile",
    "tlscacertificatepath",
    "tlscarevocationfile",
    "tlseccertificatefile",
    "tlseccertificatekeyfile",
    "tlsengine",
    "tlsoptions",
    "tlspkcs12file",
    "tlsprotocol",
    "tlsrequired",
    "tlsrsacertificatefile",
    "tlsrsacertificatekeyfile",
    "tlsverifyclient",
    "transferrate",
    "umask",
    "useftpusers",
    "user",
    "useralias",
    "useipv6",
];

/// Directives that say how ProFTPD works, and nothing of what clients see.
const INNER: &[&str] = &[
    "allowforeignaddress",
    "allowlogsymlinks",
    "allowretrieverestart",
    "authpam",
    "authpamconfig",
    "debuglevel",
    "defaultserver",
    "deferwelcome",
    "dynmasqrefresh",
    "delayengine",
    "delaytable",
    "identlookups",
    "listoptions",
    "loadmodule",
    "modulepath",
    "moduleorder",
    "multilinerfc2228",
    "persistentpasswd",
    "pidfile",
    "ratios",
    "scoreboardfile",
    "serveradmin",
    "servertype",
    "setenv",
    "showsymlinks",
    "socketbindtight",
    "socketoptions",
    "systemlog",
    "tcpbacklog",
    "timeoutlinger",
    "timeoutnotransfer",
    "timeoutstalled",
    "tlslog",
    "tlsrenegotiate",
    "uselastlog",
    "usereversedns",
    "useutf8",
    "usesendfile",
    "wtmplog",
    "controlsengine",
    "controlsinterval",
    "controlslog",
    "controlsmaxclients",
    "controlssocket",
    "adminctrlsengine",
    "admincontrolsengine",
    "lognosuchuser",
    "createhome",
    "hiddenstores",
    "deleteabortedstores",
    "commandbuffersize",
    "tlssessioncache",
    "traceengine",
    "tracelog",
    "trace",
    "logformat",
    "dirfakeuser",
    "dirfakegroup",
    "dirfakemode",
    "maxloginattempts",
    "maxconnectionrate",
    "authunixoptions",
    "tlsdhparamfile",
    "facts",
    "factsadvertise",
];

/// Why other directives are not carried over.
const REASONS: &[(&str, &str)] = &[
    ("anonymousgroup", "an anonymous login is one by the section `anonymous`"),
    ("banengine", "`lockout` locks out after failed logins"),
    ("denyfilter", "commands are not looked at by patterns; `limits.refuse_names` refuses names"),
    ("allowfilter", "commands are not looked at by patterns; `limits.refuse_names` refuses names"),
    ("displaychdir", "there are no messages of directories"),
    ("displayconnect", "a greeting is one line in `server.greeting`"),
    ("displaylogin", "the reply to a login has no text of your own"),
    ("displayquit", "the reply to QUIT has no text of your own"),
    ("extendedlog", "`audit` writes records of who did what"),
    ("transferlog", "`audit: [{ to: { file: … }, format: xferlog }]` writes the same lines"),
    ("syslogfacility", "`audit` can write to syslog"),
    ("sysloglevel", "see `log.filter`"),
    ("hidefiles", "listings have all files"),
    ("hidenoaccess", "listings have all files"),
    ("hideuser", "listings have all files"),
    ("hidegroup", "listings have all files"),
    ("ldapserver", "`users_from: [{ ldap: … }]` asks a directory service"),
    ("sqlconnectinfo", "`users_from: [{ sql: … }]` asks a database"),
    ("sqlauthenticate", "`users_from: [{ sql: … }]` asks a database"),
    ("sqluserinfo", "`users_from: [{ sql: … }]` asks a database"),
    (
        "sqlauthtypes",
        "`users_from: [{ sql: … }]` asks a database, whose hashes have to be ones that Wharf verifies",
    ),
    ("maxhostsperuser", "the hosts of a user are not counted; `limits.sessions` counts sessions"),
    ("maxretrievefilesize", "downloads of any size may be made"),
    ("quotaengine", "quotas in tables of mod_quotatab are not read: write `quota` at users"),
    ("quotalimittable", "quotas in tables of mod_quotatab are not read: write `quota` at users"),
    ("quotatallytable", "what is stored is counted by Wharf itself"),
    ("rewriteengine", "commands are not rewritten"),
    ("timeoutsession", "sessions may be as long as clients like"),
    (
        "tlscertificatechainfile",
        "put the certificates of this file behind the server's own in `tls.certificate`",
    ),
    ("tlsciphersuite", "`tls.cipher_suites` has other names; by default, only strong suites are offered"),
    ("tlsdsacertificatefile", "there are no DSA certificates"),
    ("userpassword", "the password of a single user stands in `users`"),
    ("grouppassword", "groups have no passwords"),
    ("userowner", "all files belong to Wharf's own account"),
    ("groupowner", "all files belong to Wharf's own account"),
    ("useencoding", "names are UTF-8 in the storage; `encoding` of a user says how the client writes them"),
    ("authaliasonly", "users log in with their own names, and have no others"),
    ("vrootoptions", "users see only their own directory, always"),
    ("vrootserverroot", "users see only their own directory, always"),
    ("vrootengine", "users see only their own directory, always"),
    ("vrootalias", "`mounts` of a user show other directories at other places"),
    ("wrapengine", "hosts.allow and hosts.deny are not read: see `networks` of users and `lockout.always`"),
    ("geoipengine", "countries of clients are not looked up"),
    ("execengine", "`events` runs programs"),
    ("accessgrantmsg", "the reply to a login has no text of your own"),
    ("accessdenymsg", "the reply to a failed login has no text of your own"),
];

/// Whether a directive is one of ProFTPD, as far as is known here.
pub(super) fn is_known(name: &str) -> bool {
    READ.contains(&name) || INNER.contains(&name) || REASONS.iter().any(|(directive, _)| *directive == name)
}

pub(super) fn server(host: &Block, is_first: bool, imported: &mut Imported) {
    unread(host, imported);
    let implicit = host
        .all("tlsoptions")
        .flat_map(|options| &options.words)
        .any(|word| word.eq_ignore_ascii_case("UseImplicitSSL"));
    let addresses = addresses(host, is_first);
    let has_tls = host.is_on("tlsengine", false);
    let settings = &mut imported.settings;
    let listen = if implicit && has_tls { &mut settings.implicit_tls_listen } else { &mut settings.listen };
    for address in addresses {
        if !listen.contains(&address) {
            listen.push(address);
        }
    }
    if has_tls {
        tls::add(host, is_first, imported);
    }
    if !is_first {
        let text = "one server listens on all addresses, with one set of `server` keys: what this one says of ports, times and limits is left out";
        imported.remark(&host.place, text);
        return;
    }
    let settings = &mut imported.settings;
    settings.idle_timeout = Some(host.number("timeoutidle").unwrap_or(600));
    settings.login_timeout = Some(host.number("timeoutlogin").unwrap_or(300));
    settings.passive_address = host.text("masqueradeaddress").map(str::to_owned);
    settings.local_time = !host.is_on("timesgmt", true);
    let counts = [host.number("maxinstances"), host.number("maxclients")];
    settings.sessions = counts.into_iter().flatten().min();
    settings.sessions_per_ip = host.number("maxclientsperhost");
    settings.sessions_per_user = host.number("maxclientsperuser");
    greeting(host, imported);
    if let Some(place) = overwrites(host).filter(|_| !host.is_on("allowstorerestart", false)) {
        let text = "AllowStoreRestart is off: who may overwrite may append and resume here, too";
        imported.remark(&place, text);
    }
    let Some(ports) = host.get("passiveports") else { return };
    match (ports.word(0).parse(), ports.word(1).parse()) {
        (Ok(first), Ok(last)) if (1024..=last).contains(&first) => {
            imported.settings.passive_ports = Some((first, last));
        }
        _ => {
            let text = "passive ports start at 1024, and the first is not above the last: Wharf's default is in their place";
            imported.remark(&ports.place, text);
        }
    }
}

/// Where it stands that somebody may overwrite.
fn overwrites(block: &Block) -> Option<Place> {
    let own = block.get("allowoverwrite").filter(|directive| is_on(directive.word(0), false));
    own.map(|directive| directive.place.clone()).or_else(|| block.blocks.iter().find_map(overwrites))
}

fn greeting(host: &Block, imported: &mut Imported) {
    let Some(ident) = host.get("serverident") else { return };
    if is_on(ident.word(0), true) {
        imported.settings.greeting = ident.words.get(1).cloned();
    }
}

fn addresses(host: &Block, is_first: bool) -> Vec<String> {
    // Of several ports the last counts, as is so with no other directive.
    let port = host.all("port").last().and_then(|port| port.word(0).parse::<u64>().ok()).unwrap_or(21);
    // A host without connections of its own.
    if host.text("port") == Some("0") {
        return Vec::new();
    }
    let named: Vec<&str> = if is_first {
        host.get("defaultaddress")
            .map(|directive| directive.words.iter().map(String::as_str).collect())
            .unwrap_or_default()
    } else {
        host.words.iter().map(String::as_str).collect()
    };
    if named.is_empty() {
        let mut all = vec![format!("0.0.0.0:{port}")];
        if host.is_on("useipv6", true) {
            all.push(format!("[::]:{port}"));
        }
        return all;
    }
    let address = |name: &str| match name.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(address)) => Some(format!("{address}:{port}")),
        Ok(std::net::IpAddr::V6(address)) => Some(format!("[{address}]:{port}")),
        Err(_) if matches!(name, "0.0.0.0" | "*") => Some(format!("0.0.0.0:{port}")),
        Err(_) => None,
    };
    named.into_iter().filter_map(address).collect()
}

/// Remarks on directives that are not read, wherever they stand in a server.
fn unread(block: &Block, imported: &mut Imported) {
    for Directive { name, words, place } in &block.directives {
        if READ.contains(&name.as_str()) || INNER.contains(&name.as_str()) {
            continue;
        }
        let reason = REASONS.iter().find(|(directive, _)| directive == name).map(|(_, reason)| *reason);
        let is_off = words.first().is_some_and(|word| !is_on(word, true));
        // A directive that is off asks for nothing.
        if reason.is_some() && is_off {
            continue;
        }
        let reason = reason.unwrap_or("this is no directive that is known here");
        let already = imported.remarks.iter().any(|remark| remark.place == *place);
        if !already {
            imported.remark(place, format!("{name} {}: {reason}", words.join(" ")));
        }
    }
    let known = ["virtualhost", "global", "anonymous", "directory", "limit"];
    for block in &block.blocks {
        if !known.contains(&block.name.as_str()) && !conditions::is_told(block) {
            let text = format!(
                "<{} {}> is no block that is known here: it is left out, with all that it allows and refuses",
                block.name,
                block.words.join(" ")
            );
            imported.remark(&block.place, text);
        }
        unread(block, imported);
    }
}

/// Remarks on blocks that make no server of ours.
pub(super) fn left_out(root: &Block, imported: &mut Imported) {
    for host in root.blocks_named("virtualhost") {
        if host.is_on("sftpengine", false) {
            imported.remark(&host.place, "this server speaks SFTP, which Wharf does not");
        }
    }
    if root.is_on("sftpengine", false) {
        imported.remark(&root.place, "this server speaks SFTP, which Wharf does not");
    }
}
