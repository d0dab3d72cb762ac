//! What an object has beside its content, for those who go on from it: it is stored anew then, and is to stay what it was.

use http::HeaderMap;

use super::{Client, Own};
use crate::object::settings::options::without_time;
use crate::object::store::object::Object;
use crate::{Result, StoragePath};

impl Client {
    /// What stands under a key, with the headers that who goes on from it sends again; `None` if nothing does.
    pub(crate) async fn head_and_kept(
        &self,
        path: &StoragePath,
        key: &str,
    ) -> Result<Option<(Object, HeaderMap)>> {
        let found = match &self.own {
            Own::S3(s3) => match s3.head(key).await {
                Ok((object, headers)) => Ok((object, s3.with_tags(key, headers).await)),
                Err(failure) => Err(failure),
            },
            Own::Google(google) => google.head_and_kept(key).await,
            Own::Azure(azure) => azure.head_and_kept(key).await,
        };
        match found {
            Ok((object, headers)) => Ok(Some((object, without_time(headers)))),
            Err(failure) if failure.is_not_found() => Ok(None),
            // To find out the reason of a refusal is worth a request.
            Err(_) => Ok(self.head(path, key).await?.map(|object| (object, HeaderMap::new()))),
        }
    }
}
