//! The values of `#[key]` arguments.

use std::hash::Hash;

use actix_web::web;

use super::builder::KeyBuilder;

/// The value of a `#[key]` argument. `By` is inferred: `ByHash` or `ByDeref`.
#[diagnostic::on_unimplemented(
    message = "`#[key]` adds the value to the cache key by its `Hash`, which `{Self}` does not have",
    label = "the cache key is built from what this argument feeds to a `Hasher`",
    note = "to add the part that the response depends on, write `#[key(by = |value| …)]` with a closure that returns it",
    note = "if the type is your own, `#[derive(Hash)]` makes `#[key]` work",
    note = "if the response does not depend on the value, write `#[unkeyed]` instead"
)]
pub trait KeyValue<By> {
    /// Adds the value to the key.
    fn add_to(&self, key: &mut KeyBuilder<'_>);
}

/// By the `Hash` of the argument itself.
#[derive(Debug)]
pub struct ByHash;

/// By the `Hash` of the value that the argument dereferences to.
#[derive(Debug)]
pub struct ByDeref;

#[diagnostic::do_not_recommend]
impl<T: Hash + ?Sized> KeyValue<ByHash> for T {
    fn add_to(&self, key: &mut KeyBuilder<'_>) {
        key.value(self);
    }
}

/// Implements [`KeyValue`] for types that do not implement `Hash` themselves.
macro_rules! by_deref {
    ($($wrapper:ident $(: $bound:ident)?)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<T: Hash $(+ $bound)? + 'static> KeyValue<ByDeref> for web::$wrapper<T> {
            fn add_to(&self, key: &mut KeyBuilder<'_>) {
                key.value::<T>(self);
            }
        }

        #[diagnostic::do_not_recommend]
        impl<T: Hash $(+ $bound)? + 'static> KeyValue<ByDeref> for Option<web::$wrapper<T>> {
            fn add_to(&self, key: &mut KeyBuilder<'_>) {
                key.value::<Option<&T>>(&self.as_deref());
            }
        }
    )*};
}
by_deref!(ReqData: Clone Json Form Path Query ThinData);
