//! What objects have beside their content, and who vouches for the store.

use crate::config::tests::{World, with};

/// What is said, each with its line.
fn messages(backends: &str) -> Vec<String> {
    let world = World::new();
    world.file("not.pem", "nothing");
    world.file("short", "c2hvcnQ=\n");
    world.file("sas", "sv=1&sp=r\n");
    world.file("profiles", "[default]\naws_access_key_id=a\naws_secret_access_key=b\n");
    let text = with(&format!("backends:\n  disk: {{ kind: memory }}\n{backends}"));
    let complaints = world.complaints(&text);
    let said = complaints.lines().filter_map(|line| line.strip_prefix("wharf.yaml:"));
    said.map(str::to_owned).collect()
}

#[test]
fn buckets_before_an_address() {
    let open = "kind: s3, bucket: acme, anonymous: true, path_style: false";
    let found = messages(&format!(
        "  a: {{ {open}, endpoint: 'http://127.0.0.1:9000' }}
  b: {{ {open}, endpoint: 'https://[::1]' }}
  c: {{ {open}, endpoint: 'https://store.example.com' }}
"
    ));
    let said = "the endpoint's host is an address, before which a bucket's name can't stand";
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("3:") && found[0].contains(said), "{found:?}");
    assert!(found[1].starts_with("4:") && found[1].contains(said), "{found:?}");
}

#[test]
fn options_of_objects() {
    let open = "bucket: acme, region: eu-west-1, anonymous: true";
    let tags: Vec<String> = (0..11).map(|number| format!("t{number}: x")).collect();
    let backends = format!(
        "  a: {{ kind: s3, {open}, content_type: pdf, storage_class: COLD, acl: everybody, server_side_encryption: AES }}
  b: {{ kind: s3, {open}, content_type: application/x-directory, kms_key_id: k, server_side_encryption: AES256 }}
  c: {{ kind: s3, {open}, sse_customer_key: {{ file: short }}, server_side_encryption: AES256 }}
  d: {{ kind: s3, {open}, sse_customer_key: hunter2 }}
  e: {{ kind: s3, {open}, endpoint: http://store.example.com, sse_customer_key: MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE= }}
  f: {{ kind: s3, {open}, tags: {{ {} }} }}
  g: {{ kind: s3, {open}, tags: {{ 'aws:a': x, b: a&b, '': x }}, cache_control: \"no\\nstore\" }}
  h: {{ kind: gcs, bucket: acme, anonymous: true, storage_class: COLD }}
  i: {{ kind: azure, account: acme, container: x, anonymous: true, access_tier: cool }}
  j: {{ kind: azure, account: acme, container: x, access_key: a2V5, sas_token: {{ file: sas }} }}
  k: {{ kind: azure, account: acme, container: x, sas_token: 'https://acme.blob.core.windows.net/?sv=1&sig=hunter2' }}
  l: {{ kind: gcs, bucket: acme, anonymous: true, ca_file: not.pem }}
  m: {{ kind: gcs, bucket: acme, anonymous: true, ca_file: missing.pem }}
  n: {{ kind: gcs, bucket: acme, anonymous: true, ca_file: not.pem, endpoint: http://127.0.0.1:1 }}
",
        tags.join(", ")
    );
    let expected = r#"3:82: expected `by-extension`, `none`, or a type such as text/plain
3:102: Amazon does not know "COLD"; it knows STANDARD, REDUCED_REDUNDANCY, STANDARD_IA, ONEZONE_IA, INTELLIGENT_TIERING, GLACIER_IR, GLACIER, DEEP_ARCHIVE, OUTPOSTS, EXPRESS_ONEZONE
3:113: Amazon does not know "everybody"; it knows private, public-read, public-read-write, authenticated-read, aws-exec-read, bucket-owner-read, bucket-owner-full-control
3:148: Amazon does not know "AES"; it knows AES256, aws:kms, aws:kms:dsse
4:82: with this type, empty files would be taken for directories
4:107: `kms_key_id` goes with `server_side_encryption: aws:kms`
5:68: `sse_customer_key` and `server_side_encryption` exclude each other: one key encrypts an object
5:86: this key has 5 bytes; it has to have 32: `openssl rand -base64 32` makes one
6:86: this is not base64
7:104: with this endpoint, `sse_customer_key` would be sent without encryption; it takes https://
8:74: an object has at most 10 tags
9:76: tags that begin with aws: are Amazon's own
9:91: a tag can't have "&": letters, digits, spaces and +-=._:/@ are possible
9:96: the key of a tag has 1 to 128 characters
9:120: this may hold letters, digits and signs of ASCII only, and not be empty
10:65: Google does not know "COLD"; it knows STANDARD, NEARLINE, COLDLINE, ARCHIVE, MULTI_REGIONAL, REGIONAL, DURABLE_REDUCED_AVAILABILITY
11:80: Azure does not know "cool"; it knows Hot, Cool, Cold, Archive
12:68: `access_key` and `sas_token` exclude each other
12:79: this is no shared access signature: one has sv=… and sig=…
13:61: this is the whole URL; the token is what stands behind the question mark
14:59: ca_file DIR/not.pem: there is no certificate in it; a block begins with -----BEGIN CERTIFICATE-----
15:59: ca_file DIR/missing.pem: there is no such file or directory
16:50: `ca_file` has no use here: the endpoint is http://, which has no certificates"#;
    let found = messages(&backends).join("\n");
    assert!(found == expected, "\n--- expected\n{expected}\n--- found\n{found}\n---");
}

#[test]
fn who_asks_and_in_which_role() {
    let open = "kind: s3, bucket: acme, region: eu-west-1";
    let arn = "role_arn: 'arn:aws:iam::111122223333:role/ftp'";
    let backends = format!(
        "  a: {{ {open}, credentials_file: profiles, access_key_id: a }}
  b: {{ {open}, credentials_file: profiles, anonymous: true }}
  c: {{ {open}, credentials_file: profiles, profile: none }}
  d: {{ {open}, credentials_file: missing.ini }}
  e: {{ {open}, profile: p }}
  f: {{ {open}, anonymous: true, {arn} }}
  g: {{ {open}, ambient_credentials: true, external_id: x1, role_session_name: ftp, sts_endpoint: 'https://sts.example.com' }}
  h: {{ {open}, ambient_credentials: true, role_arn: ftp, external_id: 'a b', role_session_name: x }}
  i: {{ {open}, ambient_credentials: true, {arn}, sts_endpoint: sts.example.com }}
  j: {{ {open}, ambient_credentials: true, {arn}, endpoint: 'http://store.example.com' }}
"
    );
    let expected = r#"3:79: keys here and those of a `profile` exclude each other
4:79: `profile` and `anonymous` exclude each other
5:69: credentials file DIR/profiles: there is no profile [none] in it
6:69: credentials file DIR/missing.ini: there is no such file
7:51: `HOME` is not set; say which file with `credentials_file`
8:68: nobody assumes a role who is `anonymous`
9:78: `external_id` goes with `role_arn`, which is missing
9:95: `role_session_name` goes with `role_arn`, which is missing
9:119: `sts_endpoint` goes with `role_arn`, which is missing
10:88: expected a role such as arn:aws:iam::111122223333:role/ftp
10:106: expected 2 to 1224 letters, digits and _ = , . @ : / + -
10:132: expected 2 to 64 letters, digits and _ = , . @ -
11:140: expected a URL such as https://storage.example.com:9000
12:78: the token service would send the keys of the role without encryption; it takes https://
"#;
    assert_eq!(messages(&backends).join("\n"), expected.trim_end());
}
