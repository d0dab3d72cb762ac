//! argon2id (RFC 9106), in the form of the PHC.

use std::cell::RefCell;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use subtle::ConstantTimeEq;

use super::Flaw;

/// The most memory of a check, in KiB.
const MAX_MEMORY_KIB: u32 = 1024 * 1024;
/// The most memory that all passes of a check go through, in KiB: about ten seconds. pure-ftpd makes hashes of little memory
/// with hundreds of passes.
const MAX_WORK_KIB: u64 = 16 * 1024 * 1024;

thread_local! {
    /// Memory for a hash, kept by the thread for the next one. The usual allocators have no good place for so large a
    /// block that comes and goes, and take a new one again and again.
    static MEMORY: RefCell<Vec<Block>> = const { RefCell::new(Vec::new()) };
}

pub(super) fn verify(password: &[u8], text: &str) -> bool {
    matches(password, text).unwrap_or(false)
}

/// `None` if the hash is none, which was checked when it was read.
fn matches(password: &[u8], text: &str) -> Option<bool> {
    let hash = argon2::PasswordHash::new(text).ok()?;
    let (salt, expected) = (hash.salt.as_ref()?, hash.hash.as_ref()?);
    let params = Params::try_from(&hash).ok()?;
    let version = hash.version.map_or(Ok(Version::default()), Version::try_from).ok()?;
    let blocks = params.block_count();
    let argon2 = Argon2::new(Algorithm::Argon2id, version, params);
    let mut found = vec![0; expected.as_bytes().len()];
    MEMORY.with_borrow_mut(|memory| {
        memory.resize(blocks, Block::new());
        argon2.hash_password_into_with_memory(password, salt, &mut found, &mut memory[..]).ok()
    })?;
    Some(found.ct_eq(expected.as_bytes()).into())
}

pub(super) fn check(text: &str) -> Result<(), Flaw> {
    let hash = argon2::PasswordHash::new(text).map_err(Flaw::damaged)?;
    if hash.salt.is_none() || hash.hash.is_none() {
        return Err(Flaw::damaged("the salt or the hash is missing"));
    }
    let parameters = Params::try_from(&hash).map_err(Flaw::damaged)?;
    let (memory, passes) = (parameters.m_cost(), parameters.t_cost());
    if memory > MAX_MEMORY_KIB || u64::from(memory) * u64::from(passes) > MAX_WORK_KIB {
        return Err(Flaw::TooCostly(format!("{memory} KiB and {passes} passes")));
    }
    Ok(())
}
