//! Where traces go.

use std::time::Duration;

use wharf_backends::object::Authorities;

use super::Secret;

/// Where traces go, and how many of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Traces {
    /// Where the collector takes them: a URL without user, query and fragment.
    pub url: String,
    /// The share of commands that is traced, from 0 to 1.
    pub sample: f64,
    /// Headers of the requests to the collector, whose names and values can be sent.
    pub headers: Vec<(String, Secret)>,
    /// How long the collector may take for an answer.
    pub timeout: Duration,
    /// Trusted in place of the system's authorities.
    pub authorities: Option<Authorities>,
    /// Whether stores are told of the traces that requests belong to.
    pub to_stores: bool,
}
