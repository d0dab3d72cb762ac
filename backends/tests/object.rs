//! The object backend against real servers: SeaweedFS and moto (S3), Azurite (Azure Blob), and as far as it goes
//! fake-gcs-server (Google Cloud Storage).

#![allow(clippy::unwrap_used, reason = "the exemption for tests does not reach their helpers")]

#[path = "object/azure.rs"]
mod azure;
#[path = "object/azure_cases.rs"]
mod azure_cases;
#[path = "object/azure_played.rs"]
mod azure_played;
#[path = "object/broken.rs"]
mod broken;
#[path = "object/bucket.rs"]
mod bucket;
#[path = "object/cloud.rs"]
mod cloud;
#[path = "object/confined.rs"]
mod confined;
#[path = "object/copies.rs"]
mod copies;
#[path = "object/customer_key.rs"]
mod customer_key;
#[path = "object/dialect.rs"]
mod dialect;
#[path = "object/dialects.rs"]
mod dialects;
#[path = "object/elsewhere.rs"]
mod elsewhere;
#[path = "object/failures.rs"]
mod failures;
#[path = "object/faults.rs"]
mod faults;
#[path = "object/foreign.rs"]
mod foreign;
#[path = "object/google.rs"]
mod google;
#[path = "object/google_played.rs"]
mod google_played;
#[path = "object/headers.rs"]
mod headers;
#[path = "object/hostile.rs"]
mod hostile;
#[path = "object/inside_the_store.rs"]
mod inside_the_store;
#[path = "object/kept_of_the_gone.rs"]
mod kept_of_the_gone;
#[path = "object/kept_uploads.rs"]
mod kept_uploads;
#[path = "object/leftovers.rs"]
mod leftovers;
#[path = "object/lost_answers.rs"]
mod lost_answers;
#[path = "object/meanwhile.rs"]
mod meanwhile;
#[path = "object/names.rs"]
mod names;
#[path = "object/odd_keys.rs"]
mod odd_keys;
#[path = "object/operations.rs"]
mod operations;
#[path = "object/proxy_tests.rs"]
mod proxy_tests;
#[path = "object/refusals.rs"]
mod refusals;
#[path = "object/requests.rs"]
mod requests;
#[path = "object/reserved.rs"]
mod reserved;
#[path = "object/resumed_renames.rs"]
mod resumed_renames;
#[path = "object/roles.rs"]
mod roles;
#[path = "object/servers.rs"]
mod servers;
#[path = "object/signed_access.rs"]
mod signed_access;
#[path = "object/sizes.rs"]
mod sizes;
#[path = "object/slow.rs"]
mod slow;
#[path = "object/trusted.rs"]
mod trusted;
#[path = "object/undecided.rs"]
mod undecided;

mod seaweedfs {
    wharf_backends::contract_tests!(crate::servers::seaweedfs);
}

mod moto {
    wharf_backends::contract_tests!(crate::servers::moto);
}

mod azurite {
    wharf_backends::contract_tests!(crate::servers::azurite);
}
