use std::time::{Duration, SystemTime};

use super::{Form, format, parse};

fn at(seconds: u64, nanos: u32) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos)
}

#[test]
fn times_are_written_as_rclone_writes_them() {
    let time = at(1_580_705_106, 0);
    assert_eq!(format(Form::Seconds, time).as_deref(), Some("1580705106"));
    assert_eq!(format(Form::Seconds, at(1_580_705_106, 5)).as_deref(), Some("1580705106.000000005"));
    assert_eq!(format(Form::Rfc3339, time).as_deref(), Some("2020-02-03T04:45:06Z"));
    assert_eq!(format(Form::Seconds, SystemTime::UNIX_EPOCH - Duration::from_secs(1)), None);
}

#[test]
fn times_of_either_form_are_read() {
    for (text, time) in [
        ("1580705106", at(1_580_705_106, 0)),
        ("1580705106.25", at(1_580_705_106, 250_000_000)),
        ("1580705106.123456789", at(1_580_705_106, 123_456_789)),
        ("1580705106.1234567891", at(1_580_705_106, 123_456_789)),
        ("2020-02-03T04:45:06.5Z", at(1_580_705_106, 500_000_000)),
        ("2020-02-03T05:45:06+01:00", at(1_580_705_106, 0)),
    ] {
        assert_eq!(parse(text), Some(time), "{text}");
    }
    for text in ["", "-1", "1.5e9", "yesterday", "99999999999999999999", "1.x", ".", "999999999999999"] {
        assert_eq!(parse(text), None, "{text}");
    }
}
