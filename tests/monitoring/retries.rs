//! What is sent to stores more than once.

use wharf_testing::block_on;
use wharf_testing::played::{Asked, Played, answer};

use super::assert_metric;
use crate::support::Setup;

/// A store that speaks as much S3 as one upload needs. It has too much to do when the first one comes.
fn busy_store() -> Played {
    let mut uploads = 0;
    let play = move |request: &Asked| match request.method.as_str() {
        "PUT" => {
            uploads += 1;
            Some(if uploads == 1 { answer(503, &[], "") } else { answer(200, &[("etag", "\"1\"")], "") })
        }
        // Whether there are unfinished uploads is none of the server's business.
        _ => Some(answer(403, &[], "")),
    };
    block_on(Played::new(play))
}

#[test]
fn uploads_that_are_sent_again_are_counted() {
    let store = busy_store();
    let setup = Setup::new(format!(
        "
backends:
  lake: {{ kind: s3, bucket: b, region: us-east-1, endpoint: '{}', access_key_id: a, secret_access_key: b }}
users:
  - {{ name: demo, password: demo, plain: true, backend: lake, permissions: full }}
",
        store.url
    ))
    .http();
    let server = setup.start();
    server.login().store("f", b"content");
    let requests = |result: &str| {
        format!("wharf_backend_requests_total{{backend=\"lake\",request=\"put\",result=\"{result}\"}}")
    };
    assert_metric(&server, &requests("throttled"), 1.0);
    assert_metric(&server, &requests("done"), 1.0);
    assert_metric(&server, "wharf_backend_retries_total{backend=\"lake\",request=\"put\"}", 1.0);
    // The same name again is another upload.
    server.login().store("f", b"content");
    assert_metric(&server, &requests("done"), 2.0);
    assert_metric(&server, "wharf_backend_retries_total{backend=\"lake\",request=\"put\"}", 1.0);
}
