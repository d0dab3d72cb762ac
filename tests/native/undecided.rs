//! Uploads whose client goes away when all is sent, while the store takes long to complete them.

use std::io::Write;

use wharf_testing::block_on;
use wharf_testing::played::{Answer, Asked, Played, answer};
use wharf_testing::proxy::{Fault, Gate, Kind, Proxy, When};

use crate::support::Setup;

/// A bucket for one upload in parts, as far as it goes.
fn answered(request: &Asked) -> Answer {
    match request.method.as_str() {
        "POST" if request.query("uploadId").is_some() => answer(
            200,
            &[],
            "<CompleteMultipartUploadResult><ETag>\"x-2\"</ETag></CompleteMultipartUploadResult>",
        ),
        "POST" => answer(
            200,
            &[],
            "<InitiateMultipartUploadResult><UploadId>id</UploadId></InitiateMultipartUploadResult>",
        ),
        "PUT" => answer(200, &[("etag", "\"0123456789abcdef0123456789abcdef\"")], ""),
        "GET" => answer(200, &[], "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"),
        "DELETE" => answer(204, &[], ""),
        _ => answer(404, &[("x-amz-request-id", "1")], ""),
    }
}

#[test]
fn the_end_of_the_session_gives_nothing_up() {
    let store = block_on(Played::new(|request| Some(answered(request))));
    // The upload is completed when the test says so.
    let proxy = block_on(Proxy::before(&store.url));
    let completion = Gate::new();
    proxy.fault(When::every(Kind::Complete), Fault::Delay(completion.clone()));
    let setup = Setup::new(format!(
        "
backends:
  lake: {{ kind: s3, bucket: b, region: us-east-1, endpoint: '{}', access_key_id: a, secret_access_key: b }}
users:
  - {{ name: demo, password: demo, plain: true, backend: lake, permissions: full }}
",
        proxy.url()
    ));
    let server = setup.start();
    let was_asked = |method: &str| store.asked().iter().any(|line| line.starts_with(method));
    let mut client = server.login();
    client.expect("TYPE I", 200);
    let mut data = client.start_transfer("STOR f");
    data.write_all(&vec![7; 20 << 20]).unwrap();
    drop(data);
    block_on(completion.reached());
    drop(client);
    // As long as anything else that was given up may take.
    server.log.expect_warning("a transfer of a session that ended is still busy", &[]);
    assert!(!was_asked("DELETE"));
    completion.open();
    server.log.expect("transfer complete", &[("path", "/f")]);
    assert!(!was_asked("DELETE"));
}
