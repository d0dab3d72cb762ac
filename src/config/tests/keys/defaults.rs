//! The default that the help of a key tells is what counts where the key is left out.

use super::super::{HASH, World, with};
use super::{Key, definitions};

/// Keys whose default is put in by whoever uses them: left out and given are two values, with one effect.
const PUT_IN_ELSEWHERE: [&str; 5] =
    ["http.listen", "log.filter", "log.format", "s3.role_session_name", "users.encoding"];

/// A section of each definition, without the key: `KEY` stands for it.
const SECTIONS: [(&str, &str, &str); 31] = [
    ("Server", "server", "server: { KEY }\n"),
    ("Passive", "server.passive", "server: { passive: { KEY } }\n"),
    ("Limits", "server.limits", "server: { limits: { KEY } }\n"),
    (
        "Tls",
        "tls",
        "tls: { mode: required, certificate: tls.crt, key: tls.key, client_authorities: tls.crt, KEY }\n",
    ),
    ("Audit", "audit", "audit: [{ to: stdout, KEY }]\n"),
    ("Rotate", "audit.rotate", "audit: [{ to: { file: audit.jsonl }, rotate: { size: 1MiB, KEY } }]\n"),
    ("Http", "http", "http: { KEY }\n"),
    (
        "Cluster",
        "cluster",
        "cluster: { replicas: \"w-{i}\", secret: 0123456789abcdef0123456789abcdef, KEY }\n",
    ),
    ("Log", "log", "log: { KEY }\n"),
    ("Scan", "scan", "scan: { clamd: \"unix:/s\", KEY }\n"),
    ("ScanOver", "scan.over", "scan: { clamd: \"unix:/s\", over: { KEY } }\n"),
    (
        "ScanQuarantine",
        "scan.quarantine",
        "scan: { clamd: \"unix:/s\", quarantine: { backend: disk, KEY } }\n",
    ),
    ("Traces", "traces", "traces: { otlp: \"http://127.0.0.1:4318\", KEY }\n"),
    ("Events", "events", "events: { spool: spool, to: [{ url: \"http://127.0.0.1/\" }], KEY }\n"),
    ("EventTarget", "events.to", "events: { spool: spool, to: [{ url: \"http://127.0.0.1/\", KEY }] }\n"),
    ("Anonymous", "anonymous", "anonymous: { backend: disk, KEY }\n"),
    ("User", "users", "users: [{ name: a, password: HASH, backend: disk, KEY }]\n"),
    ("UserLimits", "users.limits", "users: [{ name: a, password: HASH, backend: disk, limits: { KEY } }]\n"),
    (
        "Quota",
        "users.quota",
        "users: [{ name: a, password: HASH, backend: disk, quota: { bytes: 1, KEY } }]\n",
    ),
    ("UsersFrom", "users_from", "users_from: [{ http: \"http://127.0.0.1/\", KEY }]\n"),
    (
        "Jwt",
        "users_from.jwt",
        "users_from: [{ jwt: { issuer: i, audience: a, keys: { url: \"http://127.0.0.1/\" }, KEY }, defaults: { backend: disk } }]\n",
    ),
    (
        "JwtKeys",
        "users_from.jwt.keys",
        "users_from: [{ jwt: { issuer: i, audience: a, keys: { url: \"http://127.0.0.1/\", KEY } }, defaults: { backend: disk } }]\n",
    ),
    (
        "Ldap",
        "users_from.ldap",
        "users_from: [{ ldap: { url: \"ldap://127.0.0.1\", user_dn: \"uid={name},dc=x\", KEY }, defaults: { backend: disk } }]\n",
    ),
    (
        "LdapGroups",
        "users_from.ldap.groups",
        "users_from: [{ ldap: { url: \"ldap://127.0.0.1\", user_dn: \"uid={name},dc=x\", groups: { base: dc=x, KEY }, map: [{ group: a }] }, defaults: { backend: disk } }]\n",
    ),
    ("Sql", "users_from.sql", "users_from: [{ sql: { url: \"mysql://a@127.0.0.1\", query: \"?\", KEY } }]\n"),
    ("local", "local", "backends: { disk: { kind: local, root: data, KEY } }\n"),
    ("memory", "memory", "backends: { disk: { kind: memory, KEY } }\n"),
    ("s3", "s3", "backends: { disk: { kind: s3, bucket: b, region: us-east-1, PROOF, KEY } }\n"),
    ("gcs", "gcs", "backends: { disk: { kind: gcs, bucket: b, PROOF, KEY } }\n"),
    ("azure", "azure", "backends: { disk: { kind: azure, account: a, container: b, PROOF, KEY } }\n"),
    ("unftp-gcs", "unftp-gcs", "backends: { disk: { kind: unftp-gcs, bucket: b, PROOF, KEY } }\n"),
];

#[test]
fn are_those_that_count() {
    let definitions = definitions();
    let world = World::new();
    let mut compared = 0;
    for (definition, place, section) in SECTIONS {
        if (definition.starts_with("unftp") && !cfg!(feature = "unftp-backends"))
            || (definition.starts_with("Ldap") && !cfg!(feature = "ldap"))
        {
            continue;
        }
        if (definition == "Sql" && !cfg!(feature = "sql"))
            || (definition == "Traces" && !cfg!(feature = "traces"))
        {
            continue;
        }
        for key in definitions.keys_of(definition) {
            let (Some(value), false) =
                (value(&key), PUT_IN_ELSEWHERE.contains(&&*format!("{place}.{}", key.name)))
            else {
                continue;
            };
            let proof = if key.name == "anonymous" { "ambient_credentials: true" } else { "anonymous: true" };
            let section = section.replace("PROOF", proof).replace("HASH", &format!("\"{HASH}\""));
            let of = |key: &str| {
                let text = with(&section.replace("KEY", key));
                let config = world.parse(&text).unwrap_or_else(|problems| panic!("{problems}"));
                let accounts = (config.users, config.users_from, config.anonymous, config.scan);
                let others = (config.audit, config.traces, config.cluster);
                format!("{:?}", (config.server, config.tls, config.backends, accounts, others))
            };
            let given = of(&format!("{}: {value}", key.name));
            assert_eq!(given, of(""), "{place}.{} is not {value} where it is left out", key.name);
            compared += 1;
        }
    }
    assert!(compared > 40, "{compared}");
}

/// The value that the help says, if that is one and not a sentence.
fn value(key: &Key) -> Option<&str> {
    let value = key.help.default.as_deref()?.strip_prefix('`')?.strip_suffix('`')?;
    (!value.contains('`')).then_some(value)
}
