//! `wharf init`.

mod answers;
mod console;

use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use self::answers::{Answers, Files};
use self::console::Console;
use super::hash_password::first_line;
use super::{Outcome, complain, new_file, print};
use crate::config::{self, PasswordHash, Secret};

/// Ask five questions and write a configuration file.
///
/// Each question has a default, and an option that answers it. Paths start from the folder of the file. A file that is there already
/// is left alone.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf init
  wharf init /etc/wharf/wharf.yaml
  wharf init --files s3://acme-lake/inbound --region eu-west-1
  wharf init --yes --password-file secret --listen 0.0.0.0:2121 --certificate tls.crt --key tls.key

Exit status: 0 success, 1 nothing was written, 2 an option is wrong.")]
pub(super) struct Init {
    /// The file to write.
    #[arg(default_value = "wharf.yaml", value_name = "FILE")]
    file: PathBuf,
    /// Ask nothing: take the default where no option answers a question. Without --password-file, a password is made and printed.
    #[arg(long)]
    yes: bool,
    /// Replace the file if it is there already.
    #[arg(long)]
    force: bool,
    /// Where the files are: a folder, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, azure://ACCOUNT/CONTAINER/PREFIX, https://HOST/BUCKET
    /// (another store that speaks S3), or memory.
    #[arg(long, value_name = "PLACE")]
    files: Option<String>,
    /// The region of a bucket of Amazon S3.
    #[arg(long)]
    region: Option<String>,
    /// The file of a bucket's credentials: Amazon's credentials file, the JSON key of a service account, or the key of an Azure
    /// account. Without it, the machine's own credentials at its cloud.
    #[arg(long, value_name = "FILE")]
    credentials: Option<String>,
    /// The address and the port for clients.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// The file of the certificate for TLS, or none.
    #[arg(long, value_name = "FILE")]
    certificate: Option<String>,
    /// The file of its key.
    #[arg(long, value_name = "FILE")]
    key: Option<String>,
    /// The name of the first user.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// The file whose first line is the user's password; - is standard input.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// The ports for transfers.
    #[arg(long, value_name = "PORTS")]
    passive_ports: Option<String>,
    /// The address that clients are told for transfers, if it is not the one that they reach, or none.
    #[arg(long, value_name = "ADDRESS")]
    public_address: Option<String>,
}

/// Why nothing was written.
#[derive(Debug)]
enum Stop {
    /// An option is wrong.
    Option(String),
    Failure(String),
}

/// A question, and what answers it.
struct Question<'q> {
    /// What stands before the first line of one of the five.
    number: &'q str,
    text: &'q str,
    option: &'q str,
    given: Option<&'q str>,
    default: &'q str,
}

impl Init {
    pub(super) fn run(self) -> Outcome {
        match self.go() {
            Ok(()) => Outcome::Fine,
            Err(Stop::Failure(error)) => {
                complain(format_args!("wharf: {error}; nothing was written"));
                Outcome::Failed
            }
            Err(Stop::Option(error)) => {
                complain(format_args!("wharf: {error}; nothing was written"));
                Outcome::Unusable
            }
        }
    }

    fn go(&self) -> Result<(), Stop> {
        if let Some(reason) = new_file::why_not(&self.file, self.force) {
            return Err(Stop::Failure(reason));
        }
        let mut console = Console::new(self.yes).map_err(|error| Stop::Failure(error.to_string()))?;
        if !self.yes {
            print(format_args!(
                "Five questions, and {} is written. An empty answer is the one in [brackets].",
                self.file.display()
            ));
        }
        let mut answers = Answers::default();
        self.ask_files(&mut console, &mut answers)?;
        let listen = Question {
            number: "2/5 ",
            text: "At which address and port do clients connect? 0.0.0.0:2121 lets other machines connect.",
            option: "--listen",
            given: self.listen.as_deref(),
            default: "127.0.0.1:2121",
        };
        self.ask(&mut console, &mut answers, listen, |answers, answer| {
            let _: SocketAddr = answer
                .parse()
                .map_err(|_| "expected an IP address and a port, such as 0.0.0.0:2121".to_owned())?;
            answer.clone_into(&mut answers.listen);
            Ok(())
        })?;
        self.ask_tls(&mut console, &mut answers)?;
        let made = self.ask_user(&mut console, &mut answers)?;
        self.ask_passive(&mut console, &mut answers)?;
        let held = console.hold_off();
        new_file::write(&self.file, &answers.yaml(), self.force)
            .map_err(|error| Stop::Failure(format!("can't write {}: {error}", self.file.display())))?;
        self.say_what_comes_next(&answers, made.as_ref());
        // It is too late now for an interrupt to say that nothing was written.
        std::mem::forget(held);
        Ok(())
    }

    fn ask_files(&self, console: &mut Console, answers: &mut Answers) -> Result<(), Stop> {
        let files = Question {
            number: "1/5 ",
            text: "Where are the files? In a folder, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX,\n    azure://ACCOUNT/CONTAINER/PREFIX, https://HOST/BUCKET (another store that speaks S3), or memory.",
            option: "--files",
            given: self.files.as_deref(),
            default: "wharf-data",
        };
        self.ask(console, answers, files, |answers, answer| {
            answers.files = Files::parse(answer)?;
            Ok(())
        })?;
        if answers.files.needs_region() {
            let region = Question {
                number: "",
                text: "In which region is the bucket?",
                option: "--region",
                given: self.region.as_deref(),
                default: "us-east-1",
            };
            self.ask(console, answers, region, |answers, answer| {
                answer.clone_into(&mut answers.region);
                Ok(())
            })?;
        } else if self.region.is_some() {
            return Err(Stop::Option("--region is for a bucket of Amazon S3 (--files s3://…)".to_owned()));
        }
        if answers.files.is_bucket() {
            let credentials = Question {
                number: "",
                text: "Which file has its credentials? `none`: those that the cloud gives this machine.",
                option: "--credentials",
                given: self.credentials.as_deref(),
                default: "none",
            };
            self.ask(console, answers, credentials, |answers, answer| {
                answers::no_tilde(answer)?;
                answers.credentials = unless_none(answer);
                Ok(())
            })?;
        } else if self.credentials.is_some() {
            return Err(Stop::Option("--credentials are for a bucket".to_owned()));
        }
        Ok(())
    }

    fn ask_tls(&self, console: &mut Console, answers: &mut Answers) -> Result<(), Stop> {
        // Both or none: one of them alone can't be checked.
        let mut certificate = None;
        let question = Question {
            number: "3/5 ",
            text: "Which file has the certificate for TLS? `none`: passwords and files can be read on their way.",
            option: "--certificate",
            given: self.certificate.as_deref(),
            default: "none",
        };
        let folder = new_file::folder_of(&self.file);
        self.ask(console, answers, question, |_, answer| {
            certificate = unless_none(answer);
            match &certificate {
                Some(file) if !folder.join(file).is_file() => {
                    Err(format!("there is no file {}", folder.join(file).display()))
                }
                _ => Ok(()),
            }
        })?;
        let Some(certificate) = certificate else {
            return match &self.key {
                Some(_) => Err(Stop::Option("--key needs --certificate".to_owned())),
                None => Ok(()),
            };
        };
        let default = match certificate.strip_suffix("fullchain.pem") {
            Some(folder) => format!("{folder}privkey.pem"),
            None => PathBuf::from(&certificate).with_extension("key").display().to_string(),
        };
        let question = Question {
            number: "",
            text: "Which file has its key?",
            option: "--key",
            given: self.key.as_deref(),
            default: &default,
        };
        self.ask(console, answers, question, |answers, answer| {
            answers::no_tilde(answer)?;
            answers.tls = Some((certificate.clone(), answer.to_owned()));
            Ok(())
        })
    }

    /// The password, if one was made.
    fn ask_user(&self, console: &mut Console, answers: &mut Answers) -> Result<Option<Secret>, Stop> {
        let user = Question {
            number: "4/5 ",
            text: "What is the name of the first user?",
            option: "--user",
            given: self.user.as_deref(),
            default: "demo",
        };
        self.ask(console, answers, user, |answers, answer| {
            answer.clone_into(&mut answers.user);
            Ok(())
        })?;
        let given = match &self.password_file {
            Some(file) => Some(password_of(file).map_err(Stop::Option)?),
            None if self.yes => None,
            None => console.password().map_err(Stop::Failure)?,
        };
        let (password, is_made) = match given {
            Some(password) => (password, false),
            None => (make_password().map_err(Stop::Failure)?, true),
        };
        let hash = PasswordHash::new(password.expose()).map_err(|error| Stop::Failure(error.to_string()))?;
        answers.hash = Some(hash);
        Ok(is_made.then_some(password))
    }

    fn ask_passive(&self, console: &mut Console, answers: &mut Answers) -> Result<(), Stop> {
        let ports = Question {
            number: "5/5 ",
            text: "Which ports are for transfers? Firewalls have to let all of them through.",
            option: "--passive-ports",
            given: self.passive_ports.as_deref(),
            default: "50000-50099",
        };
        self.ask(console, answers, ports, |answers, answer| {
            answer.clone_into(&mut answers.ports);
            Ok(())
        })?;
        let is_local = answers.listen.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback());
        if is_local && self.public_address.is_none() {
            return Ok(());
        }
        let address = Question {
            number: "",
            text: "Which address reaches them, if it is not the one of this machine (behind NAT)?",
            option: "--public-address",
            given: self.public_address.as_deref(),
            default: "none",
        };
        self.ask(console, answers, address, |answers, answer| {
            answers.address = unless_none(answer);
            Ok(())
        })
    }

    /// Puts the answer of a question into the others, if the configuration is good with it; asks again if not.
    fn ask(
        &self,
        console: &mut Console,
        answers: &mut Answers,
        question: Question<'_>,
        mut put: impl FnMut(&mut Answers, &str) -> Result<(), String>,
    ) -> Result<(), Stop> {
        let mut take = |answer: &str| {
            let mut next = answers.clone();
            put(&mut next, answer)?;
            self.check(&next)?;
            *answers = next;
            Ok(())
        };
        let given = question.given.or(self.yes.then_some(question.default));
        match given {
            Some(answer) => {
                take(answer).map_err(|reason| Stop::Option(format!("{} {answer}: {reason}", question.option)))
            }
            None => {
                let Question { number, text, default, .. } = question;
                console.ask(&format!("\n{number}{text}"), default, take).map_err(Stop::Failure)
            }
        }
    }

    /// What `wharf check` would say.
    fn check(&self, answers: &Answers) -> Result<(), String> {
        let name = self.file.display().to_string();
        let (kinds, engines) = (&crate::storages::KINDS, &crate::engine::ENGINES);
        match config::parse(&answers.yaml(), &name, new_file::folder_of(&self.file), kinds, engines) {
            Ok(_) => Ok(()),
            Err(problems) => {
                let messages: Vec<_> =
                    problems.list().iter().map(|problem| problem.message.as_str()).collect();
                Err(messages.join("; "))
            }
        }
    }

    fn say_what_comes_next(&self, answers: &Answers, made: Option<&Secret>) {
        let file = shell_word(&self.file.display().to_string());
        let host = answers.listen.parse::<SocketAddr>().map_or_else(
            |_| answers.listen.clone(),
            |address| match (&answers.address, address.ip().is_unspecified()) {
                (Some(name), _) => format!("{name}:{}", address.port()),
                (None, true) => format!("127.0.0.1:{}", address.port()),
                (None, false) => address.to_string(),
            },
        );
        let tls = if answers.tls.is_some() { "--ssl-reqd " } else { "" };
        let user = shell_word(&answers.user);
        print(format_args!("\n{} is written. Next:\n", self.file.display()));
        // Whether the credentials do, only the store knows.
        let connect = if answers.files.is_bucket() { " --connect" } else { "" };
        print(format_args!("  wharf check --config {file}{connect}"));
        print(format_args!("  wharf serve --config {file}"));
        print(format_args!("  curl {tls}--user {user} ftp://{host}/   (it asks for the password)"));
        if answers.tls.is_some() {
            print(format_args!(
                "  The certificate has to be for this name or address; for a try without that, add --insecure."
            ));
        }
        if let Some(password) = made {
            print(format_args!(
                "\nThe password of {}, which is shown only now: {}",
                answers.user,
                password.expose()
            ));
        }
    }
}

fn unless_none(answer: &str) -> Option<String> {
    (answer != "none").then(|| answer.to_owned())
}

fn password_of(file: &std::path::Path) -> Result<Secret, String> {
    let password = if file.as_os_str() == "-" {
        first_line(std::io::stdin())?
    } else {
        let input =
            File::open(file).map_err(|error| format!("--password-file {}: {error}", file.display()))?;
        first_line(input)?
    };
    match password.expose() {
        "" => Err("the password is empty".to_owned()),
        _ => Ok(password),
    }
}

/// One that nobody guesses.
fn make_password() -> Result<Secret, String> {
    let mut bytes = [0; 12];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| "there are no random numbers".to_owned())?;
    Ok(Secret::new(hex::encode(bytes)))
}

/// A text as one word of a shell.
fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@+".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}
