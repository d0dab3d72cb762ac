//! What a service is asked.

use std::net::IpAddr;

use aws_lc_rs::digest;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::accounts::sources::Attempt;
use crate::tls::ShownCertificate;

/// Who wants to log in.
#[derive(Serialize)]
pub(super) struct Question<'a> {
    name: &'a str,
    password: &'a str,
    /// The address of the client.
    address: IpAddr,
    /// Whether its control connection is encrypted.
    tls: bool,
    /// The host that it has named.
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    /// The fingerprint of the certificate by which it has shown who it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
}

impl<'a> Question<'a> {
    pub(super) fn of(attempt: &Attempt<'a>) -> Self {
        let fingerprint = |der: &[u8]| {
            let digest = digest::digest(&digest::SHA256, der);
            format!("sha256:{}", hex::encode(digest.as_ref()))
        };
        Self {
            name: attempt.name,
            password: attempt.credential.password,
            address: attempt.client.address.to_canonical(),
            tls: attempt.client.channel.encrypted,
            host: attempt.client.host.map(ToString::to_string),
            // A session of TLS can be resumed when the time of the certificate is over.
            certificate: attempt
                .client
                .channel
                .certificate
                .filter(|certificate| ShownCertificate::of(certificate).is_in_time)
                .map(|certificate| fingerprint(certificate)),
        }
    }

    /// As JSON. The same question is the same text.
    pub(super) fn text(&self) -> Zeroizing<String> {
        // Only a map whose keys are no texts makes it fail.
        Zeroizing::new(serde_json::to_string(self).unwrap_or_default())
    }
}
