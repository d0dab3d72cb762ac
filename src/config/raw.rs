//! The configuration as written. The comment of a field becomes its description in the JSON Schema.
//!
//! For these types every field may be missing, so that the check can report all missing ones together. Required fields are
//! marked for the schema.

mod accounts;
mod admin;
mod audit;
mod cluster;
mod events;
mod ldap;
mod limits;
mod lockout;
mod scan;
mod sql;
mod tokens;
mod traces;
mod unread;
mod values;

use schemars::JsonSchema;
use serde::Deserialize;

use super::read::At;
pub(super) use accounts::{Anonymous, Certificate, Login, Mount, User, UsersFrom};
pub(super) use admin::{Admin, AdminTls};
pub(super) use audit::{Audit, AuditFormat, AuditPlace, AuditTo, Rotate};
pub(super) use cluster::{ClientAddresses, Cluster};
pub(super) use events::{EventBucket, EventSpool, EventTarget, Events, Mode as EventMode};
pub(super) use ldap::{Ldap, LdapEntry, LdapGroups};
pub(super) use limits::{Quota, UserLimits};
pub(super) use lockout::Lockout;
pub(super) use scan::{Scan, ScanOver, ScanQuarantine, Unscanned};
pub(super) use sql::Sql;
pub(super) use tokens::{Jwt, JwtEntry, JwtKeys};
pub(super) use traces::{Header, Share, Traces};
pub(super) use unread::{Backend, Engine, Unread};
pub(crate) use values::{Named, Scalar, Secret};
pub(super) use values::{PermissionWords, SecretSource, Texts, TlsVersion};

/// The configuration of Wharf, an FTP and FTPS server.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
// SchemaStore demands an address as the name. Editors find the schema by its path, and don't ask at its name.
#[schemars(title = "Wharf", extend("$id" = "https://www.schemastore.org/wharf.json"))]
pub(super) struct Config {
    /// How the server listens, and what it allows.
    pub(super) server: Option<At<Server>>,
    /// Encryption; without this section there is none.
    pub(super) tls: Option<At<Tls>>,
    /// The storages, each under a name of your choice; at least one.
    #[schemars(required, extend("x-type" = "section"))]
    pub(super) backends: Option<At<Named<Unread<Backend>>>>,
    /// Who may log in, with a password or a certificate.
    pub(super) users: Option<At<Vec<At<User>>>>,
    /// Where other users stand; asked in their order, after `users`.
    pub(super) users_from: Option<At<Vec<At<UsersFrom>>>>,
    /// Locks out [addresses and names after failed logins](#lockout). Without this section, failed logins are only delayed.
    pub(super) lockout: Option<At<Lockout>>,
    /// Has uploads [scanned](scanning.md) before they become visible. Without this section, nothing is scanned.
    pub(super) scan: Option<At<Scan>>,
    /// Tells other programs [what happens](events.md). Without this section, nobody is told.
    pub(super) events: Option<At<Events>>,
    /// The login without a password.
    pub(super) anonymous: Option<At<Anonymous>>,
    /// Where [the record of who did what](audit.md) goes: each item is one more place. Without this section there is no such record, but
    /// for the log.
    pub(super) audit: Option<At<Vec<At<Audit>>>>,
    /// Where health and metrics are.
    pub(super) http: Option<At<Http>>,
    /// [Several replicas behind one address](cluster.md). Without this section the server is alone.
    pub(super) cluster: Option<At<Cluster>>,
    /// Which lines are logged, and how.
    pub(super) log: Option<At<Log>>,
    /// Where [traces](metrics.md#traces) go. Without this section there are none.
    pub(super) traces: Option<At<Traces>>,
}

/// Health and metrics over HTTP, for monitoring and orchestration: `/livez`, `/readyz`, `/metrics` and `/version`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Http {
    /// Where [health and metrics](metrics.md) are; `[]`: nowhere. Nobody has to log in there. Default: `["127.0.0.1:9121"]`.
    /// Example: `listen: ["0.0.0.0:9121"]`.
    #[schemars(with = "Option<Vec<String>>", extend("x-type" = "list of addresses"))]
    pub(super) listen: Option<At<Vec<At<Scalar>>>>,
    /// The admin interface. Default: none.
    pub(super) admin: Option<At<Admin>>,
}

/// How the server listens and what it allows.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Server {
    /// The engine that speaks FTP ([engines](engines.md)). `libunftp` can't obey some keys, which are errors with it;
    /// that page lists them. Default: `native`. Example: `engine: libunftp`.
    #[schemars(extend("x-type" = "`native` or `libunftp`"))]
    #[expect(dead_code, reason = "the table of engines reads it from the tree")]
    pub(super) engine: Option<At<Unread<Engine>>>,
    /// Where clients connect; port 0 is any free one. Ports below 1024 need a privilege. Default: `["0.0.0.0:2121"]`.
    /// Example: `listen: ["0.0.0.0:21", "[::]:21"]`.
    #[schemars(with = "Option<Vec<String>>", extend("x-type" = "list of addresses"))]
    pub(super) listen: Option<At<Vec<At<Scalar>>>>,
    /// Ports whose connections begin with TLS (`ftps://`, usually port 990). See [implicit TLS](#implicit-tls). Default:
    /// none. Example: `implicit_tls_listen: ["0.0.0.0:990"]`.
    #[schemars(with = "Option<Vec<String>>", extend("x-type" = "list of addresses"))]
    pub(super) implicit_tls_listen: Option<At<Vec<At<Scalar>>>>,
    /// A session that is silent for so long is closed with 421; a transfer in which nothing moves for so long is broken off
    /// with 426. At least a second. Default: `5m`. Example: `idle_timeout: 90s`.
    #[schemars(with = "Option<String>", extend("x-type" = "duration"))]
    pub(super) idle_timeout: Option<At<Scalar>>,
    /// A client that has not logged in after this time is disconnected. The TLS handshake, the wait for the check of its
    /// password and the delay after a failed login count. At least a second. Default: `1m`. Example: `login_timeout: 20s`.
    #[schemars(with = "Option<String>", extend("x-type" = "duration"))]
    pub(super) login_timeout: Option<At<Scalar>>,
    /// How long a password that was right is accepted again [without a check](#limits-that-nobody-can-use-up-for-others), at
    /// most `24h`; `0s`: never. Default: `10m`. Example: `remember_logins: 1h`.
    #[schemars(with = "Option<String>", extend("x-type" = "duration"))]
    pub(super) remember_logins: Option<At<Scalar>>,
    /// The longest delay of the answer to a failed login, from `0s` (none) to `30s`. It begins with 0.1 seconds and doubles
    /// with each failure of an address or a name; half of the failures are forgotten in five minutes. Default: `5s`.
    /// Example: `failed_login_delay: 15s`.
    #[schemars(with = "Option<String>", extend("x-type" = "duration"))]
    pub(super) failed_login_delay: Option<At<Scalar>>,
    /// The answer to SIZE in ASCII type, if the size on the wire is not known: 550, or the size of the stored file, from which
    /// the transfer will differ. Default: `refuse`. Example: `ascii_size: stored`.
    pub(super) ascii_size: Option<At<AsciiSize>>,
    /// The type in which a session begins: text, whose line ends are converted (so in the RFC), or bytes as they are. For
    /// [devices that never send TYPE](#devices-that-never-send-type). Default: `ascii`. Example: `default_type: image`.
    pub(super) default_type: Option<At<DefaultType>>,
    /// The effect of SITE CHMOD [on a local disk](backends.md#local-a-directory-of-this-machine): it sets the mode, for users
    /// who may `overwrite`, or does nothing. The answer is 200 in any case. Default: `apply`. Example: `chmod: ignore`.
    pub(super) chmod: Option<At<Chmod>>,
    /// Whether STOR and APPE make the missing directories of their file, for devices that never make any; the user needs
    /// `mkdir`. Default: `false`. Example: `create_parents: true`.
    pub(super) create_parents: Option<At<bool>>,
    /// The time zone of the times in LIST and STAT, for [programs that read them as times of their own
    /// clock](clients.md#what-holds-for-all). `local` is the zone of the variable `TZ`, or else of the machine; the container
    /// image has no zone, so set `TZ` there. MLSD, MLST and MDTM are always in UTC. Default: `utc`. Example:
    /// `listing_time: Europe/Berlin`.
    #[schemars(extend("x-type" = "`utc`, `local` or a zone"))]
    pub(super) listing_time: Option<At<String>>,
    /// Data connections that clients open.
    pub(super) passive: Option<At<Passive>>,
    /// Whether clients may have the server connect to them (PORT, EPRT): to their own address, and to ports from 1024 on. The
    /// reasons of the default: [a decision](decisions/active-mode.md). Default: `true`. Example: `active: false`.
    pub(super) active: Option<At<bool>>,
    /// Whether clients whose address is one of the server's own, such as loopback, may use active mode, too (504 otherwise).
    /// They can then reach other services of these addresses through the server. Default: `false`. Example: `active_on_this_machine: true`.
    pub(super) active_on_this_machine: Option<At<bool>>,
    /// How many sessions may be open at once, and how much bandwidth and memory transfers may take.
    pub(super) limits: Option<At<Limits>>,
    /// Load balancers that say who the client is. Default: none.
    pub(super) proxy_protocol: Option<At<ProxyProtocol>>,
    /// The text of the server's first reply; at most 200 bytes. Default: the server's name. Example: `greeting: "Welcome to ftp.example.com"`.
    #[schemars(extend("x-type" = "text of one line"))]
    pub(super) greeting: Option<At<String>>,
    /// Whether the process gives up [all rights that it does not need](#the-sandbox), as far as the kernel can. Default:
    /// `true`. Example: `sandbox: false`.
    pub(super) sandbox: Option<At<bool>>,
    /// The Unix socket for `wharf reload` and `wharf lockouts`, which only the server's own account and root can use; `off`: none.
    /// See [changes while the server runs](#changes-while-the-server-runs). Default: `/run/wharf/control.sock` if there is a directory
    /// `/run/wharf`, or else none. Example: `control: /run/ftp/control.sock`.
    #[schemars(extend("x-type" = "path or `off`"))]
    pub(super) control: Option<At<String>>,
    /// When the configuration is [read again](#changes-while-the-server-runs): on SIGHUP and `wharf reload`, or also when the
    /// file or one that it names has changed. Default: `asked`. Example: `reload: watch`.
    pub(super) reload: Option<At<Reload>>,
    /// An existing directory in which the server writes down what it knows of [quotas](#quotas), so that a restart does not count
    /// anew. No other server may use it. Default: none. Example: `state_directory: /var/lib/wharf`.
    #[schemars(extend("x-type" = "directory"))]
    pub(super) state_directory: Option<At<String>>,
    /// How long transfers may go on after [a request to stop](#signals-and-the-end); `0s` cuts them off. Default: `30s`.
    /// Example: `shutdown_grace: 2m`.
    #[schemars(with = "Option<String>", extend("x-type" = "duration"))]
    pub(super) shutdown_grace: Option<At<Scalar>>,
}

/// When the configuration is read again.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Reload {
    /// On SIGHUP and `wharf reload`.
    Asked,
    /// Also when a file has changed.
    Watch,
}

/// The answer to SIZE in ASCII type.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum AsciiSize {
    /// The size is not known.
    Refuse,
    /// The size of the stored file.
    Stored,
}

/// The effect of SITE CHMOD.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Chmod {
    /// It sets the mode.
    Apply,
    /// It is answered, and changes nothing.
    Ignore,
}

/// The type in which a session begins.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum DefaultType {
    /// Text, whose line ends are converted.
    Ascii,
    /// Bytes as they are.
    Image,
}

/// Data connections that clients open.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Passive {
    /// The ports for data connections. Each transfer takes one; none below 1024, and none that the server listens on.
    /// Firewalls have to let all of them through. A port is drawn by chance, and stays open for five seconds after
    /// its transfer. The more there are, the harder it is [for others](trust.md#who-shares-the-clients-address) to
    /// find the right one. Default: `61000-61999`. Example: `ports: 50000-50063`.
    #[schemars(extend("x-type" = "range of ports"))]
    pub(super) ports: Option<At<Scalar>>,
    /// The address in the answer to PASV, behind NAT or a load balancer. Of several, such as those of a balancer in three zones,
    /// a client gets the one that it reached (also by the PROXY protocol), or else one that stays the same in its session. EPSV
    /// carries no address. Default: the address that the client reached. Example: `address: ftp.example.com`.
    #[schemars(extend("x-type" = "IPv4 address or name, or a list of these"))]
    pub(super) address: Option<At<Texts>>,
    /// Other addresses for clients of certain networks, such as clients inside of the firewall; the first that fits counts.
    /// Default: none.
    pub(super) address_for: Option<At<Vec<At<AddressFor>>>>,
}

/// The address for clients of a network.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AddressFor {
    /// The network of the clients. Example: `clients: 10.0.0.0/8`.
    #[schemars(required, extend("x-type" = "network"))]
    pub(super) clients: Option<At<String>>,
    /// The address in the answers that these clients get. Example: `address: 10.1.2.3`.
    #[schemars(required, extend("x-type" = "IPv4 address or name"))]
    pub(super) address: Option<At<String>>,
}

/// How many sessions may be open at once, and what they may use up.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Limits {
    /// Sessions in the whole server; more get 421, or [the place of a session that has not logged
    /// in](#limits-that-nobody-can-use-up-for-others). Default: `10000`. Example: `sessions: 500`.
    #[schemars(range(min = 1))]
    pub(super) sessions: Option<At<u64>>,
    /// Sessions from one IPv4 address, or one network of IPv6 addresses. Behind a load balancer or NAT many clients
    /// share an address. Default: `64`. Example: `sessions_per_ip: 8`.
    #[schemars(range(min = 1))]
    pub(super) sessions_per_ip: Option<At<u64>>,
    /// The length of the IPv6 prefix that counts as one address, in bits, from 32 to 128. Providers give a
    /// customer a /64 and often a /56. Default: `64`. Example: `ipv6_prefix: 56`.
    #[schemars(range(min = 32, max = 128))]
    pub(super) ipv6_prefix: Option<At<u64>>,
    /// New connections from one address in a time, counted like sessions; more get 421. So many may come at once. Default: none.
    /// Example: `connections_per_ip: 60/min`.
    #[schemars(extend("x-type" = "number for `s`, `min`, `h` or a duration"))]
    pub(super) connections_per_ip: Option<At<Scalar>>,
    /// Sessions of one user; more get 530. Default: none. Example: `sessions_per_user: 16`.
    #[schemars(range(min = 1))]
    pub(super) sessions_per_user: Option<At<u64>>,
    /// The bandwidth of all uploads to the server together, in bytes a second, from `8KiB/s`. The
    /// [limits of a user](#limits-of-a-user) count as well. Default: none. Example: `upload: 100MiB/s`.
    #[schemars(with = "Option<String>", extend("x-type" = "rate"))]
    pub(super) upload: Option<At<Scalar>>,
    /// The same for all downloads and listings. Default: none. Example: `download: 100MiB/s`.
    #[schemars(with = "Option<String>", extend("x-type" = "rate"))]
    pub(super) download: Option<At<Scalar>>,
    /// The same for the uploads from one address, counted like sessions. Default: none. Example: `upload_per_ip: 20MiB/s`.
    #[schemars(with = "Option<String>", extend("x-type" = "rate"))]
    pub(super) upload_per_ip: Option<At<Scalar>>,
    /// The same for the downloads and listings of one address. Default: none. Example: `download_per_ip: 20MiB/s`.
    #[schemars(with = "Option<String>", extend("x-type" = "rate"))]
    pub(super) download_per_ip: Option<At<Scalar>>,
    /// The highest level of compression in MODE Z: a client that asks for a higher one gets this one. Default: `6`. Example:
    /// `deflate_level: 1`.
    #[schemars(extend("x-type" = "number from 1 to 9"))]
    pub(super) deflate_level: Option<At<u64>>,
    /// The memory that [all transfers to and from buckets](backends.md#memory) share, from `32MiB`. Default: `256MiB`.
    /// Example: `buffer_memory: 1GiB`.
    #[schemars(with = "Option<String>", extend("x-type" = "size"))]
    pub(super) buffer_memory: Option<At<Scalar>>,
    /// The directory for uploads to buckets when `buffer_memory` is full; without it such uploads wait. Its files have no
    /// names and are never listed. Default: none. Example: `spill_directory: /var/spool/wharf`.
    #[schemars(extend("x-type" = "directory"))]
    pub(super) spill_directory: Option<At<String>>,
}

/// Load balancers that say who the client is (PROXY protocol, versions 1 and 2).
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProxyProtocol {
    /// The networks of the load balancers. Connections from there have to begin with a header of the PROXY protocol (version
    /// 1 or 2), on control and passive ports alike; on those of `http.listen` they may. Headers of other clients are not
    /// believed. Example: `trusted: [10.0.0.0/8, 192.0.2.7]`.
    #[schemars(required, extend("x-type" = "list of networks"))]
    pub(super) trusted: Option<At<Vec<At<String>>>>,
}

/// Encryption of control and data connections.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Tls {
    /// `optional`: clients choose. `required`: no login without encryption (534), and no data connection (521).
    /// `required-control` and `required-data` demand one of both. Example: `mode: required`.
    #[schemars(required)]
    pub(super) mode: Option<At<Mode>>,
    /// PEM file: the server's certificate, then the certificates that lead to its authority. Needed unless the mode is `off`.
    /// Example: `certificate: tls/tls.crt`.
    #[schemars(extend("x-type" = "path"))]
    pub(super) certificate: Option<At<String>>,
    /// PEM file of the private key of the certificate, without a passphrase. Needed unless the mode is `off`.
    /// Example: `key: tls/tls.key`.
    #[schemars(extend("x-type" = "path"))]
    pub(super) key: Option<At<String>>,
    /// Certificates that are shown to clients of [some hosts](#virtual-hosts); all others see `certificate`. Default: none.
    pub(super) certificates: Option<At<Vec<At<HostCertificate>>>>,
    /// PEM file: the authorities that sign the certificates of clients. With it, clients have to show a certificate. Default: none. Example:
    /// `client_authorities: tls/clients.crt`.
    #[schemars(extend("x-type" = "path"))]
    pub(super) client_authorities: Option<At<String>>,
    /// Whether a client without a certificate is refused; `false` only refuses wrong ones. Needs `client_authorities`.
    /// Default: `true`. Example: `require_client_certificate: false`.
    pub(super) require_client_certificate: Option<At<bool>>,
    /// PEM or DER files: the lists of certificates that these authorities have revoked. Each authority needs a list, or its clients are
    /// refused. Lists are [read again](#certificates-of-clients) when they change. Default: none. Example: `client_crl: [tls/clients.crl]`.
    #[schemars(extend("x-type" = "path, or a list of these"))]
    pub(super) client_crl: Option<At<Texts>>,
    /// Refuse data connections (522) that do not resume the TLS session of their control connection: they may be somebody
    /// else's. [Some clients can't](clients.md#what-holds-for-all). Without it, they are refused only if the client has
    /// shown that it always resumes. Default: `false`. Example: `require_session_reuse: true`.
    pub(super) require_session_reuse: Option<At<bool>>,
    /// Treat an upload that ends without TLS's close_notify as cut short (426). Some clients never send it.
    /// Default: `true`. Example: `require_close_notify: false`.
    pub(super) require_close_notify: Option<At<bool>>,
    /// The oldest version of TLS that clients may use; nothing older than 1.2. Default: `"1.2"`. Example: `min_version:
    /// "1.3"`.
    #[schemars(extend("x-type" = "`\"1.2\"` or `\"1.3\"`"))]
    pub(super) min_version: Option<At<TlsVersion>>,
    /// The cipher suites that may be used, by their names at IANA: `TLS_AES_128_GCM_SHA256`,
    /// `TLS_AES_256_GCM_SHA384`, `TLS_CHACHA20_POLY1305_SHA256` (TLS 1.3); `TLS_ECDHE_ECDSA_WITH_…` and
    /// `TLS_ECDHE_RSA_WITH_…`, each with `AES_128_GCM_SHA256`, `AES_256_GCM_SHA384` and `CHACHA20_POLY1305_SHA256` (TLS 1.2,
    /// by the kind of the certificate's key). A version without a named suite is off; the client's order counts.
    /// Default: all of them. Example: `cipher_suites: [TLS_AES_128_GCM_SHA256]`.
    #[schemars(extend("x-type" = "list of names"))]
    pub(super) cipher_suites: Option<At<Vec<At<String>>>>,
    /// The largest size of a TLS record, from `512B`: devices with small buffers need small records.
    /// Default: `16KiB`. Example: `max_record: 4KiB`.
    #[schemars(with = "Option<String>", extend("x-type" = "size"))]
    pub(super) max_record: Option<At<Scalar>>,
}

/// A certificate for clients of some hosts.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HostCertificate {
    /// The hosts: names of the DNS, addresses, or names with `*` as their first label. Default: the names that the certificate has.
    /// Example: `hosts: [ftp.a.example, "*.b.example"]`.
    #[schemars(extend("x-type" = "list of hosts"))]
    pub(super) hosts: Option<At<Vec<At<String>>>>,
    /// PEM file, as `tls.certificate`. Example: `certificate: tls/a.crt`.
    #[schemars(required, extend("x-type" = "path"))]
    pub(super) certificate: Option<At<String>>,
    /// PEM file of the private key of the certificate, as `tls.key`. Example: `key: tls/a.key`.
    #[schemars(required, extend("x-type" = "path"))]
    pub(super) key: Option<At<String>>,
}

/// Whether clients encrypt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Mode {
    /// No encryption is offered.
    Off,
    /// Clients may encrypt, or not.
    Optional,
    /// Clients must encrypt before they log in, and their data connections too.
    Required,
    /// Clients must encrypt before they log in; data connections may be in plain text.
    RequiredControl,
    /// Data connections must be encrypted; clients may log in in plain text.
    RequiredData,
}

/// Logging.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Log {
    /// A level (`error`, `warn`, `info`, `debug`, `trace`), or levels for parts of the program. Default: `info`. Example:
    /// `filter: "info,wharf=debug"`.
    pub(super) filter: Option<At<String>>,
    /// Lines for people, or a JSON object on each line. Default: `text`. Example: `format: json`.
    pub(super) format: Option<At<Format>>,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Format {
    /// For people.
    Text,
    /// For programs: a JSON object on each line.
    Json,
}
