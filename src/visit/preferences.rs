//! What the sessions of a user are like.

use crate::charset::Charset;
use crate::config::DefaultType;
use crate::listing_time::ListingTime;

/// What the sessions of a user are like, where the configuration says it of that user or of the whole server.
#[derive(Debug, Clone)]
pub struct Preferences {
    /// How the user's client writes names.
    pub charset: Charset,
    /// The type in which sessions begin. RFC 959 has text (section 3.1.1.1), but there are devices that never send TYPE and
    /// mean bytes.
    pub default_type: DefaultType,
    /// The time zone of LIST and STAT.
    pub listing_time: ListingTime,
}
