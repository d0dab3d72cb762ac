//! What stores tell of objects, and what their failures mean.

pub(crate) mod answer;
pub(crate) mod codes;
pub(crate) mod course;
pub(crate) mod failure;
pub(crate) mod mtime;
pub(crate) mod object;
