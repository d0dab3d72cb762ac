//! Facts about a store that knows less of the protocol than Amazon's, or differs from it: each is learned once.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

/// The facts about one store.
#[derive(Debug, Default)]
pub(crate) struct Learned {
    /// How it takes conditions on a whole object, on the end of an upload in parts, and on a removal.
    pub(super) put: Conditions,
    pub(super) completion: Conditions,
    pub(super) removal: Conditions,
    /// It has refused once to replace an object. Other stores accept the condition and replace the object nevertheless.
    refuses: AtomicBool,
    /// Whether it copies objects, and ranges of objects into parts.
    pub(super) copies: Ability,
    pub(super) copies_parts: Ability,
    /// Whether it takes conditions of copies.
    pub(super) conditions_of_copies: Ability,
    /// Whether it refuses a copy of what has changed. Other stores accept the condition and copy what is there.
    pub(super) refuses_copies: Ability,
    /// It requires a digest with all content.
    wants_digest: AtomicBool,
}

/// An ability that a store has or lacks, or that is not known yet.
#[derive(Debug, Default)]
pub(super) struct Ability(AtomicU8);

impl Ability {
    pub(super) fn is_known(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 1
    }

    pub(super) fn is_missing(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 2
    }

    pub(super) fn learn(&self, is_there: bool) {
        self.0.store(if is_there { 1 } else { 2 }, Ordering::Relaxed);
    }
}

/// How a store takes conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As they are defined (RFC 9110, section 13.1.1).
    Quoted,
    /// It compares the quotation marks of entity tags, too, so they are sent without.
    Bare,
    /// Not at all.
    None,
}

/// The form of conditions that a kind of request may have.
#[derive(Debug, Default)]
pub(super) struct Conditions(AtomicU8);

impl Conditions {
    pub(super) fn form(&self) -> Form {
        match self.0.load(Ordering::Relaxed) {
            0 => Form::Quoted,
            1 => Form::Bare,
            _ => Form::None,
        }
    }

    pub(super) fn learn(&self, form: Form) {
        let known = match form {
            Form::Quoted => 0,
            Form::Bare => 1,
            Form::None => 2,
        };
        self.0.store(known, Ordering::Relaxed);
    }
}

impl Learned {
    /// The facts at the start, which depend on whether the store is Amazon's own.
    pub(crate) fn of(is_amazon: bool) -> Self {
        let facts = Self { refuses: AtomicBool::new(is_amazon), ..Self::default() };
        if is_amazon {
            facts.refuses_copies.learn(true);
        }
        facts
    }

    /// Whether the store is known to refuse an object where one is, if it is asked to.
    pub(crate) fn refuses(&self) -> bool {
        self.refuses.load(Ordering::Relaxed) && self.put.form() != Form::None
    }

    pub(super) fn learn_that_it_refuses(&self) {
        self.refuses.store(true, Ordering::Relaxed);
    }

    pub(super) fn wants_digest(&self) -> bool {
        self.wants_digest.load(Ordering::Relaxed)
    }

    pub(super) fn learn_that_it_wants_digests(&self) {
        self.wants_digest.store(true, Ordering::Relaxed);
    }
}
