//! What a store refuses is told to the operator with the store's own reason.

use wharf_backends::ErrorKind;
use wharf_backends::object::{ObjectStorage, S3Settings};
use wharf_testing::proxy::{Fault, Proxy, When};

use crate::failures::{failed_upload, failures};
use crate::servers::{SERVERS, fresh_prefix, s3_through, settings_through, variable};

/// S3's codes, what it says with them, and what they are to a client.
const REFUSALS: [(&str, &str, ErrorKind); 5] = [
    ("AccessDenied", "Access Denied", ErrorKind::PermissionDenied),
    (
        "InvalidAccessKeyId",
        "The AWS Access Key Id you provided does not exist in our records.",
        ErrorKind::Unavailable,
    ),
    (
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided.",
        ErrorKind::Unavailable,
    ),
    ("ExpiredToken", "The provided token has expired.", ErrorKind::Unavailable),
    (
        "RequestTimeTooSkewed",
        "The difference between the request time and the current time is too large.",
        ErrorKind::Unavailable,
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_is_told_with_its_code_and_sentence() {
    let server = SERVERS[0];
    let proxy = Proxy::before(&variable(server)).await;
    for (code, message, kind) in REFUSALS {
        proxy.clear_faults();
        proxy.fault(When::always(), Fault::Answer { status: 403, code, message });
        let storage = s3_through(&proxy, server, &fresh_prefix());
        let mut errors = failures(&storage).await;
        errors.push(failed_upload(&storage).await);
        for error in errors {
            let told = error.to_string();
            assert!(told.contains(code) && told.contains(message), "{code}: {told}");
            assert_eq!(error.kind(), kind, "{told}");
            assert!(!told.contains('<') && !told.contains('\n'), "{told}");
        }
        assert!(proxy.take().iter().all(|record| record.status == Some(403)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_bucket_is_told_by_its_code() {
    for server in SERVERS {
        let proxy = Proxy::before(&variable(server)).await;
        let prefix = fresh_prefix();
        let settings =
            S3Settings { bucket: "not-this-one".to_owned(), ..settings_through(&proxy, server, &prefix) };
        for error in failures(&ObjectStorage::s3(settings).unwrap()).await {
            assert!(error.to_string().contains("NoSuchBucket"), "{server}: {error}");
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{server}: {error}");
        }
        assert!(proxy.count() > 0);
    }
}
