//! What was asked of the next transfer.

/// What a client has asked of its next transfer beside the data connection. A transfer takes it as a whole, so that no
/// failure leaves anything of it to the one behind: what a new command asks of one transfer is a field here, and nothing
/// else.
#[derive(Debug, Default, Clone, Copy)]
pub(in super::super) struct NextTransfer {
    /// Where it begins (REST).
    pub(in super::super) restart: u64,
    /// How many bytes it will have (ALLO); 0 if that was not said.
    pub(in super::super) announced: u64,
}
