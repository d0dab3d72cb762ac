//! What distinguishes a part of one reading of the configuration from the same part of another one.

use aws_lc_rs::digest::{SHA256, digest};

use super::tree::{Node, Value};

/// Of a backend: the same as long as everything that was read for it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp([u8; 32]);

impl Stamp {
    /// Of these bytes. Nobody can tell from it what they are, unless they can be guessed.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut stamp = [0; 32];
        stamp.copy_from_slice(digest(&SHA256, bytes).as_ref());
        Self(stamp)
    }

    /// Of several together.
    pub(super) fn of_all(stamps: impl IntoIterator<Item = Self>) -> Self {
        Self::of(&stamps.into_iter().flat_map(|stamp| stamp.0).collect::<Vec<_>>())
    }

    /// Of a part of the file, wherever it stands there.
    pub(super) fn of_node(node: &Node) -> Self {
        let mut bytes = Vec::new();
        write(node, &mut bytes);
        Self::of(&bytes)
    }
}

/// Each value begins with its sort, and what has no fixed length with its length: no two trees are written alike.
fn write(node: &Node, to: &mut Vec<u8>) {
    let length = |length: usize| (length as u64).to_le_bytes();
    match &node.value {
        Value::Null => to.push(0),
        Value::Bool(value) => to.extend([1, u8::from(*value)]),
        Value::Number(value) => {
            to.push(2);
            to.extend(value.to_le_bytes());
        }
        Value::OtherNumber(value) => {
            to.push(3);
            to.extend(value.to_le_bytes());
        }
        Value::Text(text) => {
            to.push(4);
            to.extend(length(text.len()));
            to.extend(text.as_bytes());
        }
        Value::List(list) => {
            to.push(5);
            to.extend(length(list.len()));
            list.iter().for_each(|item| write(item, to));
        }
        Value::Map(map) => {
            to.push(6);
            to.extend(length(map.len()));
            for (key, value) in map {
                write(key, to);
                write(value, to);
            }
        }
    }
}
