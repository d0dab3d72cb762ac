//! The credentials and the HTTP clients that the library makes for a bucket.

use object_store::{BackoffConfig, ClientOptions, RetryConfig};

use super::connections::Connections;
use super::connector::Limits;
use super::endpoint::is_plain_http;
use super::requests::{FIRST_PAUSE, LONGEST_PAUSE, Requests, Sign};
use crate::object::settings::options::Added;
use crate::object::settings::{SettingsError, Tuning};

/// The library's store for one bucket, which only provides credentials, and two HTTP clients: the HTTP library's timer for
/// silence also runs while a request is sent, so over a slow line a large part would never arrive.
pub(crate) struct Pair<T> {
    /// The library's store, which has the credentials.
    pub(crate) impatient: T,
    http: Http,
}

/// The connections of the two clients.
struct Http {
    patient: Connections,
    impatient: Connections,
}

impl<T> Pair<T> {
    pub(crate) fn build(
        tuning: &Tuning,
        endpoint: Option<&str>,
        build: impl Fn(ClientOptions, RetryConfig, Connections) -> Result<T, SettingsError>,
    ) -> Result<Self, SettingsError> {
        // A timeout for the whole body would cut off a slow reader in the middle.
        let options =
            ClientOptions::new().with_timeout_disabled().with_allow_http(endpoint.is_some_and(is_plain_http));
        // For the requests that credentials take; those to the bucket are sent again by `Requests`.
        let retry = RetryConfig {
            backoff: BackoffConfig {
                // Each pause is a random time between the first pause and `base` times the last: with short ones, all attempts
                // could be over in a moment.
                init_backoff: 3 * FIRST_PAUSE,
                max_backoff: LONGEST_PAUSE,
                base: 4.0,
            },
            max_retries: tuning.retries,
            retry_timeout: tuning.retry_timeout,
        };
        let connections =
            |silence| Connections::new(tuning, Limits { connect: tuning.connect_timeout, silence });
        let http = Http { patient: connections(None), impatient: connections(Some(tuning.read_timeout)) };
        // Only the client of this one is needed.
        drop(build(options.clone(), retry.clone(), http.patient.clone())?);
        Ok(Self { impatient: build(options, retry, http.impatient.clone())?, http })
    }

    /// Requests of our own: their paths follow `url`.
    pub(crate) fn requests(
        &self,
        url: String,
        bucket: String,
        signer: Option<Box<dyn Sign>>,
        added: Added,
        tuning: &Tuning,
    ) -> Result<Requests, SettingsError> {
        let no_client = || SettingsError::Client("there is no HTTP client".to_owned());
        Ok(Requests {
            url,
            bucket,
            signer,
            added,
            http: self.http.impatient.client().ok_or_else(no_client)?,
            patient: self.http.patient.client().ok_or_else(no_client)?,
            tuning: tuning.clone(),
        })
    }
}

pub(crate) fn not_made(error: object_store::Error) -> SettingsError {
    SettingsError::Client(error.to_string())
}
