//! The interface is as its description says, whatever is asked: schemathesis makes requests of it.

use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::support::installed;

#[test]
fn whatever_is_asked_the_answers_are_as_described() {
    let receiver = events::receiver(&Arc::default());
    let setup = events::setup(&receiver);
    let server = setup.start();
    let _here = server.login();
    events::store(&server, 3);
    let description = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/admin.openapi.yaml");
    let url = format!("http://{}/api/v1", server.http_address());
    let bearer = format!("Authorization: Bearer {ADMIN}");
    let said = installed("api/bin/schemathesis", setup.folder())
        .args(["run", "--url", &url, "-H", &bearer, "--checks", "all"])
        // What is an address, or a name that there is, is beyond a schema.
        .args(["--exclude-checks", "positive_data_acceptance"])
        // One has no end, and one could be the end of the server.
        .args(["--exclude-operation-id", "stream", "--exclude-operation-id", "drain"])
        .args(["--phases", "coverage,fuzzing", "--max-examples", "5", "--seed", "1"])
        // Python 3.11 fails now and then when several threads parse its own source, as the generator does.
        .args(["--generation-deterministic", "--workers", "1", "--no-color", "--warnings", "off"])
        .arg(description)
        .run();
    assert!(said.contains("No issues found"), "{said}");
    assert_eq!(Api::of(&server).get("/server")["is_ready"], true);
}
