//! Azure by a shared access signature in place of the account's key.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_util::StreamExt;
use sha2::{Digest as _, Sha256};
use wharf_backends::contract::{self, Fixture, contents, pattern, put};
use wharf_backends::object::{AzureSettings, ObjectStorage};
use wharf_backends::{CreateMode, ErrorKind, Storage};

use crate::servers::{azure_settings, fresh_prefix, path};

/// RFC 2104.
fn hmac(key: &[u8], text: &str) -> [u8; 32] {
    let padded = |with: u8| {
        let mut block = [with; 64];
        block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        block
    };
    let inner = Sha256::new().chain_update(padded(0x36)).chain_update(text).finalize();
    Sha256::new().chain_update(padded(0x5c)).chain_update(inner).finalize().into()
}

/// A signature of the account for these permissions on blobs and their containers (Create an account SAS).
fn token(settings: &AzureSettings, permissions: &str) -> String {
    let (start, end) = ("2020-01-01T00:00:00Z", "2120-01-01T00:00:00Z");
    let text =
        format!("{}\n{permissions}\nb\nsco\n{start}\n{end}\n\nhttps,http\n2021-08-06\n\n", settings.account);
    let key = BASE64_STANDARD.decode(settings.access_key.as_ref().unwrap()).unwrap();
    assert!(key.len() <= 64, "a longer key would have to be hashed first");
    let signature = BASE64_STANDARD.encode(hmac(&key, &text));
    let signature = signature.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    format!("sv=2021-08-06&ss=b&srt=sco&sp={permissions}&st={start}&se={end}&spr=https,http&sig={signature}")
}

fn storage(permissions: &str) -> ObjectStorage {
    let mut settings = azure_settings(&fresh_prefix());
    settings.sas_token = Some(token(&settings, permissions));
    settings.access_key = None;
    settings.tuning.part_size = 5 << 20;
    ObjectStorage::azure(settings).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_contract_holds_with_a_signature() {
    for case in contract::CASES {
        println!("{}", case.name);
        (case.run)(Fixture::new(storage("rwdlac"))).await;
    }
    let storage = storage("rwdlac");
    let large = pattern(6 << 20, 1);
    put(&storage, "/a b+c/large", &large, CreateMode::Replace).await.unwrap();
    storage.rename(&path("/a b+c"), &path("/d"), true).await.unwrap();
    assert!(contents(&storage, "/d/large").await == large);
}

#[tokio::test]
async fn what_it_does_not_allow_is_refused_and_nobody_sees_it() {
    let storage = storage("rl");
    let error = put(&storage, "/a", b"a", CreateMode::Replace).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
    assert!(!format!("{error:?} {error}").contains("sig="), "{error:?}");
    let mut settings = azure_settings(&fresh_prefix());
    settings.sas_token = Some(token(&settings, "rl"));
    settings.access_key = None;
    settings.endpoint = Some("http://127.0.0.1:1/devstoreaccount1".to_owned());
    settings.tuning.retries = 0;
    assert!(!format!("{settings:?}").contains("sig="));
    let unreachable = ObjectStorage::azure(settings).unwrap();
    for error in [
        unreachable.check().await.unwrap_err(),
        put(&unreachable, "/a", b"a", CreateMode::Replace).await.unwrap_err(),
        unreachable.rename(&path("/a"), &path("/b"), true).await.unwrap_err(),
    ] {
        assert!(!format!("{error:?} {error}").contains("sig="), "{error:?}");
    }
    let mut listing = storage.list(&path("/")).await.unwrap();
    assert!(listing.next().await.is_none());
}
