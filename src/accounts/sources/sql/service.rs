//! The database, and how it is asked.

use std::time::Duration;

use async_trait::async_trait;
use zeroize::Zeroizing;

use super::connections::Connections;
use super::row::{self, Row};
use crate::accounts::sources::Attempt;
use crate::accounts::sources::asked::{Answer, Service, Unanswered};
use crate::config::SqlService;

/// A database with users.
#[derive(Debug)]
pub(in crate::accounts::sources) struct Sql {
    settings: SqlService,
    origin: String,
    connections: Connections,
}

impl Sql {
    pub(in crate::accounts::sources) fn new(settings: &SqlService) -> Self {
        Self {
            origin: settings.database.to_string(),
            connections: Connections::new(settings),
            settings: settings.clone(),
        }
    }
}

#[async_trait]
impl Service for Sql {
    fn origin(&self) -> &str {
        &self.origin
    }

    fn identity(&self) -> String {
        self.settings.identity()
    }

    fn timeout(&self) -> Duration {
        self.settings.timeout
    }

    fn cache(&self) -> Duration {
        self.settings.cache
    }

    fn is_like(&self, other: &Self) -> bool {
        self.settings == other.settings
    }

    /// The password is none of the database's business.
    fn question(&self, attempt: &Attempt<'_>) -> Zeroizing<String> {
        Zeroizing::new(attempt.name.to_owned())
    }

    async fn answer(&self, name: &str, _: &Attempt<'_>) -> Result<Answer, Unanswered> {
        let mut rows: Vec<Row> = self.connections.ask(name).await?;
        match (rows.pop(), rows.pop()) {
            (None, _) => Ok(Answer::Unknown),
            (Some(row), None) => row::answer(row, name, &self.settings).map_err(Unanswered::wrong),
            (Some(_), Some(_)) => {
                Err(Unanswered::wrong("the query has found more than one row for this name"))
            }
        }
    }
}
