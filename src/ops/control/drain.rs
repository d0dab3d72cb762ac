//! Takes no new sessions and logins, or takes them again.

use serde_json::Value;

use super::{Answer, Row};

/// Whether the server ends when its transfers are done.
pub const EXIT: &str = "exit";

/// Whether new sessions are taken again.
pub const RESUME: &str = "resume";

/// Who acts.
const BY: &str = "wharf drain";

/// The row of this command.
pub(super) const ROW: Row = Row {
    name: "drain",
    run: |desk, request| {
        Box::pin(async move {
            let has = |word: &str| request.arguments.get(word) == Some(&Value::Bool(true));
            let (exits, resumes) = (has(EXIT), has(RESUME));
            if exits && resumes {
                return Answer::unusable("a server that ends takes no new sessions");
            }
            let data = desk.drain(BY, !resumes, exits);
            let text = match (resumes, exits) {
                (true, _) => "new sessions and logins are taken again".to_owned(),
                (false, true) => {
                    format!("the server ends when its transfers are done; there are {}", data["transfers"])
                }
                (false, false) => {
                    format!("there are no new sessions and logins; {} sessions go on", data["sessions"])
                }
            };
            Answer { data, ..Answer::fine(text) }
        })
    },
};
