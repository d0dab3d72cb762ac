//! What the sections of backends become, and what is said of those that are wrong.

use std::time::Duration;

use wharf_backends::object::{ContentType, CustomerKey, ObjectOptions, Profile, Role, S3Options, Tuning};

use super::{azure, gcs, s3};
use crate::config::tests::{World, backend, with};
use crate::config::{Config, Secret};

mod wrong;

fn config(sections: &str) -> Config {
    World::new().parse(&with(sections)).unwrap()
}

#[test]
fn object_stores() {
    let config = config(
        "backends:\n  disk: { kind: memory }\n  \
         a: { kind: s3, bucket: x, endpoint: \"http://[::1]:9000/\", access_key_id: i, secret_access_key: k, session_token: t }\n  \
         b: { kind: s3, bucket: x, region: eu-west-1, ambient_credentials: true, path_style: false, sign_payload: true, equal_parts: true, max_parts: 1000, part_size: 5MiB, content_type: text/plain, storage_class: STANDARD_IA, server_side_encryption: aws:kms, kms_key_id: k, acl: private, tags: { a: b }, cache_control: no-store, requester_pays: true, check_names: false }\n  \
         c: { kind: gcs, bucket: x, anonymous: true, prefix: /p/q/, upload_concurrency: 1 }\n  \
         d: { kind: azure, account: acme, container: x, access_key: \"aGVsbG8=\" }\n",
    );
    let s3::Bucket { settings: s3, credentials } = backend(&config, "a");
    assert_eq!((s3.region.as_deref(), s3.endpoint.as_deref()), (None, Some("http://[::1]:9000")));
    let Tuning { part_size, upload_concurrency, check_names, max_parts, abandoned_after, .. } = s3.tuning;
    assert_eq!((part_size, upload_concurrency, check_names, max_parts), (8 << 20, 4, true, 10_000));
    assert_eq!(abandoned_after, Duration::from_secs(7 * 24 * 60 * 60));
    assert_eq!((s3.path_style, s3.sign_payload, s3.equal_parts), (None, None, None));
    assert!(
        matches!(&credentials, s3::Credentials::Keys { session_token: Some(token), .. } if token.expose() == "t")
    );
    let s3::Bucket { settings: s3, credentials } = backend(&config, "b");
    assert_eq!(
        (credentials, s3.path_style, s3.sign_payload, s3.equal_parts, s3.tuning.part_size),
        (&s3::Credentials::Ambient, Some(false), Some(true), Some(true), 5 << 20)
    );
    assert!(!s3.tuning.check_names);
    assert_eq!(s3.tuning.max_parts, 1000);
    let options = S3Options {
        storage_class: Some("STANDARD_IA".into()),
        server_side_encryption: Some("aws:kms".into()),
        kms_key_id: Some("k".into()),
        customer_key: None,
        acl: Some("private".into()),
        tags: vec![("a".into(), "b".into())],
        cache_control: Some("no-store".into()),
        requester_pays: true,
    };
    assert_eq!((&s3.content_type, &s3.options), (&ContentType::Fixed("text/plain".into()), &options));
    let gcs::Bucket { settings: gcs, credentials } = backend(&config, "c");
    assert_eq!((credentials, gcs.prefix.as_str()), (&gcs::Credentials::Anonymous, "/p/q"));
    let azure::Container { credentials, .. } = backend(&config, "d");
    assert_eq!(*credentials, azure::Credentials::AccessKey(Secret::new("aGVsbG8=")));
    assert_eq!(config.backends["d"].kind(), "azure");
}

#[test]
fn profiles_and_roles() {
    let mut world = World::new();
    let keys = "aws_access_key_id = a\naws_secret_access_key = b\n";
    world.file("profiles", format!("[default]\n{keys}[ftp]\n{keys}"));
    world.file("home/.aws/credentials", format!("[x]\n{keys}"));
    let home = world.path("home");
    world.variable("HOME", home.to_str().unwrap());
    let text = with(
        "backends:\n  disk: { kind: memory }\n  \
         a: { kind: s3, bucket: x, region: eu-west-1, credentials_file: profiles }\n  \
         b: { kind: s3, bucket: x, region: eu-west-1, credentials_file: profiles, profile: ftp, role_arn: 'arn:aws:iam::1:role/ftp', role_session_name: a@b, external_id: x/1, sts_endpoint: 'http://127.0.0.1:1/' }\n  \
         c: { kind: s3, bucket: x, region: eu-west-1, profile: x, role_arn: 'arn:aws:iam::1:role/ftp' }\n",
    );
    let config = world.parse(&text).unwrap();
    let s3 = |name: &str| {
        let bucket: &s3::Bucket = backend(&config, name);
        (bucket.credentials.clone(), bucket.settings.role.clone())
    };
    let profile = |file: &str, name: &str| {
        s3::Credentials::Profile(Profile { file: world.path(file), name: name.to_owned() })
    };
    let mut role = Role {
        arn: "arn:aws:iam::1:role/ftp".to_owned(),
        session_name: Some("a@b".to_owned()),
        external_id: Some("x/1".to_owned()),
        endpoint: Some("http://127.0.0.1:1".to_owned()),
    };
    assert_eq!(s3("a"), (profile("profiles", "default"), None));
    assert_eq!(s3("b"), (profile("profiles", "ftp"), Some(role.clone())));
    (role.session_name, role.external_id, role.endpoint) = (None, None, None);
    assert_eq!(s3("c"), (profile("home/.aws/credentials", "x"), Some(role)));
}

#[test]
fn what_objects_have_beside_their_content() {
    let world = World::new();
    world.certificate("store.pem", "store.key");
    let key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    let text = with(&format!(
        "backends:\n  disk: {{ kind: memory }}\n  \
         a: {{ kind: s3, bucket: x, region: eu-west-1, anonymous: true, content_type: none, sse_customer_key: {key} }}\n  \
         b: {{ kind: gcs, bucket: x, anonymous: true, ca_file: store.pem, storage_class: NEARLINE, cache_control: no-store }}\n  \
         c: {{ kind: azure, account: acme, container: x, sas_token: '?sv=1&sig=c2ln', access_tier: Cool }}\n"
    ));
    let config = world.parse(&text).unwrap();
    let s3::Bucket { settings: s3, .. } = backend(&config, "a");
    assert_eq!(s3.content_type, ContentType::None);
    assert_eq!(s3.options.customer_key, Some(CustomerKey::from_base64(key).unwrap()));
    assert!(!format!("{s3:?}").contains("0123") && !format!("{s3:?}").contains(key), "{s3:?}");
    let gcs::Bucket { settings: gcs, .. } = backend(&config, "b");
    assert!(gcs.tuning.authorities.is_some());
    let options =
        ObjectOptions { storage_class: Some("NEARLINE".into()), cache_control: Some("no-store".into()) };
    assert_eq!(gcs.options, options);
    let azure::Container { settings: azure, credentials } = backend(&config, "c");
    assert_eq!(*credentials, azure::Credentials::SasToken(Secret::new("sv=1&sig=c2ln")));
    assert_eq!(azure.options.storage_class.as_deref(), Some("Cool"));
}

#[cfg(feature = "unftp-backends")]
#[test]
fn unftp_backends() {
    let config = config(
        "backends: { disk: { kind: unftp-fs, root: data }, b: { kind: unftp-gcs, bucket: x, anonymous: true } }\n",
    );
    assert_eq!(config.backends["disk"].kind(), "unftp-fs");
    assert_eq!(config.backends["b"].kind(), "unftp-gcs");
}

#[cfg(not(feature = "unftp-backends"))]
#[test]
fn a_build_without_unftp_backends_says_so() {
    let complaints = World::new().complaints(&with("backends: { disk: { kind: unftp-fs, root: data } }\n"));
    assert!(complaints.contains("this build of Wharf has no unftp backends"), "{complaints}");
}
