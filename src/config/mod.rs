//! The configuration: one YAML file, from what is written to what is usable, with every problem reported at once.

mod checked;
mod problem;
mod secret;
mod tree;

pub use checked::{
    Account, Anonymous, Azure, AzureCredentials, Backend, Config, Engine, Gcs, GcsCredentials, Limits, Log, LogFormat,
    Mount, Passive, PassiveAddress, Password, S3, S3Credentials, Server, Tls, UploadParts, User,
};
pub use problem::{Place, Problem, Problems};
pub use secret::Secret;

pub(crate) fn read_file(_: &std::path::Path, _: u64) -> std::io::Result<Vec<u8>> { Ok(Vec::new()) }
