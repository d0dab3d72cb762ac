//! The file as such.

use super::check;

#[test]
fn an_unknown_key() {
    check(
        r#"server: { lisen: ["0.0.0.0:21"] }
serverr: {}
frobnicate: 1
"#,
        r#"wharf.yaml:1:11: unknown key "lisen"; did you mean "listen"?
    1 | server: { lisen: ["0.0.0.0:21"] }
      |           ^^^^^
wharf.yaml:2:1: unknown key "serverr"; did you mean "server"?
    2 | serverr: {}
      | ^^^^^^^
wharf.yaml:3:1: unknown key "frobnicate"; known here are: server, tls, backends, users, users_from, lockout, scan, events, anonymous, audit, http, cluster, log, traces
    3 | frobnicate: ***
      | ^^^^^^^^^^
3 problems in wharf.yaml"#,
    );
}

#[test]
fn several_at_once() {
    check(
        r#"# Everything here is wrong.
server:
  idle_timout: 5m
  listen: ["0.0.0.0"]
  limits: { sessions: ten }
tls:
  mode: required
  certificate: nowhere.crt
  key: tls.key
backends:
  lake:
    kind: s3
    bucket: acme-lake
    secret_access_key: hunter2
  disk:
    kind: local
    root: nowhere
users:
  - name: scanner
    password: hunter2
    backend: lakes
    permissions: [upload, lst]
  - name: scanner
    password: { env: NOWHERE }
    backend: disk
    mounts:
      - { at: /a, backend: disk }
      - { at: /a, backend: tape }
anonymous: { enabled: perhaps }
"#,
        r#"wharf.yaml:3:3: unknown key "idle_timout"; did you mean "idle_timeout"?
    3 |   idle_timout: 5m
      |   ^^^^^^^^^^^
wharf.yaml:4:12: the port is missing; write 0.0.0.0:2121
    4 |   listen: ["0.0.0.0"]
      |            ^^^^^^^^^
wharf.yaml:5:23: expected a whole number, found text
    5 |   limits: { sessions: ten }
      |                       ^^^
wharf.yaml:8:16: certificate DIR/nowhere.crt: there is no such file or directory
    8 |   certificate: nowhere.crt
      |                ^^^^^^^^^^^
wharf.yaml:11:3: `region` is missing
   11 |   lake:
      |   ^^^^
wharf.yaml:14:5: `secret_access_key` goes with `access_key_id`, which is missing
   14 |     secret_access_key: ***
      |     ^^^^^^^^^^^^^^^^^
wharf.yaml:17:11: root DIR/nowhere: there is no such directory; `create_root: true` has it made
   17 |     root: nowhere
      |           ^^^^^^^
wharf.yaml:20:15: this is not a password hash; make one with `wharf hash-password` (or say `plain: true` if it is the password itself)
   20 |     password: ***
      |               ^^^
wharf.yaml:21:14: backend "lakes" is not defined; defined are: lake, disk
   21 |     backend: lakes
      |              ^^^^^
wharf.yaml:22:27: unknown permission "lst"; did you mean "list"?
   22 |     permissions: [upload, lst]
      |                           ^^^
wharf.yaml:23:11: user "scanner" is defined twice; first on line 19
   23 |   - name: scanner
      |           ^^^^^^^
wharf.yaml:24:22: the environment variable "NOWHERE" is not set
   24 |     password: { env: NOWHERE }
      |                      ^^^^^^^
wharf.yaml:28:15: overlapping mounts: "/a" is taken by the mount on line 27
   28 |       - { at: /a, backend: tape }
      |               ^^
wharf.yaml:28:28: backend "tape" is not defined; defined are: lake, disk
   28 |       - { at: /a, backend: tape }
      |                            ^^^^
wharf.yaml:29:23: expected true or false, found text
   29 | anonymous: { enabled: perhaps }
      |                       ^^^^^^^
15 problems in wharf.yaml"#,
    );
}

#[test]
fn duplicate_keys() {
    check(
        "server: {}
tls: { mode: off }
server: {}
",
        r#"wharf.yaml:3:1: key "server" stands here twice
    3 | server: {}
      | ^^^^^^
1 problem in wharf.yaml"#,
    );
}

#[test]
fn an_unclosed_bracket() {
    check(
        r#"server:
  listen: ["0.0.0.0:21"
users: []
"#,
        "wharf.yaml:3:6: this is not valid YAML: illegal placement of ':' indicator
    3 | users: []
      |      ^
1 problem in wharf.yaml",
    );
}

#[test]
fn two_documents() {
    check(
        "server: {}
---
server: {}
",
        "wharf.yaml:3:1: only one YAML document is expected
    3 | server: {}
      | ^
1 problem in wharf.yaml",
    );
}

#[test]
fn tabs() {
    check(
        "server:
	active: true
",
        "wharf.yaml:2:2: this is not valid YAML: tabs disallowed within this context (block indentation)
    2 |  active: true
      |  ^
1 problem in wharf.yaml",
    );
}

#[test]
fn unknown_anchor() {
    check(
        "server: { greeting: *hello }
",
        "wharf.yaml:1:21: nothing is known under this name; text that starts with * has to be in quotes
    1 | server: { greeting: *hello }
      |                     ^
1 problem in wharf.yaml",
    );
}

#[test]
fn tags() {
    check(
        "server: { greeting: !hello world }
",
        "wharf.yaml:1:28: there are no tags in this file; text that starts with ! has to be in quotes
    1 | server: { greeting: !hello world }
      |                            ^^^^^
1 problem in wharf.yaml",
    );
}
