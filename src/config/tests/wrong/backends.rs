//! The section `backends`.

use super::check;

#[test]
fn a_missing_backend() {
    check(
        "users:
  - name: scanner
    password: HASH
    backend: lakes
backends:
  lake: { kind: memory }
  disk: { kind: memory }
",
        r#"wharf.yaml:4:14: backend "lakes" is not defined; defined are: lake, disk
    4 |     backend: lakes
      |              ^^^^^
1 problem in wharf.yaml"#,
    );
}

#[test]
fn no_backends() {
    check(
        "users:
  - { name: a, password: HASH, backend: disk }
backends: {}
",
        r#"wharf.yaml:2:136: backend "disk" is not defined; there are none
    2 |   - { name: a, password: ***, backend: disk }
      |                                        ^^^^
wharf.yaml:3:11: at least one backend is needed
    3 | backends: {}
      |           ^
2 problems in wharf.yaml"#,
    );
}

#[test]
fn sizes() {
    check(
        "backends:
  disk: { kind: memory, capacity: 64 MB iB }
  a: { kind: memory, capacity: 0 }
  b: { kind: memory, capacity: 99999999TiB }
  c: { kind: gcs, bucket: acme, anonymous: true, part_size: 1MiB, upload_concurrency: 65 }
  d: { kind: s3, bucket: acme, region: eu-west-1, anonymous: true, max_parts: 999 }
",
        "wharf.yaml:2:35: expected a size such as 64MiB, 10MB or 1048576
    2 |   disk: { kind: memory, capacity: 64 MB iB }
      |                                   ^^^^^^^^
wharf.yaml:3:32: the capacity can't be zero
    3 |   a: { kind: memory, capacity: 0 }
      |                                ^
wharf.yaml:4:32: this size is too large
    4 |   b: { kind: memory, capacity: 99999999TiB }
      |                                ^^^^^^^^^^^
wharf.yaml:5:61: the size of a part is from 5MiB to 5GiB
    5 |   c: { kind: gcs, bucket: acme, anonymous: true, part_size: 1MiB, upload_concurrency: 65 }
      |                                                             ^^^^
wharf.yaml:5:87: at most 64 is possible
    5 |   c: { kind: gcs, bucket: acme, anonymous: true, part_size: 1MiB, upload_concurrency: 65 }
      |                                                                                       ^^
wharf.yaml:6:79: the parts of an upload are from 1000 to 10000
    6 |   d: { kind: s3, bucket: acme, region: eu-west-1, anonymous: true, max_parts: 999 }
      |                                                                               ^^^
6 problems in wharf.yaml",
    );
}

#[test]
fn credentials() {
    check(
        r#"backends:
  disk: { kind: memory }
  a: { kind: s3, bucket: acme, region: eu-west-1 }
  b: { kind: s3, bucket: acme, region: eu-west-1, access_key_id: AKIA }
  c: { kind: gcs, bucket: acme, ambient_credentials: true, anonymous: true }
  d: { kind: azure, account: acme, container: files, access_key: "not base64" }
  e: { kind: gcs, bucket: acme, service_account_key: { file: key.json } }
  f: { kind: s3, session_token: x }
"#,
        "wharf.yaml:3:3: there are no credentials; give `access_key_id` and `secret_access_key`, or say `ambient_credentials: true` to take those of the cloud it runs in, or `anonymous: true` if the storage is public
    3 |   a: { kind: s3, bucket: acme, region: eu-west-1 }
      |   ^
wharf.yaml:4:51: `access_key_id` goes with `secret_access_key`, which is missing
    4 |   b: { kind: s3, bucket: acme, region: eu-west-1, access_key_id: *** }
      |                                                   ^^^^^^^^^^^^^
wharf.yaml:5:33: `anonymous` and `ambient_credentials` exclude each other
    5 |   c: { kind: gcs, bucket: acme, ambient_credentials: true, anonymous: true }
      |                                 ^^^^^^^^^^^^^^^^^^^
wharf.yaml:6:66: this is not the key of a storage account: it is not base64
    6 |   d: { kind: azure, account: acme, container: files, access_key: *** }
      |                                                                  ^^^
wharf.yaml:7:54: this is not the JSON text of a service account's key
    7 |   e: { kind: gcs, bucket: acme, service_account_key: { file: key.json } }
      |                                                      ^
wharf.yaml:8:3: `bucket` is missing
    8 |   f: { kind: s3, session_token: *** }
      |   ^
wharf.yaml:8:3: `region` is missing
    8 |   f: { kind: s3, session_token: *** }
      |   ^
wharf.yaml:8:18: `session_token` goes with `access_key_id` and `secret_access_key`
    8 |   f: { kind: s3, session_token: *** }
      |                  ^^^^^^^^^^^^^
8 problems in wharf.yaml",
    );
}

#[test]
fn endpoints() {
    check(
        r#"backends:
  disk: { kind: memory }
  a: { kind: s3, bucket: a/b, endpoint: minio:9000, anonymous: true }
  b: { kind: gcs, bucket: acme, endpoint: ftp://example.com, anonymous: true }
  c: { kind: azure, account: acme, container: files, endpoint: "https://user:hunter2@example.com", anonymous: true }
"#,
        r#"wharf.yaml:3:26: "a/b" can't be the name of a bucket
    3 |   a: { kind: s3, bucket: a/b, endpoint: minio:9000, anonymous: true }
      |                          ^^^
wharf.yaml:3:41: expected a URL such as https://storage.example.com:9000
    3 |   a: { kind: s3, bucket: a/b, endpoint: minio:9000, anonymous: true }
      |                                         ^^^^^^^^^^
wharf.yaml:4:43: the URL has to start with http:// or https://
    4 |   b: { kind: gcs, bucket: acme, endpoint: ftp://example.com, anonymous: true }
      |                                           ^^^^^^^^^^^^^^^^^
wharf.yaml:5:64: the URL can't hold a user or a password
    5 |   c: { kind: azure, account: acme, container: files, endpoint: ***, anonymous: true }
      |                                                                ^^^
4 problems in wharf.yaml"#,
    );
}

#[test]
fn kinds() {
    check(
        "backends:
  disk: { kind: locl, root: data }
  a: { root: data }
  b: { kind: [] }
  c: local
  d:
  e: { kind: local, root: data, sink: false }
",
        r#"wharf.yaml:2:17: unknown kind "locl"; did you mean "local"?
    2 |   disk: { kind: locl, root: data }
      |                 ^^^^
wharf.yaml:3:3: there is no `kind` here; known are: s3, gcs, azure, local, memory, unftp-fs, unftp-gcs
    3 |   a: { root: data }
      |   ^
wharf.yaml:4:14: expected a word: s3, gcs, azure, local, memory, unftp-fs, unftp-gcs
    4 |   b: { kind: [] }
      |              ^
wharf.yaml:5:6: expected keys and values, found text
    5 |   c: local
      |      ^^^^^
wharf.yaml:6:4: expected keys and values, found nothing
    6 |   d:
      |    ^
wharf.yaml:7:33: unknown key "sink"; known here are: root, create_root, sync, follow_links, file_mode, directory_mode, timeout
    7 |   e: { kind: local, root: data, sink: false }
      |                                 ^^^^
6 problems in wharf.yaml"#,
    );
}

#[test]
fn roots() {
    check(
        r#"backends:
  disk: { kind: local, root: nowhere }
  a: { kind: local, root: tls.crt, create_root: true }
  b: { kind: local }
  c: { kind: local, root: "" }
"#,
        r#"wharf.yaml:2:30: root DIR/nowhere: there is no such directory; `create_root: true` has it made
    2 |   disk: { kind: local, root: nowhere }
      |                              ^^^^^^^
wharf.yaml:3:27: root DIR/tls.crt: this is not a directory
    3 |   a: { kind: local, root: tls.crt, create_root: true }
      |                           ^^^^^^^
wharf.yaml:4:3: `root` is missing
    4 |   b: { kind: local }
      |   ^
wharf.yaml:5:27: this path is empty
    5 |   c: { kind: local, root: "" }
      |                           ^^
4 problems in wharf.yaml"#,
    );
}

#[test]
fn timeouts_of_disks() {
    check(
        "backends:
  disk: { kind: local, root: data, timeout: 30 }
  two: { kind: local, root: data, timeout: 500ms }
  three: { kind: local, root: data, timeout: 2h }
",
        "wharf.yaml:2:45: this duration has no unit; write it such as 30s, 5m or 1h30m
    2 |   disk: { kind: local, root: data, timeout: 30 }
      |                                             ^^
wharf.yaml:3:44: from 1s to 1h is allowed
    3 |   two: { kind: local, root: data, timeout: 500ms }
      |                                            ^^^^^
wharf.yaml:4:46: from 1s to 1h is allowed
    4 |   three: { kind: local, root: data, timeout: 2h }
      |                                              ^^
3 problems in wharf.yaml",
    );
}

#[test]
fn modes() {
    check(
        "backends:
  disk: { kind: local, root: data, file_mode: 0888, directory_mode: rwxr-x--- }
  two: { kind: local, root: data, file_mode: 0440, directory_mode: 1777 }
",
        "wharf.yaml:2:47: three octal digits are needed, in quotes, such as \"0640\"
    2 |   disk: { kind: local, root: data, file_mode: 0888, directory_mode: rwxr-x--- }
      |                                               ^^^^
wharf.yaml:2:69: three octal digits are needed, in quotes, such as \"0640\"
    2 |   disk: { kind: local, root: data, file_mode: 0888, directory_mode: rwxr-x--- }
      |                                                                     ^^^^^^^^^
wharf.yaml:3:46: the server itself needs 0600 of it (is it octal, and in quotes?)
    3 |   two: { kind: local, root: data, file_mode: 0440, directory_mode: 1777 }
      |                                              ^^^^
wharf.yaml:3:68: three octal digits are needed, in quotes, such as \"0640\"
    3 |   two: { kind: local, root: data, file_mode: 0440, directory_mode: 1777 }
      |                                                                    ^^^^
4 problems in wharf.yaml",
    );
}
