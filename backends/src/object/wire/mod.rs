//! How requests go out, and how their answers come in.

pub(crate) mod connections;
pub(crate) mod connector;
pub(crate) mod endpoint;
pub(crate) mod environment;
pub(crate) mod pair;
pub(crate) mod patience;
pub(crate) mod requests;
pub(crate) mod xml;
