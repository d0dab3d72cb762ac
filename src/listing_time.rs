//! The time zone of the times in listings.

use std::fmt;
use std::time::SystemTime;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

/// The zone in which LIST and STAT show times. Their lines have no place for the name of a zone (RFC 959 leaves their
/// form to the server), and many devices and old programs take the times for local ones. MLSD, MLST and MDTM are always
/// in UTC (RFC 3659, section 2.3).
#[derive(Clone, PartialEq, Eq)]
pub struct ListingTime(TimeZone);

impl ListingTime {
    /// UTC.
    pub const UTC: Self = Self(TimeZone::UTC);

    /// The zone for a word of the configuration: `utc`, `local` (the zone of the machine, or of the variable `TZ`), or
    /// a name of the IANA time zone database, such as `Europe/Berlin`. The system's database is used if there is one,
    /// because its rules are updated with the system; otherwise the one in the program.
    ///
    /// # Errors
    /// [`UnknownZone`].
    pub fn named(word: &str) -> Result<Self, UnknownZone> {
        match word {
            "utc" => Ok(Self::UTC),
            "local" => {
                TimeZone::try_system().map(Self).map_err(|error| UnknownZone::OfMachine(error.to_string()))
            }
            name => TimeZone::get(name)
                .or_else(|_| TimeZoneDatabase::bundled().get(name))
                .map(Self)
                .map_err(|_| UnknownZone::NoSuchName),
        }
    }

    /// The local time in this zone at `time`.
    pub fn clock_at(&self, time: SystemTime) -> NaiveDateTime {
        let time = DateTime::<Utc>::from(time);
        if self.0 == TimeZone::UTC {
            return time.naive_utc();
        }
        // The zone database ends with the last date of four digits.
        let offset =
            Timestamp::from_second(time.timestamp()).map_or(0, |time| self.0.to_offset(time).seconds());
        let local = time.naive_utc().checked_add_signed(TimeDelta::seconds(offset.into()));
        local.unwrap_or(time.naive_utc())
    }
}

impl fmt::Debug for ListingTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ListingTime").field(&self.0.iana_name()).finish()
    }
}

/// Why a word does not name a time zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownZone {
    /// The database has no such name.
    #[error("there is no such time zone")]
    NoSuchName,
    /// The zone of the machine is not known.
    #[error("the time zone of this machine is not known ({0}); name one, such as `Europe/Berlin`")]
    OfMachine(String),
}

/// All names of time zones.
pub fn names() -> Vec<String> {
    TimeZoneDatabase::bundled().available().map(|name| name.as_str().to_owned()).collect()
}

#[cfg(test)]
#[path = "listing_time_tests.rs"]
mod tests;
