//! Addresses and ports of other servers, which may be none that Wharf can use: the server must not be open to more clients for that.

use std::net::{Ipv4Addr, SocketAddr};

use super::super::model::{Imported, Place};

/// The most of what is counted: other servers count with 32 bits.
pub(in super::super) const MOST: u64 = (1 << 32) - 1;
/// Wharf's own port, and its ports for data connections.
const PORT: u16 = 2121;
const PASSIVE: (u16, u16) = (61000, 61999);

/// Those of these addresses that Wharf can listen at, or else one that only this machine can reach; whether it is that one.
pub(in super::super) fn listening(wanted: Vec<String>, port: Option<u16>) -> (Vec<String>, bool) {
    let is_usable = |address: &String| address.parse::<SocketAddr>().is_ok_and(|address| address.port() > 0);
    let usable: Vec<String> = wanted.into_iter().filter(is_usable).collect();
    if usable.is_empty() {
        let port = port.filter(|port| *port > 0).unwrap_or(PORT);
        return (vec![format!("127.0.0.1:{port}")], true);
    }
    (usable, false)
}

/// What to say of [`listening`] if this machine alone can reach the server.
pub(in super::super) const UNUSABLE: &str = "this is no address and port of this machine, so Wharf listens where no other machine can reach it: correct `server.listen`";

fn ports(addresses: &[String]) -> impl Iterator<Item = u16> {
    addresses.iter().filter_map(|address| Some(address.parse::<SocketAddr>().ok()?.port()))
}

/// A port that is no other one of the server.
pub(in super::super) fn free_port(imported: &Imported) -> u16 {
    let settings = &imported.settings;
    let (first, last) = settings.passive_ports.unwrap_or(PASSIVE);
    let taken: Vec<u16> = ports(&settings.listen).chain(ports(&settings.implicit_tls_listen)).collect();
    let is_free = |port: &u16| !(first..=last).contains(port) && !taken.contains(port);
    std::iter::once(PORT).chain(1024..=u16::MAX).chain((1..1024).rev()).find(is_free).unwrap_or(PORT)
}

/// Takes ports that the server listens on out of those for data connections.
pub(in super::super) fn part_ports(imported: &mut Imported, place: &Place) {
    let settings = &mut imported.settings;
    let given = settings.passive_ports;
    let (mut first, mut last) = given.unwrap_or(PASSIVE);
    for port in ports(&settings.listen).chain(ports(&settings.implicit_tls_listen)) {
        if !(first..=last).contains(&port) {
            continue;
        }
        // The longer part is left.
        if port - first > last - port {
            last = port - 1;
        } else if port < last {
            first = port + 1;
        } else {
            // There was but this one.
            (first, last) = if (PASSIVE.0..=PASSIVE.1).contains(&port) { (62000, 62999) } else { PASSIVE };
        }
    }
    if (first, last) != given.unwrap_or(PASSIVE) {
        settings.passive_ports = Some((first, last));
        let text = format!(
            "data connections take the ports {first}-{last}: the server listens on one of the others"
        );
        imported.remark(place, text);
    }
}

/// Whether the reply to PASV can have this: an IPv4 address that clients can connect to, or a name.
pub(in super::super) fn is_passive_address(text: &str) -> bool {
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        return !(address.is_unspecified() || address.is_multicast() || address.is_broadcast());
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_number =
        name.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    name.len() <= 253 && !is_number && name.split('.').all(is_label)
}

/// Settles the address of the reply to PASV.
pub(in super::super) fn passive_address(
    imported: &mut Imported,
    address: Option<&str>,
    place: Option<&Place>,
) {
    let (Some(address), Some(place)) = (address, place) else { return };
    if is_passive_address(address) {
        imported.settings.passive_address = Some(address.to_owned());
    } else {
        let text = format!(
            "the reply to PASV can't carry {address}, and has the address of the connection: see `server.passive.address`"
        );
        imported.remark(place, text);
    }
}

/// A number of what is counted, if it is one.
pub(in super::super) fn count(text: &str, radix: u32) -> Option<u64> {
    match u64::from_str_radix(text, radix) {
        Ok(number) => Some(number.min(MOST)),
        Err(error) if *error.kind() == std::num::IntErrorKind::PosOverflow => Some(MOST),
        Err(_) => None,
    }
}

/// Whether [`count`] makes a number smaller than it stands there.
pub(in super::super) fn is_too_large(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && !text.parse::<u64>().is_ok_and(|number| number <= MOST)
}
