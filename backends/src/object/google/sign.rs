//! How requests are signed: by a token.

use async_trait::async_trait;
use http::HeaderValue;
use http::header::AUTHORIZATION;
use object_store::PutPayload;
use object_store::client::HttpRequest;
use object_store::gcp::GcpCredentialProvider;

use crate::object::store::failure::Failure;
use crate::object::wire::requests::Sign;

/// Signs requests with a token.
pub(super) struct Signer(pub(super) GcpCredentialProvider);

#[async_trait]
impl Sign for Signer {
    async fn sign(&self, request: &mut HttpRequest, _content: &PutPayload) -> Result<(), Failure> {
        let credential = self.0.get_credential().await.map_err(Failure::Library)?;
        // An emulator's key may say that nobody is asked for a token.
        if credential.bearer.is_empty() {
            return Ok(());
        }
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", credential.bearer))
            .map_err(|_| Failure::Malformed("the access token is no text".to_owned()))?;
        bearer.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, bearer);
        Ok(())
    }
}
