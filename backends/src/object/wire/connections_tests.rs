use super::*;

const LIMITS: Limits = Limits { connect: std::time::Duration::from_secs(5), silence: None };

#[test]
fn requests_are_told_apart() {
    for (method, uri, header, expected) in [
        ("GET", "http://s/b/?list-type=2&prefix=a", "", Request::List),
        ("GET", "http://s/b/?uploads=", "", Request::List),
        ("GET", "http://s/b/k", "", Request::Get),
        ("HEAD", "http://s/b/k", "", Request::Head),
        ("PUT", "http://s/b/k", "", Request::Put),
        ("PUT", "http://s/b/k", "x-amz-copy-source", Request::Copy),
        ("PUT", "http://s/b/k?partNumber=1&uploadId=x", "", Request::Part),
        ("PUT", "http://s/b/k?partNumber=1&uploadId=x", "x-amz-copy-source", Request::Copy),
        ("POST", "http://s/b/k?uploads", "", Request::Begin),
        ("POST", "http://s/b/k?uploadId=x", "", Request::Complete),
        ("DELETE", "http://s/b/k?uploadId=x", "", Request::Abort),
        ("DELETE", "http://s/b/k", "", Request::Delete),
        ("GET", "http://s/c?restype=container&comp=list", "", Request::List),
        ("PUT", "http://s/c/k?comp=block&blockid=x", "", Request::Part),
        ("PUT", "http://s/c/k?comp=blocklist", "", Request::Complete),
        ("PUT", "http://s/c/k?comp=metadata", "", Request::Metadata),
        ("PUT", "http://s/c/k", "x-ms-copy-source", Request::Copy),
        ("PUT", "http://s/c/k?comp=copy&copyid=x", "", Request::Abort),
        ("GET", "http://s/storage/v1/b/b/o?prefix=a", "", Request::List),
        ("GET", "http://s/storage/v1/b/b/o/k%2Fo", "", Request::Head),
        ("PATCH", "http://s/storage/v1/b/b/o/k", "", Request::Metadata),
        ("DELETE", "http://s/storage/v1/b/b/o/k", "", Request::Delete),
        ("POST", "http://s/storage/v1/b/b/o/k/rewriteTo/b/b/o/l", "", Request::Copy),
        ("POST", "http://s/upload/storage/v1/b/b/o?uploadType=media&name=k", "", Request::Put),
    ] {
        let mut headers = HeaderMap::new();
        if let Ok(name) = http::HeaderName::try_from(header) {
            headers.insert(name, http::HeaderValue::from_static("x"));
        }
        let found = kind(&method.parse().unwrap(), &uri.parse().unwrap(), &headers);
        assert_eq!(found, expected, "{method} {uri} {header}");
    }
}

#[test]
fn a_port_that_the_scheme_implies_is_the_same_host() {
    for (bucket, asked, expected) in [
        ("http://Store:80/b", "http://store/b/k", false),
        ("http://store/b", "http://store:80/b/k", false),
        ("https://store:443", "https://store/b/k", false),
        ("https://store", "https://store:443/b/k", false),
        ("https://[::1]:443/b", "https://[::1]/b/k", false),
        ("http://store:443/b", "http://store/b/k", true),
        ("https://store:80/b", "https://store/b/k", true),
        ("http://store:9000/b", "http://store:9001/b/k", true),
        ("https://store", "https://sts.store/b/k", true),
    ] {
        let connections = Connections::new(bucket, &Tuning::default(), LIMITS);
        assert_eq!(
            is_elsewhere(&connections.authority, &asked.parse().unwrap()),
            expected,
            "{bucket} {asked}"
        );
    }
}
