//! The configuration as usable: whoever holds one of these values has nothing left to check.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ipnet::IpNet;
use wharf_backends::StoragePath;

pub use super::lockout::{Lockout, Rate};
use super::{
    AuditSink, Backend, Cluster, Engine, Entries, Events, Http, HttpService, LdapService, Log, PasswordHash,
    Permissions, Place, Problem, ReadFile, Scan, Secret, SqlService, Stamp, TokenIssuer, Traces,
};
use crate::charset::Charset;
use crate::host::HostPattern;
use crate::listing_time::ListingTime;
use crate::tls::{DistinguishedName, Fingerprint};

/// A whole configuration file.
#[derive(Debug, Clone)]
pub struct Config {
    /// How the server listens and what it allows.
    pub server: Server,
    /// Encryption of control and data connections.
    pub tls: Tls,
    /// The storages by name. Every name that an [`Account`] or a [`Mount`] holds is in here.
    pub backends: BTreeMap<String, Arc<dyn Backend>>,
    /// What distinguishes each of these from the one of the same name in another reading.
    pub stamps: BTreeMap<String, Stamp>,
    /// Who may log in with a password or a certificate; names are unique.
    pub users: Vec<User>,
    /// Where other users stand, who are asked for after these, in this order.
    pub users_from: Vec<UsersFrom>,
    /// Reads entries of users who stand there.
    pub entries: Entries,
    /// What `anonymous` and `ftp` see; `None` if they may not log in.
    pub anonymous: Option<Anonymous>,
    /// How uploads are scanned; `None`: they are not.
    pub scan: Option<Scan>,
    /// Where the record of who did what goes; no two are the same.
    pub audit: Vec<AuditSink>,
    /// Who is told of what happens; `None`: nobody.
    pub events: Option<Events>,
    /// Health and metrics over HTTP.
    pub http: Http,
    /// The replicas behind one address, of which this server is one; `None`: it is alone.
    pub cluster: Option<Cluster>,
    /// Logging, as far as the command line does not say otherwise.
    pub log: Log,
    /// Where traces go; `None`: there are none.
    pub traces: Option<Traces>,
    /// What is probably a mistake but does not keep the server from running, in the order of the file.
    pub warnings: Vec<Problem>,
    /// What is allowed and dangerous.
    pub dangers: Vec<Problem>,
    /// The files that were read, and have to be readable for the next reading: the configuration itself and secrets.
    pub files: Vec<ReadFile>,
    /// Where what can fail later stands in the file: each backend (`backends.disk`), and `scan`.
    pub places: BTreeMap<String, Place>,
}

/// How the server listens and what it allows.
#[derive(Debug, Clone)]
pub struct Server {
    /// What speaks FTP.
    pub engine: &'static Engine,
    /// Where control connections are accepted; never empty, no duplicates. Port 0 is any free port.
    pub listen: Vec<SocketAddr>,
    /// Where control connections start with a TLS handshake.
    pub implicit_tls_listen: Vec<SocketAddr>,
    /// How long a session may be silent; at least a second.
    pub idle_timeout: Duration,
    /// How long a client may take to log in; at least a second.
    pub login_timeout: Duration,
    /// How long a password that was right is known again without a check; zero: not at all.
    pub remember_logins: Duration,
    /// How long the answer to a failed login waits at most; zero: it doesn't.
    pub failed_login_delay: Duration,
    /// Where data connections are accepted.
    pub passive: Passive,
    /// What SIZE answers in ASCII type.
    pub ascii_size: AsciiSize,
    /// The type in which sessions begin, if the user has none of their own.
    pub default_type: DefaultType,
    /// What SITE CHMOD does, if the user has no setting of their own.
    pub chmod: Chmod,
    /// Whether directories are made that a file is stored in, if the user has no setting of their own.
    pub create_parents: bool,
    /// The time zone of LIST and STAT, if the user has none of their own.
    pub listing_time: ListingTime,
    /// Whether clients may ask the server to open the data connection (PORT, EPRT).
    pub active: bool,
    /// Whether that may lead to an address of this machine.
    pub active_on_this_machine: bool,
    /// How many sessions may be open.
    pub limits: Limits,
    /// When an address or a name is locked out; `None`: never. It is a section of its own in the file.
    pub lockout: Option<Lockout>,
    /// The networks of load balancers, whose connections begin with a header of the PROXY protocol.
    pub proxies: Vec<IpNet>,
    /// The text of the 220 reply; one line.
    pub greeting: Option<String>,
    /// Whether the process limits itself to what it needs.
    pub sandbox: bool,
    /// The socket on which the running server is told what to do; `None`: there is none.
    pub control: Option<Control>,
    /// When the configuration is read again.
    pub reload: Reload,
    /// An existing directory for what the server knows of quotas.
    pub state_directory: Option<PathBuf>,
    /// How long sessions may finish their transfers after a stop was asked for; zero cuts them at once.
    pub shutdown_grace: Duration,
}

/// The socket on which the running server is told what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// Where.
    pub path: PathBuf,
    /// Nobody has asked for it, so the server runs without it if it can't be there.
    pub by_default: bool,
}

/// When the configuration is read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reload {
    /// When somebody asks for it.
    Asked,
    /// Also when a file has changed.
    Watch,
}

/// What SIZE answers in ASCII type: the size that a transfer will have is known only when the text was converted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsciiSize {
    /// That it is not known.
    Refuse,
    /// The size of the stored file.
    Stored,
}

/// What SITE CHMOD does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chmod {
    /// It sets the mode where files have one.
    Apply,
    /// It is answered, and nothing is set.
    Ignore,
}

/// The type in which a session begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefaultType {
    /// Text, whose line ends are converted.
    Ascii,
    /// Bytes as they are.
    Image,
}

/// Where data connections of passive mode are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passive {
    /// The ports, none of which is a listening port of the server; none lies below 1024.
    pub ports: RangeInclusive<u16>,
    /// The addresses that PASV replies give one of; if there is none, the local address of the control connection.
    pub addresses: Vec<PassiveAddress>,
    /// Other addresses for clients of these networks; the first that fits counts.
    pub address_for: Vec<(IpNet, PassiveAddress)>,
}

/// The address that PASV replies give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PassiveAddress {
    /// This one. PASV can't carry IPv6 addresses; EPSV carries none at all.
    Ip(Ipv4Addr),
    /// Whatever this DNS name resolves to.
    Name(String),
}

/// How many sessions may be open at once, each at least 1; and how much bandwidth and memory they may take together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// In the whole server.
    pub sessions: usize,
    /// From one IPv4 address, or one network of IPv6 addresses.
    pub sessions_per_ip: usize,
    /// So many bits in front of an IPv6 address are such a network; from 32 to 128.
    pub ipv6_prefix: u8,
    /// New connections from one such network; `None`: any number.
    pub connections_per_ip: Option<Rate>,
    /// Of one user; `None`: any number.
    pub sessions_per_user: Option<usize>,
    /// The bandwidth of all transfers.
    pub bandwidth: Bandwidth,
    /// The bandwidth of all transfers of one such address or network.
    pub bandwidth_per_ip: Bandwidth,
    /// The highest level at which MODE Z compresses, from 1 to 9.
    pub deflate_level: u32,
    /// What transfers to and from object stores share, in bytes; at least 32 MiB.
    pub buffer_memory: u64,
    /// An existing directory for what finds no room there.
    pub spill_directory: Option<PathBuf>,
}

/// How many bytes may move in a second, all transfers together; at least 8 KiB each, `None`: any number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bandwidth {
    /// From clients.
    pub upload: Option<u64>,
    /// To clients.
    pub download: Option<u64>,
}

/// What one user may use up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserLimits {
    /// Sessions at once; `None`: what the server says.
    pub sessions: Option<usize>,
    /// Uploads and downloads at once; `None`: any number.
    pub transfers: Option<usize>,
    /// The bandwidth of all transfers in all sessions of the user.
    pub bandwidth: Bandwidth,
    /// The largest size of a file, in bytes; `None`: any.
    pub file_size: Option<u64>,
    /// Names that they give to nothing, in lower case.
    pub refuse_names: Vec<glob::Pattern>,
    /// How long a session may be idle; `None`: what the server says.
    pub idle: Option<Duration>,
    /// Commands in a second, in all sessions; `None`: any number.
    pub commands: Option<usize>,
}

/// Encryption of control and data connections.
#[derive(Debug, Clone)]
pub enum Tls {
    /// None is offered.
    Off,
    /// Clients may, or must, encrypt.
    On(TlsSettings),
}

/// How clients may, or must, encrypt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsSettings {
    /// Whether a client has to encrypt before it logs in.
    pub required_control: bool,
    /// Whether data connections have to be encrypted.
    pub required_data: bool,
    /// The certificate and those that lead to its authority, as PEM; it could be read when the file was checked.
    pub certificate: PathBuf,
    /// Its key, as PEM; it could be read and belongs to the certificate.
    pub key: PathBuf,
    /// What is shown to clients of some hosts instead; no host is named twice.
    pub certificates: Vec<HostCertificate>,
    /// Certificates that clients show.
    pub clients: Option<ClientCertificates>,
    /// Whether a data connection has to resume the TLS session of its control connection.
    pub require_session_reuse: bool,
    /// Whether an upload that ends without TLS's close_notify fails: it may have been cut short.
    pub require_close_notify: bool,
    /// The oldest version that is spoken.
    pub min_version: TlsVersion,
    /// The suites that may be agreed on, each of a version that is spoken; empty: all that there are.
    pub cipher_suites: Vec<rustls::CipherSuite>,
    /// How many bytes one TLS record that is sent holds at most: from 512 to 16 KiB.
    pub max_record: usize,
}

/// A certificate for clients of some hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostCertificate {
    /// The hosts; empty: those that the certificate names.
    pub hosts: Vec<HostPattern>,
    /// The certificate and those that lead to its authority, as PEM.
    pub certificate: PathBuf,
    /// Its key, as PEM.
    pub key: PathBuf,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsVersion {
    /// 1.2 (RFC 5246).
    Tls12,
    /// 1.3 (RFC 8446).
    Tls13,
}

/// Certificates that clients show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificates {
    /// Those who may have signed them, as PEM; they could be read.
    pub authorities: PathBuf,
    /// Whether a client without one is refused.
    pub required: bool,
    /// Files with lists of those that were revoked, as PEM or DER; they could be read.
    pub revocations: Vec<PathBuf>,
}

/// Someone who logs in.
#[derive(Debug, Clone)]
pub struct User {
    /// The name; unique, neither `anonymous` nor `ftp`.
    pub name: String,
    /// What the password is compared with; `None` if a login takes none, or if somebody else checks who it is.
    pub password: Option<Password>,
    /// The certificate that a login takes; `None` if it takes none.
    pub certificate: Option<OwnCertificate>,
    /// The networks of their clients; empty: any.
    pub networks: Vec<IpNet>,
    /// The hosts that their clients have to name; empty: any, or none.
    pub hosts: Vec<HostPattern>,
    /// From this moment on they can't log in; `None`: never.
    pub expires: Option<SystemTime>,
    /// How their clients write names, if not in UTF-8.
    pub charset: Option<Charset>,
    /// The type in which their sessions begin; `None`: that of the server.
    pub default_type: Option<DefaultType>,
    /// What their SITE CHMOD does; `None`: what the server says.
    pub chmod: Option<Chmod>,
    /// Whether directories are made that they store a file in; `None`: what the server says.
    pub create_parents: Option<bool>,
    /// The time zone of their LIST and STAT; `None`: that of the server.
    pub listing_time: Option<ListingTime>,
    /// What they may use up.
    pub limits: UserLimits,
    /// What they see.
    pub account: Account,
}

/// Where other users stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UsersFrom {
    /// In the files of this directory, which exists.
    Directory(PathBuf),
    /// A service that is asked at each login.
    Http(Box<HttpService>),
    /// Somebody who signs tokens. Only a build with the feature `jwt` has it.
    Jwt(Box<TokenIssuer>),
    /// A directory service that is asked at each login.
    Ldap(Box<LdapService>),
    /// A database that is asked at each login.
    Sql(Box<SqlService>),
}

/// The certificate of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnCertificate {
    /// One of those with these fingerprints.
    Sha256(Vec<Fingerprint>),
    /// Any of this subject.
    Subject(DistinguishedName),
}

/// What a password is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Password {
    /// A hash of it.
    Hash(PasswordHash),
    /// Itself: the file says `plain: true`.
    Plain(Secret),
}

/// The login without a password.
#[derive(Debug, Clone)]
pub struct Anonymous {
    /// What it sees.
    pub account: Account,
}

/// A tree: a backend at `/`, and others at paths inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The name of the backend that stands at `/`.
    pub backend: String,
    /// The directory of the backend that is shown as `/`.
    pub path: StoragePath,
    /// What may be done there.
    pub permissions: Permissions,
    /// How much may be stored there; `None`: any amount.
    pub quota: Option<Quota>,
    /// How long uploads are kept there that were broken off; `None`: they are not.
    pub resume_uploads: Option<Duration>,
    /// What stands elsewhere; places are unique and none is `/`. They may be nested: the longest that fits wins.
    pub mounts: Vec<Mount>,
}

/// A directory of a backend at a path of one user's tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Where it stands in the user's tree; not `/`.
    pub at: StoragePath,
    /// The backend's name.
    pub backend: String,
    /// The directory of the backend that is shown there.
    pub path: StoragePath,
    /// What may be done there.
    pub permissions: Permissions,
    /// How much may be stored there; `None`: any amount.
    pub quota: Option<Quota>,
    /// As for the whole tree.
    pub resume_uploads: Option<Duration>,
}

/// How much may be stored in a directory of a backend; one of these is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// The bytes of all files.
    pub bytes: Option<u64>,
    /// The number of files.
    pub files: Option<u64>,
}
