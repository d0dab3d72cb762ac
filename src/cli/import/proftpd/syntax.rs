//! The lines of `proftpd.conf`: directives, blocks in blocks, and other files.

use super::super::Options;
use super::super::inputs::Input;
use super::super::model::{Imported, Place};

/// How deep blocks and files may stand in each other.
const MAX_DEPTH: usize = 32;
/// How long a directive of several lines may be.
const MAX_JOINED: usize = 1 << 20;

/// A line: a name in lower case and its words.
#[derive(Debug, Clone)]
pub(super) struct Directive {
    pub(super) name: String,
    pub(super) words: Vec<String>,
    pub(super) place: Place,
}

impl Directive {
    pub(super) fn word(&self, number: usize) -> &str {
        self.words.get(number).map_or("", String::as_str)
    }
}

/// What stands between `<Name words>` and `</Name>`, or a whole file.
#[derive(Debug, Clone)]
pub(super) struct Block {
    pub(super) name: String,
    pub(super) words: Vec<String>,
    pub(super) place: Place,
    pub(super) directives: Vec<Directive>,
    pub(super) blocks: Vec<Block>,
}

impl Block {
    fn new(name: &str, words: Vec<String>, place: &Place) -> Self {
        let place = place.clone();
        Self { name: name.to_ascii_lowercase(), words, place, directives: Vec::new(), blocks: Vec::new() }
    }

    /// The first one of this name, which counts.
    pub(super) fn get(&self, name: &str) -> Option<&Directive> {
        self.directives.iter().find(|directive| directive.name == name)
    }

    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Directive> {
        self.directives.iter().filter(move |directive| directive.name == name)
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name).map(|directive| directive.word(0)).filter(|word| !word.is_empty())
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok().filter(|number| *number > 0)
    }

    pub(super) fn is_on(&self, name: &str, default: bool) -> bool {
        self.text(name).map_or(default, |word| is_on(word, default))
    }

    pub(super) fn blocks_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Block> {
        self.blocks.iter().filter(move |block| block.name == name)
    }
}

pub(super) fn is_on(word: &str, default: bool) -> bool {
    match word.to_ascii_lowercase().as_str() {
        "on" | "yes" | "true" | "1" => true,
        "off" | "no" | "false" | "0" => false,
        _ => default,
    }
}

/// Reads a file, and those that it includes.
///
/// # Errors
/// A sentence, if blocks don't end, or the file is no text.
pub(super) fn read(input: &Input, options: &Options, imported: &mut Imported) -> Result<Block, String> {
    let place = input.place(0);
    let mut open = vec![Block::new("server config", Vec::new(), &place)];
    read_into(input, options, imported, &mut open, 0)?;
    let root = open.pop();
    match (root, open.is_empty()) {
        (Some(root), true) => Ok(root),
        (Some(block), false) => Err(format!("{}: <{}> does not end", block.place, block.name)),
        (None, _) => Err(format!("{place}: a block ends that did not begin")),
    }
}

fn read_into(
    input: &Input,
    options: &Options,
    imported: &mut Imported,
    open: &mut Vec<Block>,
    depth: usize,
) -> Result<(), String> {
    let lines = input.lines(&mut imported.remarks)?;
    let mut lines = lines.into_iter();
    while let Some((number, line)) = lines.next() {
        let place = input.place(number);
        if line.trim_start().starts_with('#') {
            // A comment has one line, whatever stands at its end.
            continue;
        }
        let mut whole = line.trim_start().to_owned();
        // A backslash at the end joins the next line.
        while whole.ends_with('\\') {
            whole.pop();
            match lines.next() {
                Some((_, line)) if line.trim_start().starts_with('#') && line.ends_with('\\') => {
                    whole.push('\\')
                }
                Some((_, line)) if whole.len() < MAX_JOINED => whole.push_str(line),
                Some(_) => return Err(format!("{place}: this directive is too long")),
                None => break,
            }
        }
        let mut words = words(&whole);
        if words.is_empty() {
            continue;
        }
        let name = words.remove(0);
        if let Some(tag) = name.strip_prefix("</") {
            let name = tag.split('>').next().unwrap_or(tag).to_ascii_lowercase();
            if open.len() < 2 || open.last().is_none_or(|block| block.name != name) {
                return Err(format!("{place}: </{name}> ends what did not begin"));
            }
            let Some(block) = open.pop() else { continue };
            let Some(parent) = open.last_mut() else { continue };
            if is_condition(&block.name) {
                if counts(&block, imported) {
                    parent.directives.extend(block.directives);
                    parent.blocks.extend(block.blocks);
                }
            } else {
                parent.blocks.push(block);
            }
        } else if let Some(tag) = name.strip_prefix('<') {
            words.insert(0, tag.to_owned());
            end_tag(&mut words);
            if words.first().is_none_or(String::is_empty) || open.len() > MAX_DEPTH {
                return Err(format!("{place}: this begins no block, or one too deep in others"));
            }
            let name = words.remove(0);
            open.push(Block::new(&name, words, &place));
        } else {
            let name = name.to_ascii_lowercase();
            if name == "include" {
                include(&words, &place, options, imported, open, depth)?;
            } else if let Some(block) = open.last_mut() {
                block.directives.push(Directive { name, words, place });
            }
        }
    }
    Ok(())
}

fn is_condition(name: &str) -> bool {
    matches!(name, "ifmodule" | "ifdefine" | "ifversion" | "ifauthenticated")
}

/// Whether what stands in a condition counts. Modules count as loaded: what they would do is what the configuration is for. Words that
/// the program would be started with (`-D`) count as not given.
fn counts(block: &Block, imported: &mut Imported) -> bool {
    let is_negated = block.words.first().is_some_and(|word| word.starts_with('!'));
    let words = block.words.join(" ");
    let (counts, why) = match block.name.as_str() {
        "ifdefine" => (is_negated, "the server counts as started without -D"),
        "ifmodule" if !is_negated => return true,
        "ifmodule" => (false, "all modules count as loaded"),
        "ifversion" => (!is_negated, "versions are not compared"),
        _ => return !is_negated,
    };
    let does = if counts { "counts" } else { "is left out, with all that it allows and refuses" };
    imported.remark(&block.place, format!("<{} {words}>: {why}, so what stands in it {does}", block.name));
    counts
}

/// Takes the `>` from the last word of a tag, with what stands behind it.
fn end_tag(words: &mut Vec<String>) {
    let Some(last) = words.last_mut() else { return };
    if let Some(at) = last.rfind('>') {
        last.truncate(at);
        if at == 0 && words.len() > 1 {
            words.pop();
        }
    }
}

/// Words between spaces, some in double quotes, in which a backslash stands before a character that means itself. A word that begins with
/// `#` begins a comment.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text.chars().peekable();
    loop {
        while rest.next_if(|character| character.is_whitespace()).is_some() {}
        let is_quoted = match rest.peek() {
            None | Some('#') => return words,
            Some(first) => *first == '"',
        };
        if is_quoted {
            rest.next();
        }
        let mut word = String::new();
        while let Some(character) = rest.next() {
            match character {
                '"' if is_quoted => break,
                '\\' if is_quoted => word.extend(rest.next()),
                space if !is_quoted && space.is_whitespace() => break,
                other => word.push(other),
            }
        }
        words.push(word);
    }
}

/// Reads what `Include` names: a file, all files of a directory, or those that a pattern fits.
fn include(
    words: &[String],
    place: &Place,
    options: &Options,
    imported: &mut Imported,
    open: &mut Vec<Block>,
    depth: usize,
) -> Result<(), String> {
    let Some(named) = words.first() else { return Ok(()) };
    if depth >= MAX_DEPTH {
        return Err(format!("{place}: files include each other, or stand too deep in others"));
    }
    let named = named.trim_end_matches('/');
    let files: Vec<String> = if options.finder.is_directory(named) {
        options.finder.names_in(named).into_iter().map(|name| format!("{named}/{name}")).collect()
    } else {
        matches(named, options).map_err(|error| format!("{place}: {error}"))?
    };
    for file in files {
        if options.finder.is_directory(&file) {
            continue;
        }
        if !options.budget.take() {
            return Err(format!("{place}: there are too many files"));
        }
        match options.finder.read(&file) {
            Ok(input) => {
                let before = open.len();
                read_into(&input, options, imported, open, depth + 1)?;
                if open.len() != before {
                    return Err(format!("{file}: a block begins there and does not end there"));
                }
            }
            Err(error) => imported.remark(place, error),
        }
    }
    Ok(())
}

/// What a pattern of a path fits, any part of which may have wildcards. A path without them is itself.
fn matches(named: &str, options: &Options) -> Result<Vec<String>, glob::PatternError> {
    let mut found = vec![if named.starts_with('/') { String::new() } else { ".".to_owned() }];
    for part in named.split('/').filter(|part| !part.is_empty()) {
        if part.contains(['*', '?', '[']) {
            let pattern = glob::Pattern::new(part)?;
            let below = |folder: &String| {
                let names = options.finder.names_in(folder).into_iter().filter(|name| pattern.matches(name));
                names.map(|name| format!("{folder}/{name}")).collect::<Vec<_>>()
            };
            found = found.iter().flat_map(below).collect();
        } else {
            for path in &mut found {
                *path = format!("{path}/{part}");
            }
        }
    }
    Ok(found)
}
