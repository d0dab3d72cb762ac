use super::*;

fn path() -> StoragePath {
    StoragePath::parse("/f").unwrap()
}

/// An error as the library makes it of an answer: only the text of the innermost source tells the status.
fn answered(status: &str, body: &str) -> object_store::Error {
    let text = format!("Server returned non-2xx status code: {status}: {body}");
    object_store::Error::Generic { store: "S3", source: text.into() }
}

fn kind(error: &object_store::Error) -> ErrorKind {
    map(&path(), error).kind()
}

#[test]
fn answers_have_kinds() {
    for (status, body, expected) in [
        ("403 Forbidden", "<Error><Code>AccessDenied</Code></Error>", ErrorKind::PermissionDenied),
        ("404 Not Found", "<Error><Code>NoSuchBucket</Code></Error>", ErrorKind::Unavailable),
        ("404 Not Found", "<Error><Code>NoSuchKey</Code></Error>", ErrorKind::NotFound),
        ("409 Conflict", "<Code>BlobAlreadyExists</Code>", ErrorKind::Conflict),
        ("409 Conflict", "<Code>SnapshotsPresent</Code>", ErrorKind::PermissionDenied),
        ("412 Precondition Failed", "", ErrorKind::Conflict),
        ("416 Range Not Satisfiable", "", ErrorKind::InvalidRange),
        ("503 Service Unavailable", "<Code>SlowDown</Code>", ErrorKind::Unavailable),
        ("500 Internal Server Error", "", ErrorKind::Unavailable),
        ("501 Not Implemented", "", ErrorKind::Unsupported),
        ("507 Insufficient Storage", "", ErrorKind::NoSpace),
        ("400 Bad Request", "<Code>KeyTooLongError</Code>", ErrorKind::InvalidName),
        ("418 I'm a teapot", "", ErrorKind::Other),
    ] {
        assert_eq!(kind(&answered(status, body)), expected, "{status} {body}");
    }
}

#[test]
fn transport_failures_are_worth_a_retry() {
    for failure in
        [HttpErrorKind::Connect, HttpErrorKind::Timeout, HttpErrorKind::Interrupted, HttpErrorKind::Request]
    {
        let source = HttpError::new(failure, std::io::Error::other("Connection refused"));
        let error = object_store::Error::Generic { store: "S3", source: Box::new(source) };
        let mapped = map(&path(), &error);
        assert_eq!(mapped.kind(), ErrorKind::Unavailable);
        assert!(mapped.to_string().contains("Connection refused"), "{mapped}");
    }
}

#[test]
fn a_store_that_wants_equal_parts_leads_to_the_setting() {
    let refused = |message: &str| {
        let body = format!("<Error><Code>InvalidPart</Code><Message>{message}</Message></Error>");
        map(&path(), &answered("400 Bad Request", &body)).to_string()
    };
    // As R2 says it.
    let text = refused("All non-trailing parts must have the same length.");
    assert!(text.contains("equal_parts: true"), "{text}");
    let text = refused("One or more of the specified parts could not be found.");
    assert!(!text.contains("equal_parts"), "{text}");
}

#[test]
fn messages_are_one_short_line_without_what_was_signed() {
    let body = "<?xml version=\"1.0\"?>\n<Error>\n<Code>SignatureDoesNotMatch</Code>\n<Message>The signature\n \
                does not match</Message><StringToSign>TOPSECRET</StringToSign></Error>";
    let text = map(&path(), &answered("403 Forbidden", body)).to_string();
    assert_eq!(
        text,
        "/f: storage unavailable: the secret key is not the one of the access key (the store answered 403 Forbidden: \
         SignatureDoesNotMatch: The signature does not match)"
    );
    let long = map(&path(), &answered("400 Bad Request", &"x\n".repeat(10_000))).to_string();
    assert!(long.chars().count() < 400 && !long.contains('\n'), "{long}");
}
