//! Networks that are allowed, without those that are refused: Wharf knows only the former.

use std::net::IpAddr;

use ipnet::IpNet;

/// The most networks of a user that are written.
const MOST: usize = 300;

/// A network, or an address.
pub(super) fn network(text: &str) -> Option<IpNet> {
    let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).ok()?;
    Some(network.trunc())
}

/// What is left of some networks, or of all if there are none, without others. `None`: nothing, or too many pieces.
pub(super) fn without(allowed: &[IpNet], refused: &[IpNet]) -> Option<Vec<IpNet>> {
    if refused.is_empty() {
        return Some(allowed.to_vec());
    }
    let all = ["0.0.0.0/0", "::/0"].into_iter().filter_map(network).collect::<Vec<_>>();
    let mut open = if allowed.is_empty() { all } else { allowed.to_vec() };
    let mut left = Vec::new();
    while let Some(one) = open.pop() {
        if refused.iter().any(|other| other.contains(&one)) {
            continue;
        }
        if !refused.iter().any(|other| one.contains(other)) {
            left.push(one);
        } else if let Ok(halves) = one.subnets(one.prefix_len().saturating_add(1)) {
            open.extend(halves);
        }
        if left.len() > MOST || open.len() > MOST {
            return None;
        }
    }
    left.sort();
    (!left.is_empty()).then_some(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(allowed: &[&str], refused: &[&str]) -> Option<Vec<String>> {
        let all = |list: &[&str]| list.iter().filter_map(|text| network(text)).collect::<Vec<_>>();
        let left = without(&all(allowed), &all(refused))?;
        Some(left.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn refused_networks_are_cut_out() {
        let of = |list: &[&str]| Some(list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        assert_eq!(shown(&["10.0.0.0/8"], &[]), of(&["10.0.0.0/8"]));
        assert_eq!(shown(&["10.0.0.0/8"], &["10.128.0.0/9"]), of(&["10.0.0.0/9"]));
        assert_eq!(shown(&["192.0.2.0/30"], &["192.0.2.1"]), of(&["192.0.2.0/32", "192.0.2.2/31"]));
        assert_eq!(shown(&["10.0.0.0/8"], &["0.0.0.0/0"]), None);
        assert_eq!(shown(&["10.0.0.0/8"], &["192.0.2.1"]), of(&["10.0.0.0/8"]));
        let rest = shown(&[], &["192.0.2.1"]).unwrap();
        assert_eq!(rest.len(), 33, "all of IPv4 but one address, and all of IPv6: {rest:?}");
    }
}
