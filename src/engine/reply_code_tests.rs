use super::*;

#[test]
fn what_may_pass_is_4xx_and_what_will_not_is_5xx() {
    for (kind, code) in [
        (ErrorKind::NotFound, 550),
        (ErrorKind::NotEmpty, 550),
        (ErrorKind::PermissionDenied, 550),
        (ErrorKind::NoSpace, 452),
        (ErrorKind::QuotaExceeded, 552),
        (ErrorKind::InvalidName, 553),
        (ErrorKind::InvalidRange, 554),
        (ErrorKind::Unsupported, 502),
        (ErrorKind::Conflict, 450),
        (ErrorKind::Unavailable, 451),
        (ErrorKind::Other, 451),
    ] {
        assert_eq!(ReplyCode::from(kind) as u16, code, "{kind:?}");
    }
}
