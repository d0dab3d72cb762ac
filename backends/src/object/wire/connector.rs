//! The HTTP client itself.
//!
//! The library's own client follows redirects: then another host's page would pass for a file, a request that changes something
//! would become a GET that changes nothing, and the session token would go to any host that a redirect names.

use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;

use crate::object::settings::Authorities;

/// How long connecting may take, and how long a store may be silent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) connect: Duration,
    pub(crate) silence: Option<Duration>,
}

/// A client that follows no redirects. Without `authorities`, it trusts those of the system.
pub(crate) fn client(
    limits: Limits,
    authorities: Option<&Authorities>,
    allow_http: bool,
) -> object_store::Result<reqwest::Client> {
    let failed = |source| object_store::Error::Generic { store: "HTTP client", source };
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("wharf/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .https_only(!allow_http)
        .http1_only()
        // Content comes as it was stored, with the length in its headers.
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .no_deflate()
        .dns_resolver(Shuffled)
        .connect_timeout(limits.connect);
    if let Some(silence) = limits.silence {
        builder = builder.read_timeout(silence);
    }
    if let Some(authorities) = authorities {
        builder = builder.tls_backend_preconfigured(authorities.tls().map_err(|error| failed(error.into()))?);
    }
    builder.build().map_err(|error| failed(error.into()))
}

/// Asks the system for the addresses of a host, and tries them in another order each time, so that they share the work.
#[derive(Debug)]
struct Shuffled;

impl Resolve for Shuffled {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let mut addresses: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            fastrand::shuffle(&mut addresses);
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
