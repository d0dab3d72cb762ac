//! Options of the server as a whole, and a reason for each that is not carried over.

use super::super::Options;
use super::super::inputs::addresses;
use super::super::model::{Imported, Place};
use super::Conf;

/// Options that are read here, or of users.
const READ: &[&str] = &[
    "anonymouscancreatedirs",
    "anonymouscantupload",
    "anonymousonly",
    "antiwarez",
    "autorename",
    "chrooteveryone",
    "trustedgid",
    "bind",
    "certfile",
    "certfileandkey",
    "clientcharset",
    "forcepassiveip",
    "ipv4only",
    "ipv6only",
    "keepallfiles",
    "maxclientsnumber",
    "maxclientsperip",
    "maxidletime",
    "noanonymous",
    "nochmod",
    "norename",
    "pamauthentication",
    "passiveportrange",
    "peruserlimits",
    "prohibitdotfileswrite",
    "puredb",
    "quota",
    "tls",
    "umask",
    "unixauthentication",
    "userbandwidth",
    "minuid",
    "fortunesfile",
];

/// Options that say how pure-ftpd works, and nothing of what clients see.
const INNER: &[&str] = &[
    "brokenclientscompatibility",
    "customerproof",
    "daemonize",
    "dontresolve",
    "fscharset",
    "logpid",
    "notruncate",
    "pidfile",
    "syslogfacility",
    "verboselog",
    "natmode",
    "createhomedir",
    "maxload",
    "logfile",
];

const REASONS: &[(&str, &str)] = &[
    ("allowdotfiles", "the anonymous login may read files that begin with a dot, always"),
    ("extcert", "certificates are files: `tls.certificate` and `tls.key`"),
    ("allowanonymousfxp", "data connections go to and come from the address of the control connection alone"),
    ("allowuserfxp", "data connections go to and come from the address of the control connection alone"),
    ("altlog", "`audit` writes records of transfers, also as xferlog"),
    (
        "anonymousbandwidth",
        "the anonymous login has no bandwidth of its own; `server.limits.upload_per_ip` and `download_per_ip` are for all clients of an address",
    ),
    ("anonymousratio", "there are no ratios of uploads and downloads"),
    ("calluploadscript", "`events` runs programs for files that arrive"),
    ("displaydotfiles", "listings have files that begin with a dot, always"),
    ("tlsciphersuite", "`tls.cipher_suites` has other names; by default, only strong suites are offered"),
    ("extauth", "`users_from` asks other programs by HTTP"),
    ("ldapconfigfile", "`users_from: [{ ldap: … }]` asks a directory service"),
    ("limitrecursion", "listings have no limit, and LIST -R is not answered with all directories"),
    ("maxdiskusage", "a full disk refuses uploads; `quota` limits a directory"),
    ("mysqlconfigfile", "`users_from: [{ sql: … }]` asks a database"),
    ("pgsqlconfigfile", "`users_from: [{ sql: … }]` asks a database"),
    ("prohibitdotfilesread", "files that begin with a dot may be read as others"),
    (
        "trustedip",
        "users may log in at all addresses of the server, and not at this one alone: set `server.listen`, or see `hosts` of users",
    ),
    ("userratio", "there are no ratios of uploads and downloads"),
];

/// Whether an option is one of pure-ftpd, as far as is known here.
pub(super) fn is_known(name: &str) -> bool {
    READ.contains(&name) || INNER.contains(&name) || REASONS.iter().any(|(option, _)| *option == name)
}

pub(super) fn server(conf: &Conf, main: &Place, imported: &mut Imported, options: &Options) {
    for (name, (value, place)) in &conf.values {
        let is_known = READ.contains(&name.as_str()) || INNER.contains(&name.as_str());
        let reason = REASONS.iter().find(|(option, _)| option == name).map(|(_, reason)| *reason);
        // An option that is off asks for nothing.
        let is_off = reason.is_some() && value.eq_ignore_ascii_case("no");
        if !(is_known || is_off) {
            let reason = reason.unwrap_or("this is no option that is known here");
            imported.remark(place, format!("{name} {value}: {reason}"));
        }
    }
    let (listen, is_unusable) = listen(conf);
    if is_unusable {
        imported.remark(&conf.place("bind").unwrap_or(main).clone(), addresses::UNUSABLE);
    }
    for name in ["maxclientsnumber", "maxclientsperip", "peruserlimits"] {
        if let (Some(value), Some(place)) = (conf.get(name), conf.place(name))
            && value.split([':', ' ']).any(addresses::is_too_large)
        {
            let text = format!("{name} {value} is too much, and {} is in its place", addresses::MOST);
            imported.remark(&place.clone(), text);
        }
    }
    addresses::passive_address(imported, conf.get("forcepassiveip"), conf.place("forcepassiveip"));
    let settings = &mut imported.settings;
    settings.listen = listen;
    settings.idle_timeout = Some(conf.number("maxidletime").unwrap_or(15).saturating_mul(60));
    settings.ignore_chmod = conf.is_on("nochmod");
    settings.sessions = Some(conf.number("maxclientsnumber").unwrap_or(50));
    settings.sessions_per_ip = conf.number("maxclientsperip");
    settings.sessions_per_user = conf
        .pair("peruserlimits")
        .and_then(|(users, _)| addresses::count(users, 10))
        .filter(|users| *users > 0);
    let ports = conf.pair("passiveportrange");
    if let (Some((first, last)), Some(place)) = (ports, conf.place("passiveportrange")) {
        match (first.parse(), last.parse()) {
            (Ok(first), Ok(last)) if (1024..=last).contains(&first) => {
                imported.settings.passive_ports = Some((first, last));
            }
            _ => {
                let text = "passive ports start at 1024, and the first is not above the last: Wharf's default is in their place";
                imported.remark(&place.clone(), text);
            }
        }
    }
    if let Some(place) = conf.place("fortunesfile") {
        imported.remark(&place.clone(), "a greeting is one line in `server.greeting`");
    }
    let place = conf.place("passiveportrange").or(conf.place("bind")).unwrap_or(main);
    addresses::part_ports(imported, &place.clone());
    tls(conf, imported, options);
}

/// Where Wharf listens, and whether that is where this machine alone can reach it, as there is no such address.
fn listen(conf: &Conf) -> (Vec<String>, bool) {
    let bind = conf.get("bind").unwrap_or_default();
    let (address, port) = bind.split_once(',').unwrap_or((bind, "21"));
    let (address, port) = (address.trim(), port.trim());
    let number = if port.is_empty() { Some(21) } else { port.parse::<u16>().ok() };
    let port = number.unwrap_or(0);
    let all = [(conf.is_on("ipv6only"), "0.0.0.0"), (conf.is_on("ipv4only"), "[::]")];
    let addresses: Vec<String> = match address {
        "" => {
            all.iter().filter(|(is_off, _)| !is_off).map(|(_, address)| format!("{address}:{port}")).collect()
        }
        address if address.contains(':') => vec![format!("[{}]:{port}", address.trim_matches(['[', ']']))],
        address => vec![format!("{address}:{port}")],
    };
    addresses::listening(addresses, number)
}

fn tls(conf: &Conf, imported: &mut Imported, options: &Options) {
    let level = conf.number("tls").unwrap_or(0);
    if level == 0 {
        return;
    }
    let one = conf.get("certfile").unwrap_or("/etc/ssl/private/pure-ftpd.pem").to_owned();
    let both = conf.get("certfileandkey").and_then(|text| {
        let quoted: Vec<&str> = text.split(['"', ',', ' ']).filter(|part| !part.is_empty()).collect();
        match quoted.as_slice() {
            [certificate, key] => Some(((*certificate).to_owned(), (*key).to_owned())),
            _ => None,
        }
    });
    let (certificate, key) = both.unwrap_or((one.clone(), one));
    if !options.finder.is_file(&certificate)
        && let Some(place) = conf.place("tls").cloned()
    {
        imported.remark(&place, format!("the certificate {certificate} is not here"));
    }
    let tls = imported.tls();
    (tls.certificate, tls.key) = (Some(certificate), Some(key));
    tls.required_control = level >= 2;
    tls.required_data = level >= 3;
}
