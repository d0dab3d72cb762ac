//! The engine of our own: FTP on one side, user views on the other.
//!
//! - `control`, `codec`, `reply`: the control connection, its lines and its replies;
//! - `table`: every command, and what it needs; `commands`: what each does, a file each;
//! - `session`: the states of a session and the loop that serves it;
//! - `security`, `tls`: what is encrypted, and has to be;
//! - `data`: data connections, and what moves over them.
//!
//! A session is one task, its transfer another, so that commands are answered while files move.

mod advertised;
mod checksums;
mod codec;
mod commands;
mod control;
mod data;
mod facts;
mod first;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod own_addresses;
mod reply;
mod security;
mod session;
mod table;
mod tls;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use self::advertised::Advertised;
use self::checksums::Checksums;
use self::control::Control;
use self::data::PassivePorts;
use self::first::FirstOfUsers;
use self::security::Security;
use self::session::{Interrupted, Session, Type};
use super::{Connection, Engine, Shutdown};
use crate::accounts::Users;
use crate::charset::Charset;
use crate::config;
use crate::listing_time::ListingTime;
use crate::ops::metrics::Metrics;
use crate::tls::TlsError;
use crate::visit::{UserLimits, Views};

/// The greeting of a server that was given none.
const GREETING: &str = "Wharf FTP server ready";

/// What all sessions share.
struct Shared {
    server: config::Server,
    greeting: String,
    tls: Option<Arc<tls::Tls>>,
    users: Users,
    views: Views,
    /// What sessions of users are like, by their names.
    habits: HashMap<String, Habits>,
    /// Users whose uploads were converted without their asking.
    text_uploads: FirstOfUsers,
    /// Uploads that were broken off, which can't be gone on with.
    interrupted: Arc<Interrupted>,
    user_limits: Arc<UserLimits>,
    checksums: Checksums,
    ports: Arc<PassivePorts>,
    advertised: Advertised,
    metrics: Arc<Metrics>,
}

/// What a user's sessions are like, where the configuration says it of that user.
#[derive(Debug)]
struct Habits {
    charset: Option<Charset>,
    default_type: Option<Type>,
    listing_time: Option<ListingTime>,
}

impl Shared {
    /// How a user's client writes names.
    fn charset_of(&self, user: &str) -> Charset {
        self.habits.get(user).and_then(|habits| habits.charset).unwrap_or(Charset::Utf8)
    }

    /// The time zone of a user's LIST and STAT.
    fn listing_time_of(&self, user: &str) -> &ListingTime {
        let of_user = self.habits.get(user).and_then(|habits| habits.listing_time.as_ref());
        of_user.unwrap_or(&self.server.listing_time)
    }

    /// The type in which a user's session begins. RFC 959 has text (section 3.1.1.1), but there are devices that never
    /// send TYPE and mean bytes.
    fn type_of(&self, user: &str) -> Type {
        let of_user = self.habits.get(user).and_then(|habits| habits.default_type);
        of_user.unwrap_or(self.server.default_type.into())
    }
}

/// Serves sessions with Wharf's own implementation of FTP.
pub struct NativeEngine {
    shared: Arc<Shared>,
}

impl NativeEngine {
    /// An engine for these users and what they see.
    ///
    /// # Errors
    /// If the certificate can't be used any more.
    pub fn new(
        config: &config::Config,
        users: Users,
        views: Views,
        metrics: Arc<Metrics>,
    ) -> Result<Self, TlsError> {
        let tls = match &config.tls {
            config::Tls::Off => None,
            config::Tls::On(settings) => Some(tls::Tls::new(settings.clone(), Arc::clone(&metrics))?),
        };
        let server = config.server.clone();
        let habits = config.users.iter().map(|user| {
            let habits = Habits {
                charset: user.charset,
                default_type: user.default_type.map(Into::into),
                listing_time: user.listing_time.clone(),
            };
            (user.name.clone(), habits)
        });
        let shared = Shared {
            greeting: server.greeting.clone().unwrap_or_else(|| GREETING.to_owned()),
            tls,
            users,
            views,
            habits: habits.collect(),
            text_uploads: FirstOfUsers::default(),
            interrupted: Arc::default(),
            checksums: Checksums::new(),
            user_limits: Arc::new(UserLimits::new(server.limits.sessions_per_user)),
            ports: PassivePorts::new(server.passive.ports.clone(), server.proxies.clone()),
            advertised: Advertised::new(&server.passive),
            server,
            metrics,
        };
        Ok(Self { shared: Arc::new(shared) })
    }
}

#[async_trait]
impl Engine for NativeEngine {
    async fn serve(&self, connection: Connection, shutdown: Shutdown) {
        let Connection { stream, peer, local, reached, by_proxy_itself, session: id, implicit_tls, permit } =
            connection;
        let connection = session::Connection {
            control: Control::new(stream, Arc::clone(&self.shared.metrics)),
            id,
            peer,
            local,
            reached,
            by_proxy_itself,
            implicit_tls,
            security: Security::new(self.shared.tls.clone()),
            idle_timeout: self.shared.server.idle_timeout,
            failures: 0,
            permit: Arc::new(permit),
            chosen_charset: None,
            extended_only: false,
            shared: Arc::clone(&self.shared),
        };
        Session::new(connection).run(&shutdown).await;
    }
}

impl fmt::Debug for NativeEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NativeEngine").field("server", &self.shared.server).finish_non_exhaustive()
    }
}
