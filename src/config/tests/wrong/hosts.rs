//! Virtual hosts.

use super::check;

const TLS: &str = "tls:
  mode: required
  certificate: tls.crt
  key: tls.key
  certificates:
";

#[test]
fn hosts_that_there_are_not() {
    check(
        &format!(
            "{TLS}    - {{ hosts: [], certificate: other.crt, key: other.key }}
    - {{ hosts: [münchen.example, '*'], certificate: other.crt, key: other.key }}
users:
  - {{ name: a, password: HASH, backend: disk, hosts: ['ftp://a.example'] }}
  - {{ name: b, password: HASH, backend: disk, hosts: [] }}
"
        ),
        r#"wharf.yaml:6:16: at least one host is needed; without this key, those of the certificate count
    6 |     - { hosts: [], certificate: other.crt, key: other.key }
      |                ^
wharf.yaml:7:17: "münchen.example" is no host: write it as the DNS has it (xn--…)
    7 |     - { hosts: [münchen.example, '*'], certificate: other.crt, key: other.key }
      |                 ^^^^^^^^^^^^^^^
wharf.yaml:7:34: "*" is no host: a `*` can only stand for the whole first label, as in *.example.com
    7 |     - { hosts: [münchen.example, '*'], certificate: other.crt, key: other.key }
      |                                  ^^^
wharf.yaml:9:150: "ftp://a.example" is no host: a name such as ftp.example.com, *.example.com or an address is needed, without a port
    9 |   - { name: a, password: ***, backend: disk, hosts: ['ftp://a.example'] }
      |                                                      ^^^^^^^^^^^^^^^^^
wharf.yaml:10:149: at least one host is needed; without this key, any is good
   10 |   - { name: b, password: ***, backend: disk, hosts: [] }
      |                                                     ^
5 problems in wharf.yaml"#,
    );
}

#[test]
fn certificates_of_hosts_that_there_are_not() {
    check(
        &format!(
            "{TLS}    - {{ hosts: [localhost], certificate: nowhere, key: other.key }}
    - {{ hosts: [localhost], certificate: other.crt, key: tls.key }}
    - {{ hosts: [localhost], certificate: other.crt }}
    - {{ hosts: [localhost, localhost.], certificate: other.crt, key: other.key }}
    - {{ certificate: other.crt, key: other.key }}
    - {{ hosts: [localhost], certificate: other.crt, key: other.key }}
"
        ),
        r#"wharf.yaml:6:42: certificate DIR/nowhere: there is no such file or directory
    6 |     - { hosts: [localhost], certificate: nowhere, key: other.key }
      |                                          ^^^^^^^
wharf.yaml:7:58: key DIR/tls.key does not belong to certificate DIR/other.crt
    7 |     - { hosts: [localhost], certificate: other.crt, key: tls.key }
      |                                                          ^^^^^^^
wharf.yaml:8:7: `key` is missing
    8 |     - { hosts: [localhost], certificate: other.crt }
      |       ^
wharf.yaml:9:28: host localhost is named twice; first on line 9
    9 |     - { hosts: [localhost, localhost.], certificate: other.crt, key: other.key }
      |                            ^^^^^^^^^^
wharf.yaml:11:17: host localhost is named twice; first on line 9
   11 |     - { hosts: [localhost], certificate: other.crt, key: other.key }
      |                 ^^^^^^^^^
5 problems in wharf.yaml"#,
    );
}
