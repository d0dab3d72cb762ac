//! How requests are signed: by the account's key, a shared access signature or a token.

use async_trait::async_trait;
use object_store::PutPayload;
use object_store::azure::{AzureAuthorizer, AzureCredentialProvider};
use object_store::client::HttpRequest;

use crate::object::store::failure::Failure;
use crate::object::wire::requests::Sign;

/// Signs requests.
pub(super) struct Signer {
    pub(super) credentials: AzureCredentialProvider,
    pub(super) account: String,
}

#[async_trait]
impl Sign for Signer {
    async fn sign(&self, request: &mut HttpRequest, _content: &PutPayload) -> Result<(), Failure> {
        let credential = self.credentials.get_credential().await.map_err(Failure::Library)?;
        AzureAuthorizer::new(&credential, &self.account).try_authorize(request).map_err(Failure::Library)
    }
}
