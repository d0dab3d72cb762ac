//! The sections `server`, `tls` and `log`.

use super::check;

#[test]
fn ports() {
    check(
        r#"server:
  listen: ["0.0.0.0:2121", "[::]:50001"]
  passive: { ports: 50000-50063 }
"#,
        "wharf.yaml:3:21: port 50001 is among these, and the server listens on it
    3 |   passive: { ports: 50000-50063 }
      |                     ^^^^^^^^^^^
1 problem in wharf.yaml",
    );
}

#[test]
fn bad_port_ranges() {
    check(
        "server: { passive: { ports: 50063-50000 } }
",
        "wharf.yaml:1:29: the first port is higher than the last; did you mean 50000-50063?
    1 | server: { passive: { ports: 50063-50000 } }
      |                             ^^^^^^^^^^^
1 problem in wharf.yaml",
    );
}

#[test]
fn privileged_ports() {
    check(
        "server: { passive: { ports: 0-2000 } }
",
        "wharf.yaml:1:29: ports for data connections start at 1024
    1 | server: { passive: { ports: 0-2000 } }
      |                             ^^^^^^
1 problem in wharf.yaml",
    );
}

#[test]
fn too_large_ports() {
    check(
        "server: { passive: { ports: 65000-65536 } }
",
        "wharf.yaml:1:29: a port is at most 65535
    1 | server: { passive: { ports: 65000-65536 } }
      |                             ^^^^^^^^^^^
1 problem in wharf.yaml",
    );
}

#[test]
fn default_ports_and_listen() {
    check(
        r#"server: { listen: ["0.0.0.0:61500"] }
"#,
        r#"wharf.yaml:1:20: port 61500 is for data connections, as are all of 61000-61999; `passive.ports` changes that
    1 | server: { listen: ["0.0.0.0:61500"] }
      |                    ^^^^^^^^^^^^^^^
1 problem in wharf.yaml"#,
    );
}

#[test]
fn addresses() {
    check(
        r#"server:
  listen: [2121, "localhost:21", 0.0.0.0, "::1", "0.0.0.0:21", "0.0.0.0:21", [], "127.0.0.1:0", "127.0.0.1:0"]
  passive: { address: 2001:db8::1 }
"#,
        r#"wharf.yaml:2:12: the address is missing; for all addresses write 0.0.0.0:2121 or "[::]:2121"
    2 |   listen: [2121, "localhost:21", 0.0.0.0, "::1", "0.0.0.0:21", "0.0.0.0:21", [], "127.0.0.1:0", "127.0.0.1:0"]
      |            ^^^^
wharf.yaml:2:18: expected an IP address and a port, such as 0.0.0.0:2121 or "[::]:2121"
    2 |   listen: [2121, "localhost:21", 0.0.0.0, "::1", "0.0.0.0:21", "0.0.0.0:21", [], "127.0.0.1:0", "127.0.0.1:0"]
      |                  ^^^^^^^^^^^^^^
wharf.yaml:2:34: the port is missing; write 0.0.0.0:2121
    2 |   listen: [2121, "localhost:21", 0.0.0.0, "::1", "0.0.0.0:21", "0.0.0.0:21", [], "127.0.0.1:0", "127.0.0.1:0"]
      |                                  ^^^^^^^
wharf.yaml:2:43: the port is missing; write "[::1]:2121"
    2 |   listen: [2121, "localhost:21", 0.0.0.0, "::1", "0.0.0.0:21", "0.0.0.0:21", [], "127.0.0.1:0", "127.0.0.1:0"]
      |                                           ^^^^^
wharf.yaml:2:64: 0.0.0.0:21 is listed twice
    2 |   listen: [2121, "localhost:21", 0.0.0.0, "::1", "0.0.0.0:21", "0.0.0.0:21", [], "127.0.0.1:0", "127.0.0.1:0"]
      |                                                                ^^^^^^^^^^^^
wharf.yaml:2:78: expected text or a whole number, found a list
    2 |   listen: [2121, "localhost:21", 0.0.0.0, "::1", "0.0.0.0:21", "0.0.0.0:21", [], "127.0.0.1:0", "127.0.0.1:0"]
      |                                                                              ^
wharf.yaml:3:23: the reply to PASV can't carry an IPv6 address; clients that come over IPv6 use EPSV, which needs none
    3 |   passive: { address: 2001:db8::1 }
      |                       ^^^^^^^^^^^
7 problems in wharf.yaml"#,
    );
}

#[test]
fn no_address() {
    check(
        r#"server: { listen: [], passive: { address: "ftp.example.com:21" } }
"#,
        r#"wharf.yaml:1:19: at least one address is needed
    1 | server: { listen: [], passive: { address: "ftp.example.com:21" } }
      |                   ^
wharf.yaml:1:43: expected an IPv4 address or a DNS name, without a port
    1 | server: { listen: [], passive: { address: "ftp.example.com:21" } }
      |                                           ^^^^^^^^^^^^^^^^^^^^
2 problems in wharf.yaml"#,
    );
}

#[test]
fn what_libunftp_lacks() {
    check(
        r#"server:
  engine: libunftp
  implicit_tls_listen: ["0.0.0.0:990"]
  ascii_size: refuse
  default_type: image
  chmod: ignore
  listing_time: utc
  limits: { deflate_level: 3, upload_per_ip: 1MiB/s }
users:
  - { name: demo, password: demo, plain: true, backend: disk, encoding: windows-1252 }
  - { name: two, password: two, plain: true, backend: disk, default_type: ascii, chmod: apply }
  - { name: three, password: three, plain: true, backend: disk, listing_time: local }
backends:
  disk: { kind: local, root: data }
"#,
        r#"wharf.yaml:3:24: the engine `libunftp` has no implicit TLS; clients can use explicit TLS (AUTH TLS) on `listen`
    3 |   implicit_tls_listen: ["0.0.0.0:990"]
      |                        ^
wharf.yaml:4:15: the engine `libunftp` has no `ascii_size`; the engine `native` has
    4 |   ascii_size: refuse
      |               ^^^^^^
wharf.yaml:5:17: the engine `libunftp` has no `default_type`; the engine `native` has
    5 |   default_type: image
      |                 ^^^^^
wharf.yaml:6:10: the engine `libunftp` has no `chmod`; the engine `native` has
    6 |   chmod: ignore
      |          ^^^^^^
wharf.yaml:7:17: the engine `libunftp` has no `listing_time`; the engine `native` has
    7 |   listing_time: utc
      |                 ^^^
wharf.yaml:8:28: the engine `libunftp` has no `deflate_level`; the engine `native` has
    8 |   limits: { deflate_level: 3, upload_per_ip: 1MiB/s }
      |                            ^
wharf.yaml:8:46: the engine `libunftp` has no `upload_per_ip`; the engine `native` has
    8 |   limits: { deflate_level: 3, upload_per_ip: 1MiB/s }
      |                                              ^^^^^^
wharf.yaml:10:73: the engine `libunftp` has no `encoding`; the engine `native` has
   10 |   - { name: demo, password: ***, plain: true, backend: disk, encoding: windows-1252 }
      |                                                                        ^^^^^^^^^^^^
wharf.yaml:11:75: the engine `libunftp` has no `default_type`; the engine `native` has
   11 |   - { name: two, password: ***, plain: true, backend: disk, default_type: ascii, chmod: apply }
      |                                                                           ^^^^^
wharf.yaml:11:89: the engine `libunftp` has no `chmod`; the engine `native` has
   11 |   - { name: two, password: ***, plain: true, backend: disk, default_type: ascii, chmod: apply }
      |                                                                                         ^^^^^
wharf.yaml:12:79: the engine `libunftp` has no `listing_time`; the engine `native` has
   12 |   - { name: three, password: ***, plain: true, backend: disk, listing_time: local }
      |                                                                             ^^^^^
11 problems in wharf.yaml"#,
    );
}

#[test]
fn libunftp_can_not_allow_active_mode_on_this_machine() {
    check(
        "server: { engine: libunftp, active_on_this_machine: false }
",
        "wharf.yaml:1:53: the engine `libunftp` has no `active_on_this_machine`; the engine `native` has
    1 | server: { engine: libunftp, active_on_this_machine: false }
      |                                                     ^^^^^
1 problem in wharf.yaml",
    );
}

#[test]
fn durations() {
    check(
        "server: { idle_timeout: 30, shutdown_grace: soon }
",
        "wharf.yaml:1:25: this duration has no unit; write it such as 30s, 5m or 1h30m
    1 | server: { idle_timeout: 30, shutdown_grace: soon }
      |                         ^^
wharf.yaml:1:45: expected a duration such as 30s, 5m or 1h30m
    1 | server: { idle_timeout: 30, shutdown_grace: soon }
      |                                             ^^^^
2 problems in wharf.yaml",
    );
}

#[test]
fn zero_durations() {
    check(
        r#"server: { idle_timeout: 0s, shutdown_grace: 0s }
log: { filter: "wharf=loud", format: xml }
"#,
        r#"wharf.yaml:1:25: at least one second is needed
    1 | server: { idle_timeout: 0s, shutdown_grace: 0s }
      |                         ^^
wharf.yaml:2:16: "wharf=loud" is not a log filter: error parsing level filter: expected one of "off", "error", "warn", "info", "debug", "trace", or a number 0-5
    2 | log: { filter: "wharf=loud", format: xml }
      |                ^^^^^^^^^^^^
wharf.yaml:2:38: unknown format "xml"; known are: text, json
    2 | log: { filter: "wharf=loud", format: xml }
      |                                      ^^^
3 problems in wharf.yaml"#,
    );
}

#[test]
fn types() {
    check(
        "server: { active: yes, limits: { sessions: many, sessions_per_ip: -1 }, greeting: 3 }
backends: [ { kind: local } ]
users: demo
",
        "wharf.yaml:1:19: expected true or false, found text
    1 | server: { active: yes, limits: { sessions: many, sessions_per_ip: -1 }, greeting: 3 }
      |                   ^^^
wharf.yaml:1:44: expected a whole number, found text
    1 | server: { active: yes, limits: { sessions: many, sessions_per_ip: -1 }, greeting: 3 }
      |                                            ^^^^
wharf.yaml:1:67: expected a whole number, found a number of another sort
    1 | server: { active: yes, limits: { sessions: many, sessions_per_ip: -1 }, greeting: 3 }
      |                                                                   ^^
wharf.yaml:1:83: expected text, found a number; put it in quotes
    1 | server: { active: yes, limits: { sessions: many, sessions_per_ip: -1 }, greeting: 3 }
      |                                                                                   ^
wharf.yaml:2:11: expected keys and values, found a list
    2 | backends: [ { kind: local } ]
      |           ^
wharf.yaml:3:8: expected a list, found text
    3 | users: demo
      |        ^^^^
6 problems in wharf.yaml",
    );
}

#[test]
fn characters_and_not_bytes() {
    check(
        r#"# äöü
server: { greeting: "äöü", activ: true }
"#,
        r#"wharf.yaml:2:28: unknown key "activ"; did you mean "active"?
    2 | server: { greeting: "äöü", activ: true }
      |                            ^^^^^
1 problem in wharf.yaml"#,
    );
}

#[test]
fn an_unreadable_certificate() {
    check(
        "tls:
  mode: optional
  certificate: nowhere.crt
  key: other.key
",
        "wharf.yaml:3:16: certificate DIR/nowhere.crt: there is no such file or directory
    3 |   certificate: nowhere.crt
      |                ^^^^^^^^^^^
1 problem in wharf.yaml",
    );
}

#[test]
fn neither_certificate_nor_key() {
    check(
        "tls: { mode: required, certificate: nowhere.crt, key: nowhere.key }
",
        "wharf.yaml:1:37: certificate DIR/nowhere.crt: there is no such file or directory
    1 | tls: { mode: required, certificate: nowhere.crt, key: nowhere.key }
      |                                     ^^^^^^^^^^^
wharf.yaml:1:55: key DIR/nowhere.key: there is no such file or directory
    1 | tls: { mode: required, certificate: nowhere.crt, key: nowhere.key }
      |                                                       ^^^^^^^^^^^
2 problems in wharf.yaml",
    );
}

#[test]
fn not_pem() {
    check(
        "tls: { mode: required, certificate: other.key, key: key.json }
",
        "wharf.yaml:1:37: certificate DIR/other.key: there is no certificate in it (a PEM block that starts with BEGIN CERTIFICATE)
    1 | tls: { mode: required, certificate: other.key, key: key.json }
      |                                     ^^^^^^^^^
wharf.yaml:1:53: key DIR/key.json: there is no private key in it (a PEM block that starts with BEGIN PRIVATE KEY)
    1 | tls: { mode: required, certificate: other.key, key: key.json }
      |                                                     ^^^^^^^^
2 problems in wharf.yaml",
    );
}

#[test]
fn a_key_without_certificate() {
    check(
        "tls: { mode: required, key: tls.key }
",
        "wharf.yaml:1:14: `certificate` is missing
    1 | tls: { mode: required, key: tls.key }
      |              ^^^^^^^^
1 problem in wharf.yaml",
    );
}

#[test]
fn a_key_of_another_certificate() {
    check(
        "tls: { mode: required, certificate: tls.crt, key: other.key }
",
        "wharf.yaml:1:51: key DIR/other.key does not belong to certificate DIR/tls.crt
    1 | tls: { mode: required, certificate: tls.crt, key: other.key }
      |                                                   ^^^^^^^^^
1 problem in wharf.yaml",
    );
}

#[test]
fn no_mode() {
    check(
        "tls: { certificate: tls.crt, key: tls.key }
",
        "wharf.yaml:1:1: `mode` is missing
    1 | tls: { certificate: tls.crt, key: tls.key }
      | ^^^
1 problem in wharf.yaml",
    );
}

#[test]
fn time_zones() {
    check(
        "server:
  listing_time: Europe/Berln
users:
  - { name: demo, password: demo, plain: true, backend: memory, listing_time: UTC+1 }
  - { name: two, password: two, plain: true, backend: memory, listing_time: lokal }
backends:
  memory: { kind: memory }
",
        r#"wharf.yaml:2:17: "Europe/Berln" is no time zone; did you mean "Europe/Berlin"?
    2 |   listing_time: Europe/Berln
      |                 ^^^^^^^^^^^^
wharf.yaml:4:79: "UTC+1" is no time zone; it is `utc`, `local`, or a name of the IANA database, such as `Europe/Berlin`
    4 |   - { name: demo, password: ***, plain: true, backend: memory, listing_time: UTC+1 }
      |                                                                              ^^^^^
wharf.yaml:5:77: "lokal" is no time zone; did you mean "local"?
    5 |   - { name: two, password: ***, plain: true, backend: memory, listing_time: lokal }
      |                                                                             ^^^^^
3 problems in wharf.yaml"#,
    );
}

#[test]
fn limits_of_logins() {
    check(
        "server:
  remember_logins: 2d
  failed_login_delay: 1m
  limits: { ipv6_prefix: 16 }
",
        "wharf.yaml:2:20: at most `24h`
    2 |   remember_logins: 2d
      |                    ^^
wharf.yaml:3:23: at most `30s`
    3 |   failed_login_delay: 1m
      |                       ^^
wharf.yaml:4:26: from 32 to 128 bits are a network
    4 |   limits: { ipv6_prefix: 16 }
      |                          ^^
3 problems in wharf.yaml",
    );
}
