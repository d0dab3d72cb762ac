//! The daemon of ClamAV: the command INSTREAM (`man clamd`).
//!
//! One connection for each file. The bytes go in chunks, each behind its length; a length of zero is the end, and the answer is one
//! line that ends with NUL. There is an answer before the end only if the daemon takes no more.

use async_trait::async_trait;
use bytes::{Buf, Bytes};

use super::scanner::{Inquiry, Line, Said, Trouble, Verdict, shown};

/// The longest answer; names of findings are short.
const MOST: usize = 4096;
/// So many bytes are one chunk at most. The daemon takes chunks of any length up to its own limit.
const CHUNK: usize = 1 << 20;

pub(super) struct Clamd(Line);

impl Clamd {
    pub(super) async fn begin(mut line: Line) -> Result<Self, Trouble> {
        match line.say(&b"zINSTREAM\0"[..]).await {
            Said::Taken => Ok(Self(line)),
            Said::Interrupted => {
                let mut clamd = Self(line);
                Err(clamd.interrupted().await.err().unwrap_or_else(early))
            }
        }
    }

    /// The whole answer.
    async fn answer(&mut self) -> Result<Vec<u8>, Trouble> {
        loop {
            let heard = &self.0.heard;
            if let Some(end) = heard.iter().position(|byte| *byte == 0) {
                if end + 1 < heard.len() {
                    return Err(Trouble::silent("the scanner says more than one thing"));
                }
                return Ok(heard[..end].to_vec());
            }
            if heard.len() > MOST {
                return Err(Trouble::silent("the scanner's answer has no end"));
            }
            if !self.0.hear().await? {
                let said = shown(&self.0.heard);
                return Err(Trouble::silent(match said.is_empty() {
                    true => "the scanner closed the connection without a word".to_owned(),
                    false => {
                        format!("the scanner closed the connection in the middle of its answer: {said:?}")
                    }
                }));
            }
        }
    }

    /// The daemon speaks although it has not all bytes.
    async fn interrupted(&mut self) -> Result<Verdict, Trouble> {
        match parse(&self.answer().await?)? {
            Verdict::Clean => Err(early()),
            infected @ Verdict::Infected(_) => Ok(infected),
        }
    }
}

fn early() -> Trouble {
    Trouble::silent("the scanner calls the file clean and has not seen all of it")
}

#[async_trait]
impl Inquiry for Clamd {
    async fn bytes(&mut self, bytes: &Bytes) -> Result<Option<Verdict>, Trouble> {
        for start in (0..bytes.len()).step_by(CHUNK) {
            let chunk = bytes.slice(start..bytes.len().min(start + CHUNK));
            let length = u32::try_from(chunk.len()).unwrap_or_default().to_be_bytes();
            if self.0.say((&length[..]).chain(chunk)).await == Said::Interrupted {
                return self.interrupted().await.map(Some);
            }
        }
        Ok(None)
    }

    async fn verdict(&mut self) -> Result<Verdict, Trouble> {
        match self.0.say(&[0; 4][..]).await {
            Said::Taken => parse(&self.answer().await?),
            // What it says now it may have said before it had the end.
            Said::Interrupted => self.interrupted().await,
        }
    }
}

/// `stream: OK`, `stream: NAME FOUND`, or anything else, which is no verdict.
fn parse(answer: &[u8]) -> Result<Verdict, Trouble> {
    if answer == b"stream: OK" {
        return Ok(Verdict::Clean);
    }
    let finding = answer.strip_prefix(b"stream: ").and_then(|rest| rest.strip_suffix(b" FOUND")).map(shown);
    match finding.filter(|finding| !finding.is_empty()) {
        Some(finding) => Ok(Verdict::Infected(finding)),
        None if answer.starts_with(b"INSTREAM size limit exceeded") => {
            Err(Trouble::TooLarge("it is larger than the StreamMaxLength of clamd".to_owned()))
        }
        None => Err(Trouble::Silent(format!("the scanner answers {:?}", shown(answer)))),
    }
}
