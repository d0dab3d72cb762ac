//! Versions and cipher suites of TLS.

use super::check;

const FILES: &str = "mode: required, certificate: tls.crt, key: tls.key";

#[test]
fn versions_that_there_are_not() {
    for (written, found) in
        [("\"1.1\"", "text"), ("ssl3", "text"), ("1.1", "a number of another sort"), ("12", "a number")]
    {
        let line = format!("tls: {{ min_version: {written}, {FILES} }}");
        let under = "^".repeat(written.len());
        check(
            &format!("{line}\n"),
            &format!(
                "wharf.yaml:1:21: expected \"1.2\" or \"1.3\", found {found}
    1 | {line}
      |                     {under}
1 problem in wharf.yaml"
            ),
        );
    }
}

#[test]
fn suites_that_there_are_not() {
    check(
        "tls:
  mode: required
  certificate: tls.crt
  key: tls.key
  cipher_suites: [TLS_AES_128_GCM_SHA265, TLS_RSA_WITH_AES_128_CBC_SHA]
",
        "wharf.yaml:5:19: unknown cipher suite \"TLS_AES_128_GCM_SHA265\"; did you mean \"TLS_AES_128_GCM_SHA256\"?
    5 |   cipher_suites: [TLS_AES_128_GCM_SHA265, TLS_RSA_WITH_AES_128_CBC_SHA]
      |                   ^^^^^^^^^^^^^^^^^^^^^^
wharf.yaml:5:43: unknown cipher suite \"TLS_RSA_WITH_AES_128_CBC_SHA\"; known are: TLS_AES_256_GCM_SHA384, TLS_AES_128_GCM_SHA256, TLS_CHACHA20_POLY1305_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
    5 |   cipher_suites: [TLS_AES_128_GCM_SHA265, TLS_RSA_WITH_AES_128_CBC_SHA]
      |                                           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
2 problems in wharf.yaml",
    );
}

#[test]
fn no_suite() {
    check(
        "tls: { mode: required, certificate: tls.crt, key: tls.key, cipher_suites: [] }
",
        "wharf.yaml:1:75: at least one is needed; without this key there are all
    1 | tls: { mode: required, certificate: tls.crt, key: tls.key, cipher_suites: [] }
      |                                                                           ^
1 problem in wharf.yaml",
    );
}

#[test]
fn a_suite_of_a_version_that_is_ruled_out() {
    check(
        "tls:
  mode: required
  certificate: tls.crt
  key: tls.key
  min_version: 1.3
  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256]
",
        "wharf.yaml:6:19: \"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256\" is of TLS 1.2, which `min_version` rules out
    6 |   cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256]
      |                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
1 problem in wharf.yaml",
    );
}

/// The certificate has a key for ECDSA.
#[test]
fn a_suite_that_does_not_fit_the_certificate() {
    check(
        "tls:
  mode: required
  certificate: tls.crt
  key: tls.key
  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]
",
        "wharf.yaml:5:18: none of these suites works with a certificate whose key is ECDSA
    5 |   cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]
      |                  ^
1 problem in wharf.yaml",
    );
}
