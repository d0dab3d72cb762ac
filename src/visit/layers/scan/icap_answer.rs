//! What an ICAP service answers.

use super::scanner::{Line, Trouble, Verdict, shown};

/// The longest head of an answer, or of the HTTP answer inside.
const MOST: usize = 16 << 10;

/// The head of an answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Its first line, for people.
    pub(super) line: String,
    /// Names in small letters, and values; what goes on in the next line is joined.
    headers: Vec<(String, String)>,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The items of all headers of this name.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        let values = self.headers.iter().filter(|(known, _)| known == name);
        values.flat_map(|(_, value)| value.split(',')).map(|item| item.trim().to_owned()).collect()
    }

    fn parse(head: &[u8], protocol: &str) -> Option<Self> {
        let text = String::from_utf8_lossy(head);
        let mut lines = text.lines();
        let line = lines.next()?;
        let mut words = line.split_whitespace();
        if !words.next()?.starts_with(protocol) {
            return None;
        }
        let status = words.next()?.parse().ok().filter(|status| (100..600).contains(status))?;
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in lines {
            if line.starts_with([' ', '\t']) {
                let (_, value) = headers.last_mut()?;
                value.push(' ');
                value.push_str(line.trim());
            } else {
                let (name, value) = line.split_once(':')?;
                headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
            }
        }
        Some(Self { status, line: shown(line.as_bytes()), headers })
    }

    /// What the service has found, in one of the headers that services use.
    fn finding(&self) -> Option<String> {
        if let Some(found) = self.header("x-infection-found") {
            let threat = found.split(';').find_map(|part| part.trim().strip_prefix("Threat="));
            return Some(shown(threat.unwrap_or(found).as_bytes()));
        }
        if let Some(found) = self.header("x-virus-id") {
            return Some(shown(found.as_bytes()));
        }
        // How many, then of each the file, what was found, and two numbers.
        let found = self.header("x-violations-found")?;
        let mut words = found.split_whitespace();
        (words.next() != Some("0")).then(|| shown(words.nth(1).unwrap_or(found).as_bytes()))
    }
}

/// Reads the head of the next answer.
///
/// # Errors
/// [`Trouble`].
pub(super) async fn read(line: &mut Line) -> Result<Answer, Trouble> {
    let head = block(line).await?;
    Answer::parse(&head, "ICAP/1.")
        .ok_or_else(|| Trouble::Silent(format!("the service answers {:?}, which is not ICAP", shown(&head))))
}

/// Everything up to the next empty line.
async fn block(line: &mut Line) -> Result<Vec<u8>, Trouble> {
    loop {
        let end = line.heard.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = end.filter(|end| *end <= MOST) {
            let head = line.heard.split_to(end + 4);
            return Ok(head[..end].to_vec());
        }
        if line.heard.len() > MOST {
            return Err(Trouble::silent("the service's answer has no end"));
        }
        if !line.hear().await? {
            return Err(Trouble::silent(match line.heard.is_empty() {
                true => "the service closed the connection without a word",
                false => "the service closed the connection in the middle of its answer",
            }));
        }
    }
}

/// What an answer says of the file.
///
/// # Errors
/// [`Trouble`], if that is nothing.
pub(super) async fn verdict(answer: &Answer, line: &mut Line) -> Result<Verdict, Trouble> {
    if let Some(finding) = answer.finding() {
        return Ok(Verdict::Infected(finding));
    }
    match answer.status {
        204 => Ok(Verdict::Clean),
        200 => match Answer::parse(&block(line).await?, "HTTP/") {
            // A page in the place of the file.
            Some(page) if page.status >= 400 => {
                Ok(Verdict::Infected(format!("something, so the service says {}", page.line)))
            }
            // That it may leave a clean file alone was said to it.
            Some(_) => Err(Trouble::Replaced(
                "the service sends something in the place of the file, and does not say why (of c-icap's virus_scan, `avscan` does say)"
                    .to_owned(),
            )),
            None => Err(Trouble::silent("the service sends something back that is not HTTP")),
        },
        413 => Err(Trouble::TooLarge("it is larger than the service takes".to_owned())),
        _ => Err(Trouble::Silent(format!("the service answers {}", answer.line))),
    }
}
