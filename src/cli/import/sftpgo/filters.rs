//! The filters of a user. What Wharf can't ask for, and would let the user do more without it, leaves the user out.

use ipnet::IpNet;

use super::super::inputs::normalised;
use super::super::model::{Place, User};
use super::super::networks::{network, without};
use super::dump::{Filters, Patterns};
use super::positive;

/// What SFTPGo calls the protocol, with and without TLS.
const FTP: &str = "FTP";

fn has(list: &Option<Vec<String>>, word: &str) -> bool {
    list.iter().flatten().any(|found| found.eq_ignore_ascii_case(word))
}

pub(super) fn apply(filters: &Filters, place: &Place, user: &mut User) {
    networks(filters, user);
    logins(filters, user);
    user.limits.file_size = positive(filters.max_upload_file_size);
    for patterns in filters.file_patterns.iter().flatten() {
        names(patterns, place, user);
    }
    if filters.names_certificates() {
        user.remark(place, "certificates of clients take `certificate` and `login` of the user");
    }
    if filters.start_directory.as_deref().is_some_and(|path| !path.is_empty() && path != "/") {
        user.remark(place, "sessions began in start_directory, and begin in / here");
    }
    if filters.bandwidth_limits.iter().flatten().next().is_some() {
        user.remark(place, "bandwidth_limits: bandwidth does not depend on the address of the client");
    }
}

fn networks(filters: &Filters, user: &mut User) {
    let mut networks = |list: &Option<Vec<String>>| -> Vec<IpNet> {
        let mut networks = Vec::new();
        for text in list.iter().flatten() {
            match network(text) {
                Some(network) => networks.push(network),
                None => {
                    user.leave_out(format!("the address {text} is no network: without it, more could log in"))
                }
            }
        }
        networks
    };
    let (allowed, denied) = (networks(&filters.allowed_ip), networks(&filters.denied_ip));
    // An address that is allowed may come in SFTPGo, whether it is denied or not, and one that is not allowed may not.
    let left = if allowed.is_empty() { without(&[], &denied) } else { Some(allowed) };
    match left {
        Some(networks) => user.networks = networks,
        None => user.leave_out("what is left without denied_ip is nothing, or too much to write"),
    }
}

/// Who logs in without a password, or with more than one.
fn logins(filters: &Filters, user: &mut User) {
    if has(&filters.denied_protocols, FTP) {
        user.leave_out("the user may not log in by FTP (denied_protocols)");
    }
    if has(&filters.denied_login_methods, "password") {
        user.leave_out("the user may not log in with a password (denied_login_methods)");
    }
    if filters.is_anonymous {
        user.leave_out("the user logs in without a password (is_anonymous): see the section `anonymous`");
    }
    if filters.totp_config.as_ref().is_some_and(|totp| totp.enabled && has(&totp.protocols, FTP)) {
        user.leave_out("the user logs in with a second factor (totp_config), which Wharf does not ask for: the password alone would be enough");
    } else if has(&filters.two_factor_protocols, FTP) {
        user.leave_out(
            "the user may not log in by FTP without a second factor (two_factor_protocols), and has none",
        );
    }
    if filters.require_password_change {
        user.leave_out("the user may not log in before the password is changed (require_password_change)");
    }
    if filters.access_time.iter().flatten().next().is_some() {
        user.leave_out("the user may log in at some times alone (access_time); here it would be at any time");
    }
}

fn names(patterns: &Patterns, place: &Place, user: &mut User) {
    let path = normalised(&patterns.path);
    if patterns.allowed_patterns.iter().flatten().next().is_some() {
        user.leave_out(format!("names that do not fit allowed_patterns are refused at {path}; Wharf has no list of names that are allowed"));
    }
    let denied = patterns.denied_patterns.as_deref().unwrap_or_default();
    if denied.is_empty() {
        return;
    }
    if patterns.deny_policy == 1 {
        user.leave_out(format!("files are hidden by their names at {path} (deny_policy); Wharf shows them"));
    }
    if path != "/" {
        user.remark(
            place,
            format!("the patterns {} at {path} are refused in all directories", denied.join(", ")),
        );
    }
    for pattern in denied {
        match pattern_here(pattern) {
            Some(pattern) => user.limits.refuse_names.push(pattern),
            None => {
                user.leave_out(format!("the pattern {pattern} can't be written in `limits.refuse_names`"))
            }
        }
    }
    user.remark(place, "names that are refused can't be made; files of such names that are there are shown, and may be fetched");
}

/// A pattern of Go's `path.Match` as Wharf writes it: only `[^` is another sign.
fn pattern_here(pattern: &str) -> Option<String> {
    let mut here = pattern.replace("[^", "[!");
    while here.contains("**") {
        here = here.replace("**", "*");
    }
    let is_one = !here.is_empty() && !here.contains(['/', '\\']) && glob::Pattern::new(&here).is_ok();
    is_one.then_some(here)
}

#[cfg(test)]
#[path = "filters_tests.rs"]
mod tests;
