//! How requests are signed: by Amazon's signature, for the store or for the service that hands out keys.

use async_trait::async_trait;
use object_store::PutPayload;
use object_store::aws::{AwsAuthorizer, AwsCredentialProvider};
use object_store::client::HttpRequest;
use sha2::{Digest as _, Sha256};

use crate::object::store::failure::Failure;
use crate::object::wire::requests::Sign;

/// Signs requests with an access key.
pub(super) struct Signer {
    pub(super) credentials: AwsCredentialProvider,
    pub(super) region: String,
    /// The service in the signatures: the store (`s3`) or the token service (`sts`).
    pub(super) service: &'static str,
    /// Whether a signature covers the content, too.
    pub(super) sign_payload: bool,
}

#[async_trait]
impl Sign for Signer {
    async fn sign(&self, request: &mut HttpRequest, content: &PutPayload) -> Result<(), Failure> {
        let credential = self.credentials.get_credential().await.map_err(Failure::Library)?;
        let has_content = content.content_length() > 0;
        let digest = (has_content && self.sign_payload).then(|| {
            let mut digest = Sha256::new();
            content.iter().for_each(|bytes| digest.update(bytes));
            digest.finalize()
        });
        AwsAuthorizer::new(&credential, self.service, &self.region)
            .with_sign_payload(self.sign_payload || !has_content)
            .try_authorize(request, digest.as_deref())
            .map_err(Failure::Library)
    }
}
