//! What is to be said of one key, or of a section.

use serde_json::Value;

use super::super::engines::Engine;
use super::super::help::{Help, without_links};
use super::super::kinds::Kind;
pub use super::super::restart::Change;
use super::super::suggest::{self, quote};
use super::{Definitions, Key, target};

/// Sections that stand in more than one place, by the names that the guide has for them; each with its definition and its help.
const SHARED: [(&str, &str, &str); 2] = [
    ("mounts[]", "Mount", "Another backend, or another part of one, in the tree of a user."),
    ("secret", "SecretSource", "A secret is a text, or stands in the environment or in a file."),
];

/// A key, or a section of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Where it stands, as the guide writes it: `users[].limits.sessions`.
    pub place: String,
    /// What it is for.
    pub meaning: String,
    /// What its value is: a word or two. None: this is the file, or the section of a kind of storage.
    pub kind: Option<String>,
    /// Whether it has to be there.
    pub required: bool,
    /// What counts where it is left out.
    pub default: Option<String>,
    /// The words that it can be, with what each means.
    pub values: Vec<(String, Option<String>)>,
    /// The least and the greatest number.
    pub bounds: (Option<u64>, Option<u64>),
    /// How it may be written.
    pub example: Option<String>,
    /// When a change counts; `None`: that depends on where it stands.
    pub change: Option<Change>,
    /// The keys below it.
    pub keys: Vec<SubKey>,
}

/// A key of a section, in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubKey {
    /// How to ask for it.
    pub name: String,
    /// What its value is.
    pub kind: String,
    /// Its meaning.
    pub meaning: String,
}

/// Explains the key at this place; without a place, the file.
///
/// # Errors
/// A sentence: there is no such key, and which one may have been meant.
pub fn explain(
    place: Option<&str>,
    kinds: &[Kind],
    engines: &'static [Engine],
) -> Result<Explanation, String> {
    let keys = Known { definitions: Definitions::new(kinds, engines), kinds };
    let steps = place.map(steps).unwrap_or_default();
    keys.find(&steps).map(|found| keys.explanation(found))
}

/// Explains the file, and then every key, in the order of the guide.
pub fn explain_all(kinds: &[Kind], engines: &'static [Engine]) -> Vec<Explanation> {
    let keys = Known { definitions: Definitions::new(kinds, engines), kinds };
    let mut found = vec![keys.file()];
    keys.all_below(&keys.file(), &mut found);
    let words =
        kinds.iter().map(Kind::word).chain(SHARED.iter().map(|(place, ..)| place.trim_end_matches("[]")));
    for section in words.filter_map(|word| keys.shared(word)) {
        let again = keys.shared(&section.place.replace("[]", ""));
        found.extend(again);
        keys.all_below(&section, &mut found);
    }
    found.into_iter().map(|found| keys.explanation(found)).collect()
}

/// The names in a place: `users[0].limits` and `users[].limits` are the same key.
fn steps(place: &str) -> Vec<&str> {
    place.trim_matches('.').split('.').map(|step| step.split('[').next().unwrap_or_default()).collect()
}

struct Known<'k> {
    definitions: Definitions,
    kinds: &'k [Kind],
}

/// A section, or a key without keys below it.
struct Found {
    place: String,
    key: Option<Key>,
    /// The definition of the keys below it, and the help of a section that no key has.
    definition: Option<String>,
    help: String,
}

impl Known<'_> {
    fn find(&self, steps: &[&str]) -> Result<Found, String> {
        let Some((first, mut rest)) = steps.split_first() else { return Ok(self.file()) };
        let mut found = match (*first, rest) {
            ("backends", [kind, below @ ..]) => {
                rest = below;
                self.shared(kind).ok_or_else(|| self.no_kind(kind, below))?
            }
            _ => match self.key(&self.file(), first) {
                Some(key) => key,
                None => self.shared(first).ok_or_else(|| self.unknown(&self.file(), first))?,
            },
        };
        for step in rest {
            found = match self.key(&found, step) {
                Some(key) => key,
                None => return Err(self.unknown(&found, step)),
            };
        }
        Ok(found)
    }

    fn file(&self) -> Found {
        let help = self.definitions.schema["description"].as_str().unwrap_or_default().to_owned();
        Found { place: String::new(), key: None, definition: Some(String::new()), help }
    }

    /// A kind of storage, or a section that stands in more than one place.
    fn shared(&self, name: &str) -> Option<Found> {
        let section = |place: &str, definition: &str, help: &str| Found {
            place: place.to_owned(),
            key: None,
            definition: Some(definition.to_owned()),
            help: help.to_owned(),
        };
        if let Some((place, definition, help)) =
            SHARED.iter().find(|(place, ..)| place.trim_end_matches("[]") == name)
        {
            return Some(section(place, definition, help));
        }
        let kind = self.kinds.iter().find(|kind| kind.word() == name)?.word();
        let help = self.definitions.schema_of(kind)["description"].as_str().unwrap_or_default();
        Some(section(kind, kind, help))
    }

    /// The key of this name below another.
    fn key(&self, above: &Found, name: &str) -> Option<Found> {
        let definition = above.definition.as_deref()?;
        let key = self.definitions.keys_of(definition).into_iter().find(|key| key.name == name);
        let key = key.or_else(|| self.kind_key(definition, name))?;
        let prefix = if above.place.is_empty() { String::new() } else { format!("{}.", above.place) };
        let list = if key.is_list && key.below.is_some() { "[]" } else { "" };
        let below = if key.is_secret {
            Some("SecretSource".to_owned())
        } else {
            key.below.clone().or_else(|| key.alternative.clone())
        };
        Some(Found {
            place: format!("{prefix}{}{list}", key.name),
            definition: below,
            help: String::new(),
            key: Some(key),
        })
    }

    /// The key `kind` of a storage, which is not a field of its section.
    fn kind_key(&self, definition: &str, name: &str) -> Option<Key> {
        let kind = self.kinds.iter().find(|kind| kind.word() == definition && name == "kind")?.word();
        let help = Help {
            meaning: "What sort of storage this is.".to_owned(),
            default: None,
            example: Some(format!("`kind: {kind}`")),
        };
        Some(Key {
            name: name.to_owned(),
            required: true,
            is_secret: false,
            #[cfg(test)]
            lists_secrets: false,
            kind: format!("`{kind}`"),
            help,
            below: None,
            alternative: None,
            is_list: false,
            #[cfg(test)]
            is_free: false,
        })
    }

    fn names_below(&self, found: &Found) -> Vec<String> {
        let Some(definition) = found.definition.as_deref() else { return Vec::new() };
        let mut names: Vec<_> =
            self.definitions.keys_of(definition).into_iter().map(|key| key.name).collect();
        if definition.is_empty() {
            names.extend(self.kinds.iter().map(|kind| kind.word().to_owned()));
            names.extend(SHARED.iter().map(|(place, ..)| place.trim_end_matches("[]").to_owned()));
        }
        names
    }

    fn unknown(&self, above: &Found, name: &str) -> String {
        let place = if above.place.is_empty() { "the file".to_owned() } else { format!("`{}`", above.place) };
        let whole = |name: &str| match above.place.as_str() {
            "" => name.to_owned(),
            place => format!("{place}.{name}"),
        };
        let names = self.names_below(above);
        if names.is_empty() {
            return format!("there is no key {} in {place}, which has no keys", quote(name));
        }
        let nearest = suggest::nearest(name, names.iter().map(String::as_str));
        let elsewhere = || {
            let mut found = Vec::new();
            self.all_below(&self.file(), &mut found);
            for kind in self.kinds {
                self.shared(kind.word()).into_iter().for_each(|kind| self.all_below(&kind, &mut found));
            }
            let is_it = |found: &Found| found.key.as_ref().is_some_and(|key| key.name == name);
            found.into_iter().filter(is_it).map(|found| found.place).collect::<Vec<_>>()
        };
        let advice = match nearest {
            Some(near) => format!("did you mean `{}`?", whole(near)),
            None => match elsewhere() {
                places if places.is_empty() => {
                    format!("there are: {}", suggest::list(names.iter().map(String::as_str)))
                }
                places => format!("it stands at: {}", suggest::list(places.iter().map(String::as_str))),
            },
        };
        format!("there is no key {} in {place}; {advice}", quote(name))
    }

    /// All keys below. Those of a secret are the same everywhere.
    fn all_below(&self, above: &Found, found: &mut Vec<Found>) {
        if above.key.as_ref().is_some_and(|key| key.is_secret) {
            return;
        }
        for name in self.names_below(above) {
            let (Some(key), Some(again)) = (self.key(above, &name), self.key(above, &name)) else { continue };
            found.push(again);
            self.all_below(&key, found);
        }
    }

    /// Where the kind of a storage is expected, and something else stands: the name that somebody gave to one, say.
    fn no_kind(&self, word: &str, below: &[&str]) -> String {
        let has_it = |kind: &&Kind| {
            below.first().is_none_or(|key| {
                *key == "kind" || self.definitions.keys_of(kind.word()).iter().any(|known| known.name == *key)
            })
        };
        let kinds: Vec<_> = self.kinds.iter().filter(has_it).map(Kind::word).collect();
        let rest: String = below.iter().map(|key| format!(".{key}")).collect();
        if kinds.is_empty() {
            return format!(
                "{} is no kind of storage, and none has such a key; the kinds are: {}",
                quote(word),
                self.words()
            );
        }
        let places: Vec<_> = kinds.iter().map(|kind| format!("{kind}{rest}")).collect();
        format!(
            "{} is no kind of storage; ask for the key of a kind: {}",
            quote(word),
            suggest::list(places.iter().map(String::as_str))
        )
    }

    fn words(&self) -> String {
        suggest::list(self.kinds.iter().map(Kind::word))
    }

    fn explanation(&self, found: Found) -> Explanation {
        let mut keys = self.sub_keys(&found);
        let plain = found.place.replace("[]", "");
        let is_shared = SHARED.iter().any(|(place, ..)| found.place.starts_with(place));
        let change = (!found.place.is_empty() && !is_shared).then(|| Change::of(&plain));
        let Some(key) = found.key else {
            let meaning = without_links(&found.help);
            return Explanation {
                place: found.place,
                meaning,
                kind: None,
                required: false,
                default: None,
                values: Vec::new(),
                bounds: (None, None),
                example: None,
                change,
                keys,
            };
        };
        let parent = self.schema_of_key(&plain);
        if plain == "backends" {
            let kind = |kind: &Kind| SubKey {
                name: kind.word().to_owned(),
                kind: "section".to_owned(),
                meaning: self.shared(kind.word()).map(|found| found.help).unwrap_or_default(),
            };
            keys = self.kinds.iter().map(kind).collect();
        }
        Explanation {
            place: found.place,
            meaning: without_links(&key.help.meaning),
            kind: Some(key.kind),
            required: key.required,
            default: key.help.default.map(|default| without_links(&default)),
            values: parent.map(|schema| self.values(schema)).unwrap_or_default(),
            bounds: parent.map(bounds).unwrap_or_default(),
            example: key.help.example.map(|example| example.trim_matches('`').to_owned()),
            change,
            keys,
        }
    }

    fn sub_keys(&self, found: &Found) -> Vec<SubKey> {
        let definition = found.definition.as_deref();
        let keys = definition.map(|name| self.definitions.keys_of(name)).unwrap_or_default();
        let short = |key: Key| SubKey {
            kind: if key.required { format!("{}, required", key.kind) } else { key.kind },
            meaning: without_links(&key.help.meaning),
            name: key.name,
        };
        let kind = definition.and_then(|definition| self.kind_key(definition, "kind"));
        kind.into_iter().chain(keys).map(short).collect()
    }

    /// The schema of a key, by its place.
    fn schema_of_key(&self, plain: &str) -> Option<&Value> {
        let (section, name) = plain.rsplit_once('.').unwrap_or(("", plain));
        let definition =
            if section.is_empty() { String::new() } else { self.find(&steps(section)).ok()?.definition? };
        Some(&self.definitions.schema_of(&definition)["properties"][name])
    }

    /// The words that a value can be.
    fn values(&self, schema: &Value) -> Vec<(String, Option<String>)> {
        let definitions = &self.definitions.schema["definitions"];
        let below = schema.get("items").or_else(|| schema["anyOf"].get(0)).unwrap_or(schema);
        let below = target(below).map_or(below, |name| &definitions[name]);
        let text = |value: &Value| value.as_str().map(str::to_owned);
        if let Some(list) = below["oneOf"].as_array() {
            let word = |one: &Value| Some((text(&one["const"])?, text(&one["description"])));
            return list.iter().filter_map(word).collect();
        }
        let words = below["enum"].as_array().or_else(|| below["anyOf"][0]["enum"].as_array());
        words.into_iter().flatten().filter_map(|word| Some((text(word)?, None))).collect()
    }
}

fn bounds(schema: &Value) -> (Option<u64>, Option<u64>) {
    (schema["minimum"].as_u64(), schema["maximum"].as_u64())
}
