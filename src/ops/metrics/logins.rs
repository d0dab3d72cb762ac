//! The check of a login, from its beginning to its end.

use super::{Login, LoginCheck};

impl LoginCheck {
    /// Ends the check. [`Metrics::login`](super::Metrics::login) counts the result of the login.
    pub fn is_over(mut self) {
        self.is_over = true;
        self.metrics.login_seconds.observe(self.began.elapsed().as_secs_f64());
    }
}

impl Drop for LoginCheck {
    fn drop(&mut self) {
        self.metrics.logins_waiting.dec();
        if !self.is_over {
            self.metrics.login(Login::Abandoned);
        }
    }
}
