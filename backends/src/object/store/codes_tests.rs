use super::*;
use crate::object::store::answer::Asked;
use crate::object::store::failure::Failure;
use http::{HeaderMap, StatusCode};

fn answered(status: u16, code: &str, message: &str) -> Failure {
    let body = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    let asked = Asked { is_confirmed: false, is_listing: false };
    let status = StatusCode::from_u16(status).expect("a status");
    Failure::answered(asked, status, &HeaderMap::new(), body)
}

#[test]
fn a_code_decides_before_the_status() {
    for (code, message, expected) in [
        ("QuotaExceeded", "", ErrorKind::QuotaExceeded),
        ("XMinioAdminBucketQuotaExceeded", "", ErrorKind::QuotaExceeded),
        ("EntityTooLarge", "", ErrorKind::QuotaExceeded),
        (
            "InvalidArgument",
            "Part number must be an integer between 1 and 1000, inclusive",
            ErrorKind::QuotaExceeded,
        ),
        ("XMinioStorageFull", "", ErrorKind::NoSpace),
        ("InvalidObjectState", "", ErrorKind::PermissionDenied),
        ("InvalidObjectName", "", ErrorKind::InvalidName),
        ("KeyTooLongError", "", ErrorKind::InvalidName),
        ("ObjectParentIsFile", "", ErrorKind::NotADirectory),
        ("ExistingObjectIsDirectory", "", ErrorKind::IsADirectory),
        ("InvalidRequest", "Object is WORM protected and cannot be overwritten", ErrorKind::PermissionDenied),
        ("LeaseIdMissing", "", ErrorKind::PermissionDenied),
        ("RequestTimeout", "", ErrorKind::Unavailable),
        ("ConditionalRequestConflict", "", ErrorKind::Conflict),
        ("NotSignedUp", "", ErrorKind::Unavailable),
    ] {
        for status in [400, 403, 404, 409, 412, 500, 507] {
            let kind = answered(status, code, message).at(&crate::StoragePath::root()).kind();
            assert_eq!(kind, expected, "{status} {code}");
        }
    }
}

#[test]
fn only_what_may_pass_is_worth_another_request() {
    for (status, code) in
        [(400, "RequestTimeout"), (409, "ConditionalRequestConflict"), (409, "OperationAborted")]
    {
        assert!(answered(status, code, "").may_pass(), "{status} {code}");
    }
    for (status, code) in [
        (503, "QuotaExceeded"),
        (500, "KeyTooLongError"),
        (501, "NotImplemented"),
        (400, "InvalidRequest"),
        (409, "ObjectParentIsFile"),
    ] {
        assert!(!answered(status, code, "").may_pass(), "{status} {code}");
    }
}

#[test]
fn what_is_for_good_is_no_sign_of_another_client() {
    let refused = answered(409, "ObjectParentIsFile", "").again();
    assert!(!refused.may_have_met_itself());
    assert!(!answered(412, "LeaseIdMissing", "").is_precondition());
    assert!(answered(412, "PreconditionFailed", "").is_precondition());
}

#[test]
fn users_are_told_what_the_kind_does_not_say() {
    let error = answered(403, "InvalidObjectState", "").at(&crate::StoragePath::root());
    assert!(error.advice().is_some_and(|advice| advice.contains("archived")), "{error:?}");
}
