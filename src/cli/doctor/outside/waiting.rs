//! Whether something on the way forgets a connection on which nothing moves.

use super::Examination;
use super::reply::NoReply;
use super::session::Session;

impl Examination<'_> {
    pub(super) fn idle(&mut self, session: &mut Session) {
        let Some(idle) = self.wishes.idle else {
            let says = "not tried: whether a balancer or firewall forgets a silent control connection, as during a long transfer";
            return self.report.advise("idle", says, "--idle 10m is silent for so long, and then looks");
        };
        let time = humantime::format_duration(idle);
        std::thread::sleep(idle);
        let answer = match session.unasked() {
            Some(Ok(reply)) if reply.code != 421 => session.command("NOOP"),
            Some(end) => end,
            None => session.command("NOOP"),
        };
        match answer {
            Ok(reply) if reply.is_fine() => {
                self.report
                    .ok("idle", format!("the control connection is still there after {time} of silence"));
            }
            Ok(reply) if reply.code == 421 => self.report.advise(
                "idle",
                format!(
                    "the server ended the session within {time} of silence, and said so: {}",
                    reply.said()
                ),
                "that is its `idle_timeout`; during a transfer it does not count",
            ),
            Ok(reply) => self
                .report
                .note("idle", format!("after {time} of silence NOOP is answered with {}", reply.said())),
            Err(error) => {
                let how = match error {
                    NoReply::Late => "nothing comes back any more".to_owned(),
                    error => error.to_string(),
                };
                self.report.problem(
                    "idle",
                    format!("the control connection did not survive {time} of silence: {how}"),
                    "a balancer, NAT or firewall forgets idle connections: raise its idle timeout above the longest transfer, and let \
                     clients keep alive",
                );
            }
        }
    }
}
