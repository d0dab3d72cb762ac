//! The sections `users` and `anonymous`.

use super::check;

#[test]
fn a_duplicate_user() {
    check(
        "users:
  - { name: demo, password: HASH, backend: disk }
  - name: demo
    password: HASH
    backend: disk
",
        r#"wharf.yaml:3:11: user "demo" is defined twice; first on line 2
    3 |   - name: demo
      |           ^^^^
1 problem in wharf.yaml"#,
    );
}

#[test]
fn reserved_and_bad_names() {
    check(
        r#"users:
  - { name: ANONYMOUS, password: HASH, backend: disk }
  - { name: "a b", password: HASH, backend: disk }
  - { name: "", password: HASH, backend: disk }
  - { name: a/b, password: HASH, backend: disk }
  - { name: 1001, password: HASH, backend: disk }
  - { password: HASH, backend: disk }
"#,
        r#"wharf.yaml:2:13: "ANONYMOUS" is no user but the login without a password; see `anonymous`
    2 |   - { name: ANONYMOUS, password: ***, backend: disk }
      |             ^^^^^^^^^
wharf.yaml:3:13: a name can't contain spaces or control characters
    3 |   - { name: "a b", password: ***, backend: disk }
      |             ^^^^^
wharf.yaml:4:13: a name can't be empty
    4 |   - { name: "", password: ***, backend: disk }
      |             ^^
wharf.yaml:5:13: a name can't contain slashes
    5 |   - { name: a/b, password: ***, backend: disk }
      |             ^^^
wharf.yaml:6:13: expected text, found a number; put it in quotes
    6 |   - { name: 1001, password: ***, backend: disk }
      |             ^^^^
wharf.yaml:7:5: `name` is missing
    7 |   - { password: ***, backend: disk }
      |     ^
6 problems in wharf.yaml"#,
    );
}

#[test]
fn overlapping_mounts() {
    check(
        "users:
  - name: demo
    password: HASH
    backend: disk
    mounts:
      - { at: /a, backend: disk }
      - { at: a/./, backend: disk }
      - { at: /a/b, backend: disk }
      - { at: /, backend: disk }
      - { backend: disk, path: ../x }
",
        r#"wharf.yaml:7:15: overlapping mounts: "/a" is taken by the mount on line 6
    7 |       - { at: a/./, backend: disk }
      |               ^^^^
wharf.yaml:9:15: a mount can't stand at `/`: the user's own `backend` does
    9 |       - { at: /, backend: disk }
      |               ^
wharf.yaml:10:9: `at` is missing
   10 |       - { backend: disk, path: ../x }
      |         ^
wharf.yaml:10:32: this path can't contain `..`
   10 |       - { backend: disk, path: ../x }
      |                                ^^^^
4 problems in wharf.yaml"#,
    );
}

#[test]
fn secrets() {
    check(
        r#"users:
  - { name: a, password: { env: NOWHERE }, backend: disk }
  - { name: b, password: { file: nowhere }, backend: disk }
  - { name: c, password: { file: large }, backend: disk }
  - { name: d, password: { env: A, file: b }, backend: disk }
  - { name: e, password: {}, backend: disk }
  - { name: f, password: "", plain: true, backend: disk }
  - { name: g, password: { file: binary }, backend: disk }
  - { name: h, password: { file: empty }, backend: disk }
"#,
        r#"wharf.yaml:2:33: the environment variable "NOWHERE" is not set
    2 |   - { name: a, password: { env: NOWHERE }, backend: disk }
      |                                 ^^^^^^^
wharf.yaml:3:34: secret file DIR/nowhere: there is no such file or directory
    3 |   - { name: b, password: { file: nowhere }, backend: disk }
      |                                  ^^^^^^^
wharf.yaml:4:34: secret file DIR/large: the file is larger than 65536 bytes
    4 |   - { name: c, password: { file: large }, backend: disk }
      |                                  ^^^^^
wharf.yaml:5:26: say either `env` or `file`, not both
    5 |   - { name: d, password: { env: A, file: b }, backend: disk }
      |                          ^
wharf.yaml:6:26: say where the secret is: { env: NAME } or { file: PATH }
    6 |   - { name: e, password: {}, backend: disk }
      |                          ^
wharf.yaml:7:26: this secret is empty
    7 |   - { name: f, password: ***, plain: true, backend: disk }
      |                          ^^^
wharf.yaml:8:34: secret file DIR/binary: it is not valid UTF-8
    8 |   - { name: g, password: { file: binary }, backend: disk }
      |                                  ^^^^^^
wharf.yaml:9:26: this secret is empty
    9 |   - { name: h, password: { file: empty }, backend: disk }
      |                          ^
8 problems in wharf.yaml"#,
    );
}

#[test]
fn permissions() {
    check(
        "users:
  - { name: a, password: HASH, backend: disk, permissions: readonly }
  - { name: b, password: HASH, backend: disk, permissions: [list, write, 3] }
  - { name: c, password: HASH, backend: disk, permissions: { list: true } }
",
        r#"wharf.yaml:2:155: unknown permission "readonly"; did you mean "read-only"?
    2 |   - { name: a, password: ***, backend: disk, permissions: readonly }
      |                                                           ^^^^^^^^
wharf.yaml:3:162: unknown permission "write"; known are: full, read-only, upload-only, list, download, upload, overwrite, rename, delete, mkdir
    3 |   - { name: b, password: ***, backend: disk, permissions: [list, write, 3] }
      |                                                                  ^^^^^
wharf.yaml:3:169: expected text, found a number; put it in quotes
    3 |   - { name: b, password: ***, backend: disk, permissions: [list, write, 3] }
      |                                                                         ^
wharf.yaml:4:155: expected a word or a list of words, found keys and values
    4 |   - { name: c, password: ***, backend: disk, permissions: { list: true } }
      |                                                           ^
4 problems in wharf.yaml"#,
    );
}

#[test]
fn anonymous_without_backend() {
    check(
        "anonymous: { enabled: true }
",
        "wharf.yaml:1:1: `backend` is missing
    1 | anonymous: { enabled: true }
      | ^^^^^^^^^
1 problem in wharf.yaml",
    );
}

#[test]
fn networks_and_the_end_of_an_account() {
    check(
        "users:
  - { name: a, password: HASH, backend: disk, networks: [] }
  - { name: b, password: HASH, backend: disk, networks: [10.0.0.1/8, nowhere] }
  - { name: c, password: HASH, backend: disk, expires: tomorrow }
  - { name: d, password: HASH, backend: disk, expires: 2027-02-29 }
",
        r#"wharf.yaml:2:152: at least one network is needed; without this key, any is good
    2 |   - { name: a, password: ***, backend: disk, networks: [] }
      |                                                        ^
wharf.yaml:3:153: this is an address inside of a network; write 10.0.0.0/8
    3 |   - { name: b, password: ***, backend: disk, networks: [10.0.0.1/8, nowhere] }
      |                                                         ^^^^^^^^^^
wharf.yaml:3:165: expected a network such as 10.0.0.0/8, or an IP address
    3 |   - { name: b, password: ***, backend: disk, networks: [10.0.0.1/8, nowhere] }
      |                                                                     ^^^^^^^
wharf.yaml:4:151: expected a date such as 2027-01-01, or a time with its zone such as 2027-01-01T18:00:00Z
    4 |   - { name: c, password: ***, backend: disk, expires: tomorrow }
      |                                                       ^^^^^^^^
wharf.yaml:5:151: expected a date such as 2027-01-01, or a time with its zone such as 2027-01-01T18:00:00Z
    5 |   - { name: d, password: ***, backend: disk, expires: 2027-02-29 }
      |                                                       ^^^^^^^^^^
5 problems in wharf.yaml"#,
    );
}

#[test]
fn limits() {
    check(
        "users:
  - name: a
    password: HASH
    backend: disk
    limits:
      upload: 5MiB
      download: 1KiB/s
      uploads: 3
      file_size: huge
      transfers: 0
      refuse_names: ['', a/b, '[a', '**x', '*.exe']
      idle: 10ms
      commands: fast
server: { limits: { download_per_ip: fast } }
",
        r#"wharf.yaml:6:15: expected bytes in a second, such as 10MiB/s
    6 |       upload: 5MiB
      |               ^^^^
wharf.yaml:7:17: at least 8KiB/s are needed
    7 |       download: 1KiB/s
      |                 ^^^^^^
wharf.yaml:8:7: unknown key "uploads"; did you mean "upload"?
    8 |       uploads: 3
      |       ^^^^^^^
wharf.yaml:9:18: expected a size such as 64MiB, 10MB or 1048576
    9 |       file_size: huge
      |                  ^^^^
wharf.yaml:10:18: at least 1 is needed
   10 |       transfers: 0
      |                  ^
wharf.yaml:11:22: this pattern is empty
   11 |       refuse_names: ['', a/b, '[a', '**x', '*.exe']
      |                      ^^
wharf.yaml:11:26: a pattern is for the last name of a path, which has no `/`
   11 |       refuse_names: ['', a/b, '[a', '**x', '*.exe']
      |                          ^^^
wharf.yaml:11:31: no pattern: invalid range pattern
   11 |       refuse_names: ['', a/b, '[a', '**x', '*.exe']
      |                               ^^^^
wharf.yaml:11:37: no pattern: recursive wildcards must form a single path component
   11 |       refuse_names: ['', a/b, '[a', '**x', '*.exe']
      |                                     ^^^^^
wharf.yaml:12:13: at least one second is needed
   12 |       idle: 10ms
      |             ^^^^
wharf.yaml:13:17: expected a whole number, found text
   13 |       commands: fast
      |                 ^^^^
wharf.yaml:14:38: expected bytes in a second, such as 10MiB/s
   14 | server: { limits: { download_per_ip: fast } }
      |                                      ^^^^
12 problems in wharf.yaml"#,
    );
}

#[test]
fn all_of_one_user_at_once() {
    check(
        "users:
  - name: a
    password: no-hash
    backend: disk
    networks: [nowhere]
    expires: tomorrow
    listing_time: Atlantis
    limits: { upload: much }
",
        r#"wharf.yaml:3:15: this is not a password hash; make one with `wharf hash-password` (or say `plain: true` if it is the password itself)
    3 |     password: ***
      |               ^^^
wharf.yaml:5:16: expected a network such as 10.0.0.0/8, or an IP address
    5 |     networks: [nowhere]
      |                ^^^^^^^
wharf.yaml:6:14: expected a date such as 2027-01-01, or a time with its zone such as 2027-01-01T18:00:00Z
    6 |     expires: tomorrow
      |              ^^^^^^^^
wharf.yaml:7:19: "Atlantis" is no time zone; it is `utc`, `local`, or a name of the IANA database, such as `Europe/Berlin`
    7 |     listing_time: Atlantis
      |                   ^^^^^^^^
wharf.yaml:8:23: expected bytes in a second, such as 10MiB/s
    8 |     limits: { upload: much }
      |                       ^^^^
5 problems in wharf.yaml"#,
    );
}
