//! The configuration as written. What is said about a field here becomes its description in the JSON Schema.
//!
//! Every field may be missing as far as these types go, so that whoever checks them can report all that are; those
//! that must be there are marked as such for the schema.

mod accounts;
mod values;

use schemars::JsonSchema;
use serde::Deserialize;

use super::kinds::Unread;
use super::read::At;
pub(super) use accounts::{Anonymous, Mount, User};
pub(crate) use values::{Named, Scalar, Secret};
pub(super) use values::{PermissionWords, SecretSource, Texts, TlsVersion};

/// The configuration of Wharf, an FTP and FTPS server.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Wharf")]
pub(super) struct Config {
    /// How the server listens and what it allows.
    pub(super) server: Option<At<Server>>,
    /// Encryption of control and data connections. Without it there is none.
    pub(super) tls: Option<At<Tls>>,
    /// The storages, each under a name of your choice.
    #[schemars(required)]
    pub(super) backends: Option<At<Named<Unread>>>,
    /// Who may log in with a password.
    pub(super) users: Option<At<Vec<At<User>>>>,
    /// The login without a password, as `anonymous` or `ftp`.
    pub(super) anonymous: Option<At<Anonymous>>,
    /// Health and metrics over HTTP. Default: on 127.0.0.1:9121.
    pub(super) http: Option<At<Http>>,
    /// Logging. The command line and `RUST_LOG` override it.
    pub(super) log: Option<At<Log>>,
}

/// Health and metrics over HTTP, for monitoring and orchestration: `/livez`, `/readyz`, `/metrics` and `/version`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Http {
    /// The addresses and ports; `[]` switches it off. Nobody has to log in there. Default: `["127.0.0.1:9121"]`, without
    /// which the server goes on if the port is taken.
    #[schemars(with = "Option<Vec<String>>")]
    pub(super) listen: Option<At<Vec<At<Scalar>>>>,
}

/// How the server listens and what it allows.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Server {
    /// What speaks FTP. Default: `native`.
    pub(super) engine: Option<At<Engine>>,
    /// The addresses and ports that accept control connections, such as `0.0.0.0:21` or `[::]:21`; port 0 is any
    /// free one. Default: `["0.0.0.0:2121"]`.
    #[schemars(with = "Option<Vec<String>>")]
    pub(super) listen: Option<At<Vec<At<Scalar>>>>,
    /// The addresses and ports whose connections start with a TLS handshake (FTPS of the old kind, usually port
    /// 990). The engine `libunftp` has none. Default: none.
    #[schemars(with = "Option<Vec<String>>")]
    pub(super) implicit_tls_listen: Option<At<Vec<At<Scalar>>>>,
    /// How long a session may be silent, such as `90s` or `5m`. Default: `5m`.
    #[schemars(with = "Option<String>")]
    pub(super) idle_timeout: Option<At<Scalar>>,
    /// How long a client may take to log in, TLS handshake included, such as `30s`. Default: `1m`.
    #[schemars(with = "Option<String>")]
    pub(super) login_timeout: Option<At<Scalar>>,
    /// How long a password that was right is known again without the cost of a check, in memory alone and as a keyed hash, for
    /// clients that log in anew for each file; `0s`: not at all. Default: `10m`.
    #[schemars(with = "Option<String>")]
    pub(super) remember_logins: Option<At<Scalar>>,
    /// How long the answer to a failed login waits at most. It grows from 0.1 seconds with each failure of an address or a
    /// name; `0s`: it does not wait. At most `30s`. Default: `5s`.
    #[schemars(with = "Option<String>")]
    pub(super) failed_login_delay: Option<At<Scalar>>,
    /// What SIZE answers in ASCII type: that it is not known (`refuse`), or the size of the stored file, which is not
    /// what a transfer will have (`stored`). The engine `libunftp` has the latter. Default: `refuse`.
    pub(super) ascii_size: Option<At<AsciiSize>>,
    /// The type in which a session begins, for clients that never send TYPE: text, whose line ends are converted
    /// (`ascii`, as RFC 959 has it), or bytes as they are (`image`). The engine `libunftp` converts nothing. Default:
    /// `ascii`.
    pub(super) default_type: Option<At<DefaultType>>,
    /// What SITE CHMOD does where files have a mode of their own, as on a local disk: `apply` it, or `ignore` it. The engine
    /// `libunftp` has no SITE CHMOD. Default: `apply`.
    pub(super) chmod: Option<At<Chmod>>,
    /// Make the directories that a file is stored in where they are missing, for devices that never make any. Default: `false`.
    pub(super) create_parents: Option<At<bool>>,
    /// The time zone of the times in LIST and STAT: `utc`, `local` (that of the machine), or one of the IANA time zone database,
    /// such as `Europe/Berlin`. Other commands tell times in UTC. Default: `utc`.
    pub(super) listing_time: Option<At<String>>,
    /// Data connections that clients open.
    pub(super) passive: Option<At<Passive>>,
    /// Whether clients may have the server open the data connection. Default: `true`.
    pub(super) active: Option<At<bool>>,
    /// Whether clients whose address is one of the server's own, such as loopback, may do so, too: what else is there can be
    /// reached by them then. Default: `false`.
    pub(super) active_on_this_machine: Option<At<bool>>,
    /// How many sessions may be open at once.
    pub(super) limits: Option<At<Limits>>,
    /// Load balancers that say who the client is. Default: none.
    pub(super) proxy_protocol: Option<At<ProxyProtocol>>,
    /// What the server says first: one line. Default: its name.
    pub(super) greeting: Option<At<String>>,
    /// Whether the process keeps itself from files and system calls that it does not need, as far as the kernel can. Default: `true`.
    pub(super) sandbox: Option<At<bool>>,
    /// How long transfers may go on after the server was asked to stop; `0s` cuts them. Default: `30s`.
    #[schemars(with = "Option<String>")]
    pub(super) shutdown_grace: Option<At<Scalar>>,
}

/// What speaks FTP.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Engine {
    /// The engine built on the library libunftp.
    Libunftp,
    /// Wharf's own engine.
    Native,
}

/// What SIZE answers in ASCII type.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum AsciiSize {
    /// That it is not known.
    Refuse,
    /// The size of the stored file.
    Stored,
}

/// What SITE CHMOD does.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Chmod {
    /// It sets the mode.
    Apply,
    /// It is answered, and nothing is set.
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
    /// The ports for data connections: `50000-50063`, or a single one. Each transfer takes one; none below 1024 and
    /// no port that the server listens on. Default: `61000-61999`, which Linux takes for nothing else.
    pub(super) ports: Option<At<Scalar>>,
    /// The address that clients are told to connect to, if the one that they reached is not it (NAT, load balancer):
    /// an IPv4 address or a DNS name, or a list of these: of several, the one that the client reached, or else one that stays
    /// the same in its session. Default: the address that the client reached.
    pub(super) address: Option<At<Texts>>,
    /// Other addresses for clients of certain networks, such as those inside of the firewall. The first that fits counts.
    pub(super) address_for: Option<At<Vec<At<AddressFor>>>>,
}

/// The address for clients of a network.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AddressFor {
    /// The network of the clients, such as `10.0.0.0/8`.
    #[schemars(required)]
    pub(super) clients: Option<At<String>>,
    /// The address that they are told: IPv4, or a DNS name.
    #[schemars(required)]
    pub(super) address: Option<At<String>>,
}

/// How many sessions may be open at once.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Limits {
    /// In the whole server. Default: `10000`.
    #[schemars(range(min = 1))]
    pub(super) sessions: Option<At<u64>>,
    /// From one IPv4 address, or one network of IPv6 addresses. Default: `64`.
    #[schemars(range(min = 1))]
    pub(super) sessions_per_ip: Option<At<u64>>,
    /// How many bits in front of an IPv6 address are the network that counts as one address. Default: `64`.
    #[schemars(range(min = 32, max = 128))]
    pub(super) ipv6_prefix: Option<At<u64>>,
    /// Of one user. Default: any number.
    #[schemars(range(min = 1))]
    pub(super) sessions_per_user: Option<At<u64>>,
    /// The highest level of compression that a client can choose (MODE Z), from 1 to 9. Default: `6`.
    pub(super) deflate_level: Option<At<u64>>,
    /// The memory that all transfers to and from object stores share, from `32MiB`. Default: `256MiB`.
    #[schemars(with = "Option<String>")]
    pub(super) buffer_memory: Option<At<Scalar>>,
    /// A directory for what finds no room in that memory; files in it have no name. Default: none, uploads wait.
    pub(super) spill_directory: Option<At<String>>,
}

/// Load balancers that say who the client is (PROXY protocol, versions 1 and 2).
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProxyProtocol {
    /// The networks of the load balancers. Connections from there have to begin with the header, others must not.
    #[schemars(required)]
    pub(super) trusted: Option<At<Vec<At<String>>>>,
}

/// Encryption of control and data connections.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Tls {
    /// Whether clients may encrypt (`optional`), must (`required`), or can't (`off`).
    #[schemars(required)]
    pub(super) mode: Option<At<Mode>>,
    /// The file of the certificate and of those that lead to its authority, as PEM. Needed unless the mode is `off`.
    pub(super) certificate: Option<At<String>>,
    /// The file of the certificate's private key, as PEM. Needed unless the mode is `off`.
    pub(super) key: Option<At<String>>,
    /// The file of the authorities that sign the certificates of clients, as PEM. Default: clients need none.
    pub(super) client_authorities: Option<At<String>>,
    /// Refuse clients without a certificate. Needs `client_authorities`. Default: `true` if there are some.
    pub(super) require_client_certificate: Option<At<bool>>,
    /// Refuse data connections that do not resume the TLS session of their control connection: they may be somebody
    /// else's. Some clients can't. Default: `false`.
    pub(super) require_session_reuse: Option<At<bool>>,
    /// Take an upload that ends without TLS's close_notify for one that was cut short. Some clients never send it.
    /// Default: `true`.
    pub(super) require_close_notify: Option<At<bool>>,
    /// The oldest version of TLS that clients may speak: `"1.2"` or `"1.3"`. Default: `"1.2"`.
    pub(super) min_version: Option<At<TlsVersion>>,
    /// The cipher suites that may be agreed on, by the names that IANA gives them. Default: all that there are.
    pub(super) cipher_suites: Option<At<Vec<At<String>>>>,
    /// How much of the content one TLS record holds at most, from `512B` to `16KiB`: devices with small buffers can't take more.
    /// Default: `16KiB`.
    #[schemars(with = "Option<String>")]
    pub(super) max_record: Option<At<Scalar>>,
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
    /// What is logged, in the words of `RUST_LOG`, such as `info` or `warn,wharf=debug`. Default: `info`.
    pub(super) filter: Option<At<String>>,
    /// Lines for people (`text`) or for programs (`json`). Default: `text`.
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
