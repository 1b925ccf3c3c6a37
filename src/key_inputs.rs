//! Classifies types of other crates.

/// Says for extractors of other crates what they read from the request, as `impl KeyInput` does for your own.
///
/// It applies to all handlers of the application.
///
/// Each line has a type and what it reads from the request besides the method, scheme, host, path and query:
///
/// | written | in the key |
/// |---|---|
/// | `Theme => header("x-theme")` | all values of the header; its name goes into `Vary` |
/// | `Language => cookie("lang")` | all values of the cookie; the response has `Vary: Cookie` |
/// | `Clock => unkeyed` | nothing: you assert that no response depends on it |
/// | `Tenant => path::to::function` | what the function adds: a `fn(&HttpRequest, &mut KeyBuilder<'_>)`, or a closure |
///
/// ```
/// # mod foreign { pub struct Theme; pub struct Language; pub struct Clock; pub struct Tenant; pub struct Offers<T>(T); }
/// use actix_web::HttpRequest;
/// use cache_page::KeyBuilder;
///
/// fn tenant(request: &HttpRequest, key: &mut KeyBuilder<'_>) {
///     key.header("x-tenant");
///     if request.path().starts_with("/preview") {
///         key.cookie("draft");
///     }
/// }
///
/// cache_page::key_inputs! {
///     foreign::Theme => header("x-theme"),
///     foreign::Language => cookie("lang"),
///     foreign::Clock => unkeyed,
///     foreign::Tenant => tenant,
///     foreign::Offers<u64> => |_, key| key.header("x-region"),
/// }
/// # fn main() {}
/// ```
///
/// Handlers of the crate take `Theme`, `Option<Theme>` and `Result<Theme, E>` then. List each type in one place, and in the
/// application rather than in a library: where two crates of a program list the same type, no handler that sees both compiles. A type
/// that implements [`KeyInput`](crate::KeyInput) must not be listed.
///
/// A type parameter needs a concrete type. Generic code with a bound on `KeyInput` does not accept listed types.
#[macro_export]
macro_rules! key_inputs {
    (@impl $type:ty, $function:expr) => {
        const _: () = {
            struct __Listed;

            fn __add(key: &mut $crate::KeyBuilder<'_>) {
                $crate::__private::input_by(key, $function)
            }

            #[diagnostic::do_not_recommend]
            impl $crate::__private::Classified<__Listed> for $crate::__private::Argument<$type> {
                fn key(key: &mut $crate::KeyBuilder<'_>) {
                    __add(key)
                }
            }

            #[diagnostic::do_not_recommend]
            impl $crate::__private::Classified<__Listed>
                for $crate::__private::Argument<::core::option::Option<$type>>
            {
                fn key(key: &mut $crate::KeyBuilder<'_>) {
                    __add(key)
                }
            }

            #[diagnostic::do_not_recommend]
            impl<E> $crate::__private::Classified<__Listed>
                for $crate::__private::Argument<::core::result::Result<$type, E>>
            {
                fn key(key: &mut $crate::KeyBuilder<'_>) {
                    // As for any `Result` whose value is not known.
                    $crate::__private::push_http_request(key);
                    __add(key)
                }
            }
        };
    };
    () => {};
    ($type:ty => unkeyed $(, $($rest:tt)*)?) => {
        $crate::key_inputs!(@impl $type, |_, _| {});
        $($crate::key_inputs!($($rest)*);)?
    };
    ($type:ty => header($name:expr) $(, $($rest:tt)*)?) => {
        $crate::key_inputs!(@impl $type, |_, key| key.header($name));
        $($crate::key_inputs!($($rest)*);)?
    };
    ($type:ty => cookie($name:expr) $(, $($rest:tt)*)?) => {
        $crate::key_inputs!(@impl $type, |_, key| key.cookie($name));
        $($crate::key_inputs!($($rest)*);)?
    };
    ($type:ty => $function:expr $(, $($rest:tt)*)?) => {
        $crate::key_inputs!(@impl $type, $function);
        $($crate::key_inputs!($($rest)*);)?
    };
}
