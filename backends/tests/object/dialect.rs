//! The ways in which stores have the protocol of S3 otherwise, or less of it.

/// What a bucket does otherwise.
#[derive(Debug, Clone, Copy, Default)]
pub struct Dialect {
    pub conditions: Conditions,
    pub copies: Copies,
    pub copies_parts: Copies,
    /// Nothing may be looked at.
    pub denies_looks: bool,
    pub wants_digest: bool,
    /// What may not be removed: `/` is all that ends so.
    pub denies_removal: Option<&'static str>,
    /// Entity tags are no digests of the content: a copy has another one.
    pub encrypts: bool,
    /// A name without an object is that of one that was deleted.
    pub keeps_versions: bool,
}

/// What the store makes of a copy inside it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum Copies {
    #[default]
    Known,
    /// It refuses one that has a condition.
    WithoutConditions,
    /// It does not look at conditions.
    Whatever,
    /// It has none.
    NotImplemented,
    /// It has none and does not say so.
    Nothing,
}

pub const COPIES: [Copies; 5] =
    [Copies::Known, Copies::WithoutConditions, Copies::Whatever, Copies::NotImplemented, Copies::Nothing];

#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum Conditions {
    #[default]
    Known,
    /// Entity tags are compared with the quotation marks that come with them.
    Bare,
    /// Those on an entity tag never hold.
    Never,
    NotImplemented,
    Refused,
    Ignored,
}

pub const CONDITIONS: [Conditions; 6] = [
    Conditions::Known,
    Conditions::Bare,
    Conditions::Never,
    Conditions::NotImplemented,
    Conditions::Refused,
    Conditions::Ignored,
];
