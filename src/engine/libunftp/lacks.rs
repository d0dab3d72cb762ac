//! Keys of the configuration that libunftp can't obey. `docs/engines.md` lists them.

use crate::config::Lack;

pub(super) const LACKS: &[Lack] = &[
    Lack::of_list(
        &["server", "implicit_tls_listen"],
        1,
        "the engine `libunftp` has no implicit TLS; clients can use explicit TLS (AUTH TLS) on `listen`",
    ),
    Lack::of(&["server", "ascii_size"]),
    Lack::of(&["server", "default_type"]),
    Lack::of(&["server", "active_on_this_machine"]),
    Lack::of(&["server", "chmod"]),
    Lack::of(&["server", "listing_time"]),
    Lack::of_section(&["server", "proxy_protocol"]),
    Lack::of(&["server", "limits", "upload"]),
    Lack::of(&["server", "limits", "download"]),
    Lack::of(&["server", "limits", "upload_per_ip"]),
    Lack::of(&["server", "limits", "download_per_ip"]),
    Lack::of(&["server", "limits", "deflate_level"]),
    Lack::of_section(&["server", "passive", "address_for"]),
    Lack::of_list(&["server", "passive", "address"], 2, "the engine libunftp knows one address"),
    Lack::of_switch(&["tls", "require_session_reuse"]),
    Lack::of(&["tls", "client_crl"]),
    Lack::of(&["tls", "certificates"]),
    Lack::of_section(&["users", "*", "certificate"]),
    Lack::of(&["users", "*", "login"]),
    Lack::of(&["users", "*", "hosts"]),
    Lack::of(&["users", "*", "encoding"]),
    Lack::of(&["users", "*", "default_type"]),
    Lack::of(&["users", "*", "chmod"]),
    Lack::of(&["users", "*", "listing_time"]),
    Lack::of(&["users", "*", "limits", "transfers"]),
    Lack::of(&["users", "*", "limits", "upload"]),
    Lack::of(&["users", "*", "limits", "download"]),
    Lack::of(&["users", "*", "limits", "idle"]),
    Lack::of(&["users", "*", "limits", "commands"]),
];
