//! What arguments within arguments read: `Option`, `Result`, `Either` and tuples.

use actix_web::{Either, HttpRequest};

use super::{builder::KeyBuilder, input::KeyInput};

/// Adds what `T` reads.
impl<T: KeyInput> KeyInput for Option<T> {
    fn key(_: &HttpRequest, key: &mut KeyBuilder<'_>) {
        key.input::<T>();
    }
}

/// Adds what `T` reads. An `Err` may contain any part of the request, since the App can configure how errors are made. So the pages are
/// anonymous-only, unless the generated code sees the value and lets an `Err` bypass the cache.
impl<T: KeyInput, E> KeyInput for Result<T, E> {
    const READS_ANY_HEADER: bool = true;

    fn key(_: &HttpRequest, key: &mut KeyBuilder<'_>) {
        key.input::<T>();
    }
}

/// Adds what both types read, because the request determines which of them it is.
impl<L: KeyInput, R: KeyInput> KeyInput for Either<L, R> {
    fn key(_: &HttpRequest, key: &mut KeyBuilder<'_>) {
        key.input::<L>();
        key.input::<R>();
    }
}

/// Adds nothing.
#[diagnostic::do_not_recommend]
impl KeyInput for () {}

macro_rules! tuples {
    ($first:ident $($rest:ident)*) => {
        /// Adds what the elements read.
        #[diagnostic::do_not_recommend]
        impl<$first: KeyInput, $($rest: KeyInput),*> KeyInput for ($first, $($rest,)*) {
            fn key(_: &HttpRequest, key: &mut KeyBuilder<'_>) {
                key.input::<$first>();
                $(key.input::<$rest>();)*
            }
        }
        tuples!($($rest)*);
    };
    () => {};
}
tuples!(A B C D E F G H I J K L M N O P);
