//! `<IfUser>` and `<IfGroup>`: parts of a configuration that hold for some people. Who somebody is, is known, so they become the
//! configuration of that one.

use std::borrow::Cow;

use super::rights::Person;
use super::syntax::Block;

fn is_condition(block: &Block) -> bool {
    matches!(block.name.as_str(), "ifuser" | "ifgroup")
}

/// Whether a block is a condition that can be told for everybody: names, and no regular expression.
pub(super) fn is_told(block: &Block) -> bool {
    is_condition(block) && !block.words.first().is_some_and(|word| word.eq_ignore_ascii_case("regex"))
}

fn holds(block: &Block, person: &Person<'_>) -> bool {
    if block.name == "ifuser" { person.is_named(&block.words) } else { person.is_in(&block.words) }
}

fn has_conditions(block: &Block) -> bool {
    block.blocks.iter().any(|inner| is_condition(inner) || has_conditions(inner))
}

/// A server as it is for somebody. What stands in a condition that holds counts before the rest.
pub(super) fn settled<'a>(block: &'a Block, person: &Person<'_>) -> Cow<'a, Block> {
    if !has_conditions(block) {
        return Cow::Borrowed(block);
    }
    let mut own = Block { directives: block.directives.clone(), blocks: Vec::new(), ..block.clone() };
    for inner in &block.blocks {
        let settled = settled(inner, person);
        if !is_condition(inner) {
            own.blocks.push(settled.into_owned());
        } else if is_told(inner) && holds(inner, person) {
            let inner = settled.into_owned();
            // Of two directives the first counts, and of two limits on a command the last that says something.
            own.directives.splice(0..0, inner.directives);
            own.blocks.extend(inner.blocks);
        }
    }
    Cow::Owned(own)
}
