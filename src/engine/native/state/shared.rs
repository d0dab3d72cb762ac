//! What all sessions share.

use std::collections::HashMap;
use std::sync::Arc;

use super::super::advertised::Advertised;
use super::super::checksums::Checksums;
use super::super::data::PassivePorts;
use super::super::first::FirstOfUsers;
use super::super::tls;
use super::interrupted::Interrupted;
use super::logged_in::Type;
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
pub(in super::super) struct Shared {
    pub(in super::super) server: config::Server,
    pub(in super::super) greeting: String,
    pub(in super::super) tls: Option<Arc<tls::Tls>>,
    pub(in super::super) users: Users,
    pub(in super::super) views: Views,
    /// What sessions of users are like, by their names.
    habits: HashMap<String, Habits>,
    /// Users whose uploads were converted without their asking.
    pub(in super::super) text_uploads: FirstOfUsers,
    /// Uploads that were broken off, which can't be gone on with.
    pub(in super::super) interrupted: Arc<Interrupted>,
    pub(in super::super) user_limits: Arc<UserLimits>,
    pub(in super::super) checksums: Checksums,
    pub(in super::super) ports: Arc<PassivePorts>,
    pub(in super::super) advertised: Advertised,
    pub(in super::super) metrics: Arc<Metrics>,
}

/// What a user's sessions are like, where the configuration says it of that user.
#[derive(Debug)]
struct Habits {
    charset: Option<Charset>,
    default_type: Option<Type>,
    listing_time: Option<ListingTime>,
}

impl Shared {
    /// What sessions of these users share.
    ///
    /// # Errors
    /// If the certificate can't be used any more.
    pub(in super::super) fn new(
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
        Ok(Self {
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
        })
    }

    /// How a user's client writes names.
    pub(in super::super) fn charset_of(&self, user: &str) -> Charset {
        self.habits.get(user).and_then(|habits| habits.charset).unwrap_or(Charset::Utf8)
    }

    /// The time zone of a user's LIST and STAT.
    pub(in super::super) fn listing_time_of(&self, user: &str) -> &ListingTime {
        let of_user = self.habits.get(user).and_then(|habits| habits.listing_time.as_ref());
        of_user.unwrap_or(&self.server.listing_time)
    }

    /// The type in which a user's session begins. RFC 959 has text (section 3.1.1.1), but there are devices that never
    /// send TYPE and mean bytes.
    pub(in super::super) fn type_of(&self, user: &str) -> Type {
        let of_user = self.habits.get(user).and_then(|habits| habits.default_type);
        of_user.unwrap_or(self.server.default_type.into())
    }
}
