//! Sizes, durations, ports and addresses as people write them. Errors are sentences that don't repeat the text.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, NaiveDate, NaiveTime};
use ipnet::IpNet;

use super::checked::{PassiveAddress, Rate};

/// The longest duration that is accepted. Larger ones overflow the clocks that they are added to.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);
/// The lowest bandwidth, in bytes a second: transfers move a few KiB at a time.
const LEAST_RATE: u64 = 8 << 10;
const UNITS: [(&str, u64); 10] = [
    ("", 1),
    ("b", 1),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("tb", 1_000_000_000_000),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
];

/// A number of bytes: `1048576`, `10MB`, `64MiB`, `1.5 GiB`.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let wrong = || "expected a size such as 64MiB, 10MB or 1048576".to_owned();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = unit.trim().to_ascii_lowercase();
    let factor = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor).ok_or_else(wrong)?;
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    if whole.is_empty() || part.is_empty() || part.len() > 6 || part.contains('.') {
        return Err(wrong());
    }
    let digits = |digits: &str| digits.parse::<u128>().map_err(|_| "this size is too large".to_owned());
    let scale = 10_u128.pow(u32::try_from(part.len()).unwrap_or(0));
    let scaled = digits(whole)?
        .checked_mul(scale)
        .and_then(|scaled| scaled.checked_add(digits(part).ok()?))
        .and_then(|scaled| scaled.checked_mul(u128::from(factor)));
    let bytes = scaled.map(|scaled| (scaled / scale, scaled % scale));
    match bytes.map(|(bytes, rest)| (u64::try_from(bytes), rest)) {
        Some((Ok(bytes), 0)) => Ok(bytes),
        Some((Ok(_), _)) => Err("this size is not a whole number of bytes".to_owned()),
        _ => Err("this size is too large".to_owned()),
    }
}

/// A duration: `30s`, `5m`, `1h30m`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    if !text.is_empty() && text != "0" && text.bytes().all(|b| b.is_ascii_digit()) {
        return Err("this duration has no unit; write it such as 30s, 5m or 1h30m".to_owned());
    }
    let duration = humantime::parse_duration(text)
        .map_err(|_| "expected a duration such as 30s, 5m or 1h30m".to_owned())?;
    if duration > LONGEST {
        return Err("this duration is too long; at most a year is allowed".to_owned());
    }
    Ok(duration)
}

/// A number of bytes in a second: `10MiB/s`. Less than [`LEAST_RATE`] can't be kept well.
pub(super) fn byte_rate(text: &str) -> Result<u64, String> {
    let wrong = || "expected bytes in a second, such as 10MiB/s".to_owned();
    let (bytes, time) = text.rsplit_once('/').ok_or_else(wrong)?;
    if !time.trim().eq_ignore_ascii_case("s") {
        return Err(wrong());
    }
    match size(bytes.trim()).map_err(|_| wrong())? {
        rate if rate < LEAST_RATE => Err("at least 8KiB/s are needed".to_owned()),
        rate => Ok(rate),
    }
}

/// A moment: `2027-01-01`, which is its first one in UTC, or `2027-01-01T18:00:00+01:00` (RFC 3339).
pub(crate) fn moment(text: &str) -> Result<SystemTime, String> {
    let time = match text.len() {
        10 => NaiveDate::parse_from_str(text, "%Y-%m-%d").map(|date| date.and_time(NaiveTime::MIN).and_utc()),
        _ => DateTime::parse_from_rfc3339(text).map(|time| time.to_utc()),
    };
    time.map(SystemTime::from).map_err(|_| {
        "expected a date such as 2027-01-01, or a time with its zone such as 2027-01-01T18:00:00Z".to_owned()
    })
}

/// A rate: `60/min`, `5/s`, `1000/h`, `10/30s`.
pub(super) fn rate(text: &str) -> Result<Rate, String> {
    let wrong = || "expected a rate such as 60/min, 5/s or 100/30m".to_owned();
    let (count, period) = text.split_once('/').ok_or_else(wrong)?;
    let period = match period.trim() {
        "s" => Duration::from_secs(1),
        "min" | "m" => Duration::from_secs(60),
        "h" => Duration::from_secs(60 * 60),
        other => duration(other).map_err(|_| wrong())?,
    };
    let count: u32 = count.trim().parse().map_err(|_| wrong())?;
    match count {
        0 => Err("at least 1 is needed".to_owned()),
        1_000_001.. => Err("at most 1000000 is possible".to_owned()),
        _ if period.is_zero() => Err(wrong()),
        count => Ok(Rate { count, period }),
    }
}

/// Ports for data connections: `50000-50063`, or one.
pub(super) fn ports(text: &str) -> Result<RangeInclusive<u16>, String> {
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    let port = |text: &str| match text.trim() {
        digits if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) => {
            Err("expected a range of ports such as 50000-50063, or one port".to_owned())
        }
        digits => digits.parse::<u16>().map_err(|_| "a port is at most 65535".to_owned()),
    };
    match (port(low)?, port(high)?) {
        (low, high) if low > high => {
            Err(format!("the first port is higher than the last; did you mean {high}-{low}?"))
        }
        (low, _) if low < 1024 => Err("ports for data connections start at 1024".to_owned()),
        (low, high) => Ok(low..=high),
    }
}

/// An address to listen on: `0.0.0.0:2121`, `[::]:2121`.
pub(super) fn listen(text: &str) -> Result<SocketAddr, String> {
    const EXAMPLES: &str = "such as 0.0.0.0:2121 or \"[::]:2121\"";
    text.parse().map_err(|_| {
        if let Ok(port) = text.strip_prefix(':').unwrap_or(text).parse::<u16>() {
            return format!(
                "the address is missing; for all addresses write 0.0.0.0:{port} or \"[::]:{port}\""
            );
        }
        match text.parse::<IpAddr>() {
            Ok(IpAddr::V4(_)) => format!("the port is missing; write {text}:2121"),
            Ok(IpAddr::V6(_)) => format!("the port is missing; write \"[{text}]:2121\""),
            Err(_) => format!("expected an IP address and a port, {EXAMPLES}"),
        }
    })
}

/// A network, as `10.0.0.0/8`, or a single address.
pub(super) fn network(text: &str) -> Result<IpNet, String> {
    let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    let network: IpNet =
        network.map_err(|_| "expected a network such as 10.0.0.0/8, or an IP address".to_owned())?;
    match network == network.trunc() {
        true => Ok(network),
        false => Err(format!("this is an address inside of a network; write {}", network.trunc())),
    }
}

/// The address in PASV replies: IPv4, or a DNS name.
pub(super) fn passive_address(text: &str) -> Result<PassiveAddress, String> {
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        return match address {
            address if address.is_unspecified() || address.is_multicast() || address.is_broadcast() => {
                Err("no client can connect to this address".to_owned())
            }
            address => Ok(PassiveAddress::Ip(address)),
        };
    }
    if text.parse::<IpAddr>().is_ok() {
        return Err("the reply to PASV can't carry an IPv6 address; clients that come over IPv6 use EPSV, \
                    which needs none"
            .to_owned());
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // A name that ends in a number is a mistyped address.
    let is_number = name.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    if name.len() > 253 || is_number || !name.split('.').all(is_label) {
        return Err("expected an IPv4 address or a DNS name, without a port".to_owned());
    }
    Ok(PassiveAddress::Name(text.to_owned()))
}

#[cfg(test)]
#[path = "units_tests.rs"]
mod tests;
