//! Options of the server as a whole, and a reason for each that is not carried over.

use super::super::inputs::addresses;
use super::super::model::{Imported, Place};
use super::Conf;

/// Options that are read here, or of users.
const READ: &[&str] = &[
    "anon_mkdir_write_enable",
    "anon_other_write_enable",
    "anon_root",
    "anon_umask",
    "anon_upload_enable",
    "anonymous_enable",
    "ca_certs_file",
    "chmod_enable",
    "chroot_list_enable",
    "chroot_list_file",
    "chroot_local_user",
    "cmds_allowed",
    "cmds_denied",
    "deny_file",
    "dirlist_enable",
    "download_enable",
    "download_file",
    "file_open_mode",
    "force_local_data_ssl",
    "force_local_logins_ssl",
    "ftp_username",
    "ftpd_banner",
    "guest_enable",
    "guest_username",
    "idle_session_timeout",
    "implicit_ssl",
    "listen",
    "listen_address",
    "listen_address6",
    "listen_ipv6",
    "listen_port",
    "local_enable",
    "local_max_rate",
    "local_root",
    "local_umask",
    "max_clients",
    "max_per_ip",
    "passwd_chroot_enable",
    "pasv_address",
    "pasv_max_port",
    "pasv_min_port",
    "port_enable",
    "require_cert",
    "require_ssl_reuse",
    "rsa_cert_file",
    "rsa_private_key_file",
    "dsa_cert_file",
    "dsa_private_key_file",
    "ssl_enable",
    "ssl_tlsv1",
    "ssl_sslv2",
    "ssl_sslv3",
    "upload_file",
    "use_localtime",
    "user_config_dir",
    "user_sub_token",
    "userlist_deny",
    "userlist_enable",
    "userlist_file",
    "virtual_use_local_privs",
    "write_enable",
];

/// Options that say how vsftpd works, and nothing of what clients see.
const INNER: &[&str] = &[
    "accept_timeout",
    "async_abor_enable",
    "background",
    "connect_from_port_20",
    "connect_timeout",
    "data_connection_timeout",
    "ftp_data_port",
    "isolate",
    "isolate_network",
    "no_log_lock",
    "nopriv_user",
    "one_process_model",
    "pam_service_name",
    "run_as_launching_user",
    "seccomp_sandbox",
    "secure_chroot_dir",
    "session_support",
    "setproctitle_enable",
    "text_userdb_names",
    "trans_chunk_size",
    "use_sendfile",
    "utf8_filesystem",
    "allow_writeable_chroot",
    "check_shell",
    "strict_ssl_read_eof",
    "strict_ssl_write_shutdown",
    "tilde_user_enable",
    "max_login_fails",
    "delay_failed_login",
    "delay_successful_login",
    "lock_upload_files",
    "delete_failed_uploads",
];

/// Options of [`REASONS`] that take something away if they are off.
const ASKED_BY_NO: &[&str] = &["mdtm_write", "pasv_enable"];

/// Why other options are not carried over.
const REASONS: &[(&str, &str)] = &[
    (
        "anon_max_rate",
        "the anonymous login has no bandwidth of its own; `server.limits.upload_per_ip` and `download_per_ip` are for all clients of an address",
    ),
    (
        "anon_world_readable_only",
        "modes of files say nothing to Wharf: whoever may download may read all files there",
    ),
    ("ascii_download_enable", "in ASCII type Wharf converts line ends, as clients that ask for it expect"),
    ("ascii_upload_enable", "in ASCII type Wharf converts line ends, as clients that ask for it expect"),
    ("banner_file", "a greeting is one line in `server.greeting`"),
    ("banned_email_file", "the password of anonymous logins is not looked at"),
    ("chown_uploads", "all files belong to Wharf's own account"),
    ("chown_username", "all files belong to Wharf's own account"),
    ("deny_email_enable", "the password of anonymous logins is not looked at"),
    ("dirmessage_enable", "there are no messages of directories"),
    ("dual_log_enable", "see `audit` for records of transfers"),
    ("force_anon_data_ssl", "`tls.mode` is for all users alike"),
    ("force_anon_logins_ssl", "`tls.mode` is for all users alike"),
    ("allow_anon_ssl", "with TLS, the anonymous login may use it, too"),
    ("force_dot_files", "listings have files that begin with a dot, always"),
    ("hide_file", "listings have all files"),
    ("hide_ids", "the owners in listings are names of no meaning, always"),
    ("log_ftp_protocol", "see `log.filter`"),
    ("ls_recurse_enable", "LIST -R is not answered with all directories"),
    ("mdtm_write", "whoever may `overwrite` may set times, too"),
    ("message_file", "there are no messages of directories"),
    ("no_anon_password", "the reply to USER of the anonymous login asks for a password, and any is good"),
    ("pasv_addr_resolve", "`server.passive.address` takes a name as it is"),
    ("pasv_enable", "passive mode is always there"),
    ("pasv_promiscuous", "data connections come from the address of the control connection, always"),
    ("port_promiscuous", "data connections go to the address of the control connection, always"),
    ("secure_email_list_enable", "the password of anonymous logins is not looked at"),
    ("ssl_ciphers", "`tls.cipher_suites` has other names; by default, only strong suites are offered"),
    ("ssl_request_cert", "certificates of clients take `tls.client_authorities`"),
    ("debug_ssl", "see `log.filter`"),
    ("syslog_enable", "see `audit`, which can write to syslog"),
    ("tcp_wrappers", "hosts.allow and hosts.deny are not read: see `networks` of users and `lockout.always`"),
    ("userlist_log", "failed logins are in the log, always"),
    ("validate_cert", "certificates of clients are validated, always"),
    ("vsftpd_log_file", "the log goes to standard error; see `audit` for records in files"),
    ("xferlog_enable", "`audit: [{ to: { file: … }, format: xferlog }]` writes the same lines"),
    ("xferlog_file", "`audit: [{ to: { file: … }, format: xferlog }]` writes the same lines"),
    ("xferlog_std_format", "`audit: [{ to: { file: … }, format: xferlog }]` writes the same lines"),
    ("chown_upload_mode", "modes are those of the backend, `file_mode`"),
    ("email_password_file", "the password of anonymous logins is not looked at"),
];

pub(super) fn server(conf: &Conf, main: &Place, imported: &mut Imported) {
    unread(conf, imported);
    let settings = &mut imported.settings;
    let port = conf.count("listen_port").unwrap_or(21);
    let v4 = conf.get("listen_address").unwrap_or("0.0.0.0");
    let v6 = conf.get("listen_address6").unwrap_or("::");
    // The option for IPv6 takes IPv4, too. With none of them, inetd or systemd listens.
    let wanted = match (conf.is_on("listen", false), conf.is_on("listen_ipv6", false)) {
        (_, true) if v6 == "::" => vec![format!("0.0.0.0:{port}"), format!("[::]:{port}")],
        (_, true) => vec![format!("[{v6}]:{port}")],
        _ => vec![format!("{v4}:{port}")],
    };
    let (listen, is_unusable) = addresses::listening(wanted, u16::try_from(port).ok());
    settings.listen = listen;
    settings.idle_timeout = Some(conf.number("idle_session_timeout").unwrap_or(300));
    settings.image = !conf.is_on("ascii_download_enable", false) && !conf.is_on("ascii_upload_enable", false);
    settings.ignore_chmod = !conf.is_on("chmod_enable", true);
    settings.local_time = conf.is_on("use_localtime", false);
    settings.active =
        conf.get("port_enable").is_some().then(|| conf.is_on("port_enable", true)).filter(|on| !on);
    settings.sessions = conf.number("max_clients");
    settings.sessions_per_ip = conf.number("max_per_ip");
    settings.greeting = conf.get("ftpd_banner").map(str::to_owned);
    if is_unusable {
        let named = ["listen_address", "listen_address6", "listen_port"];
        let place = named.into_iter().find_map(|name| conf.place(name)).unwrap_or(main);
        imported.remark(&place.clone(), addresses::UNUSABLE);
    }
    addresses::passive_address(imported, conf.get("pasv_address"), conf.place("pasv_address"));
    passive_ports(conf, imported);
    if conf.is_on("ssl_enable", false) {
        tls(conf, imported);
    }
    let place = conf.place("pasv_min_port").or(conf.place("pasv_max_port")).or(conf.place("listen_port"));
    addresses::part_ports(imported, &place.unwrap_or(main).clone());
}

fn passive_ports(conf: &Conf, imported: &mut Imported) {
    let port = |name: &str| conf.number(name).and_then(|port| u16::try_from(port).ok());
    let (first, last) = (port("pasv_min_port"), port("pasv_max_port"));
    let Some(place) = conf.place("pasv_min_port").or(conf.place("pasv_max_port")).cloned() else { return };
    match (first, last) {
        (None, None) => {}
        (first, last) => {
            let (first, last) = (first.unwrap_or(1024), last.unwrap_or(65535));
            if (1024..=last).contains(&first) {
                imported.settings.passive_ports = Some((first, last));
            } else {
                imported.remark(&place, "passive ports start at 1024, and the first is not above the last: Wharf's default is in their place");
            }
        }
    }
}

fn tls(conf: &Conf, imported: &mut Imported) {
    let certificate =
        conf.get("rsa_cert_file").or(conf.get("dsa_cert_file")).unwrap_or("/usr/share/ssl/certs/vsftpd.pem");
    let key = conf.get("rsa_private_key_file").or(conf.get("dsa_private_key_file")).unwrap_or(certificate);
    let (certificate, key) = (certificate.to_owned(), key.to_owned());
    if conf.is_on("implicit_ssl", false) {
        imported.settings.implicit_tls_listen = std::mem::take(&mut imported.settings.listen);
        if let Some(place) = conf.place("implicit_ssl") {
            let text = "connections begin with TLS on these ports; Wharf has one more for others, which no firewall has to let through: \
                        `server.listen`";
            imported.remark(&place.clone(), text);
            imported.settings.listen = vec![format!("127.0.0.1:{}", addresses::free_port(imported))];
        }
    }
    let tls = imported.tls();
    tls.certificate = Some(certificate);
    tls.key = Some(key);
    // One mode is for all: it is the strictest of those who may log in.
    let locals = conf.is_on("local_enable", false);
    let anonymous = conf.is_on("anonymous_enable", true);
    let forced = |local: &str, of_anonymous: &str| {
        locals && conf.is_on(local, true) || anonymous && conf.is_on(of_anonymous, false)
    };
    tls.required_control = forced("force_local_logins_ssl", "force_anon_logins_ssl");
    tls.required_data = forced("force_local_data_ssl", "force_anon_data_ssl");
    let is_required = tls.required_control;
    tls.require_session_reuse = conf.is_on("require_ssl_reuse", true);
    if let Some(authorities) = conf.get("ca_certs_file") {
        tls.client_authorities = Some(authorities.to_owned());
        tls.require_client_certificate = conf.is_on("require_cert", false);
    }
    if let Some(place) = conf.place("ssl_enable").cloned() {
        if is_required && anonymous && !conf.is_on("force_anon_logins_ssl", false) {
            imported
                .remark(&place, "the anonymous login has to use TLS, too: `tls.mode` is for all users alike");
        }
        if conf.is_on("require_cert", false) && conf.get("ca_certs_file").is_none() {
            let text = "require_cert without ca_certs_file: which certificates of clients are good is not said, and none is asked for here: \
                        see `tls.client_authorities`";
            imported.remark(&place, text);
        }
    }
    if let Some(place) = conf.place("ssl_sslv3").or(conf.place("ssl_sslv2")).or(conf.place("ssl_tlsv1")) {
        imported.remark(&place.clone(), "nothing older than TLS 1.2 is offered");
    }
}

/// Options that are YES or NO, beside those that end with `_enable`.
const SWITCHES: &[&str] = &[
    "anon_world_readable_only",
    "chown_uploads",
    "chroot_local_user",
    "force_anon_data_ssl",
    "force_anon_logins_ssl",
    "force_local_data_ssl",
    "force_local_logins_ssl",
    "implicit_ssl",
    "listen",
    "listen_ipv6",
    "require_cert",
    "require_ssl_reuse",
    "use_localtime",
    "userlist_deny",
    "virtual_use_local_privs",
];

/// Options that are numbers.
const NUMBERS: &[&str] = &[
    "accept_timeout",
    "anon_max_rate",
    "anon_umask",
    "chown_upload_mode",
    "connect_timeout",
    "data_connection_timeout",
    "delay_failed_login",
    "delay_successful_login",
    "file_open_mode",
    "ftp_data_port",
    "idle_session_timeout",
    "listen_port",
    "local_max_rate",
    "local_umask",
    "max_clients",
    "max_login_fails",
    "max_per_ip",
    "pasv_max_port",
    "pasv_min_port",
    "trans_chunk_size",
];

pub(super) fn is_number(name: &str) -> bool {
    NUMBERS.contains(&name)
}

/// Whether an option decides with YES or NO what somebody may do.
pub(super) fn is_switch(name: &str) -> bool {
    name.ends_with("_enable") || SWITCHES.contains(&name)
}

pub(super) fn is_truth(value: &str) -> bool {
    ["YES", "TRUE", "1", "NO", "FALSE", "0"].iter().any(|word| value.eq_ignore_ascii_case(word))
}

/// Remarks on what is in none of the lists of options that are read.
pub(super) fn unread(conf: &Conf, imported: &mut Imported) {
    for (name, (value, place)) in &conf.values {
        if READ.contains(&name.as_str()) || INNER.contains(&name.as_str()) {
            continue;
        }
        let reason = REASONS.iter().find(|(option, _)| option == name).map(|(_, reason)| *reason);
        // An option that asks for what Wharf does anyhow, as most do that are off.
        let fits = if ASKED_BY_NO.contains(&name.as_str()) { "YES" } else { "NO" };
        if reason.is_some()
            && conf.is_on(name, false) == (fits == "YES")
            && !value.is_empty()
            && is_truth(value)
        {
            continue;
        }
        // Without a value, it is not set.
        if reason.is_some() && value.is_empty() {
            continue;
        }
        let reason = reason.unwrap_or("this is no option that is known here");
        imported.remark(place, format!("{name}={value}: {reason}"));
    }
}
