//! `wharf completions`.

use clap::{Args, CommandFactory, ValueEnum};
use clap_complete::Shell;

use super::{Arguments, Outcome, print};

/// Print what completes the command line in a shell.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf completions bash > /usr/share/bash-completion/completions/wharf
  wharf completions zsh > /usr/local/share/zsh/site-functions/_wharf
  wharf completions fish > ~/.config/fish/completions/wharf.fish")]
pub(super) struct Completions {
    /// The shell.
    shell: Kind,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    Bash,
    Zsh,
    Fish,
}

impl Completions {
    pub(super) fn run(self) -> Outcome {
        let shell = match self.shell {
            Kind::Bash => Shell::Bash,
            Kind::Zsh => Shell::Zsh,
            Kind::Fish => Shell::Fish,
        };
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Arguments::command(), "wharf", &mut script);
        print(String::from_utf8_lossy(&script).trim_end());
        Outcome::Fine
    }
}
