use std::time::Duration;

use super::*;

fn at(text: &str) -> SystemTime {
    humantime::parse_rfc3339(text).unwrap()
}

#[test]
fn zones_have_their_summer_time() {
    for (zone, time, clock) in [
        ("utc", "2024-07-01T22:30:00Z", "2024-07-01 22:30:00"),
        ("Europe/Berlin", "2024-07-01T22:30:00Z", "2024-07-02 00:30:00"),
        ("Europe/Berlin", "2024-12-31T23:30:00Z", "2025-01-01 00:30:00"),
        ("America/New_York", "2024-01-01T03:00:00Z", "2023-12-31 22:00:00"),
        ("Asia/Kolkata", "2024-01-01T00:00:00Z", "2024-01-01 05:30:00"),
        // However it is written.
        ("europe/berlin", "2024-07-01T00:00:00Z", "2024-07-01 02:00:00"),
        ("Etc/GMT+5", "2024-07-01T12:00:00Z", "2024-07-01 07:00:00"),
    ] {
        let zone = ListingTime::named(zone).unwrap();
        assert_eq!(zone.clock_at(at(time)).to_string(), clock, "{zone:?}");
    }
}

#[test]
fn times_at_the_ends_of_the_calendar_are_shown_somehow() {
    let zone = ListingTime::named("Pacific/Kiritimati").unwrap();
    let far = Duration::from_secs(8_000_000_000_000);
    for time in [SystemTime::UNIX_EPOCH + far, SystemTime::UNIX_EPOCH - far] {
        assert_eq!(zone.clock_at(time), ListingTime::UTC.clock_at(time));
    }
}

#[test]
fn what_is_no_zone() {
    for word in ["Europe/Berln", "", "UTC+1", "../../etc/passwd", "/etc/localtime", "CEST", "Europe"] {
        assert_eq!(ListingTime::named(word), Err(UnknownZone::NoSuchName), "{word}");
    }
    assert!(names().iter().any(|name| name == "Europe/Berlin"));
}
