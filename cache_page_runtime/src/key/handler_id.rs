//! The identity of a handler's code.

use std::any::{TypeId, type_name};

/// The type of a handler's future. Every handler, and every instantiation of a generic one, has its own.
///
/// A name would not identify a handler: all instantiations of a generic handler have the same one, and so may two functions
/// in different blocks. The crate `typeid` also returns the `TypeId` of a future that borrows.
#[derive(Clone, Copy)]
pub(crate) struct HandlerType {
    pub(super) id: TypeId,
    pub(super) name: &'static str,
}

impl HandlerType {
    pub(crate) fn of<F: ?Sized>() -> Self {
        Self { id: typeid::of::<F>(), name: type_name::<F>() }
    }
}

/// The last part of a key: the handler's type, which has no meaning in other programs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HandlerKeyPart {
    pub(crate) id: TypeId,
    pub(crate) name: &'static str,
    /// Where this part begins in the key.
    pub(crate) offset: usize,
}
