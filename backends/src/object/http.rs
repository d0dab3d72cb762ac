//! The connections to a store: one HTTP client for the library's requests and for ours.

use object_store::ClientOptions;
use object_store::client::{HttpClient, HttpConnector, ReqwestConnector};

/// Hands the same client out again and again.
///
/// The library makes one for each store it builds; requests of our own are to use the connections of those, and
/// connections that are ready are what small requests gain most from.
#[derive(Debug, Clone)]
pub(super) struct Connections {
    client: HttpClient,
}

impl Connections {
    pub(super) fn new(options: &ClientOptions) -> object_store::Result<Self> {
        Ok(Self { client: ReqwestConnector::default().connect(options)? })
    }

    /// For requests of our own.
    pub(super) fn client(&self) -> HttpClient {
        self.client.clone()
    }
}

impl HttpConnector for Connections {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(self.client.clone())
    }
}
