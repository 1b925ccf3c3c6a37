//! As many arguments as clippy wants, and as actix-web takes.

// Seven are all that clippy lets pass, so the one that is added must not count.
in_both_orders! {
    mod seven("/", "/") => (200, "run 1");
    async fn page(_: Method, _: Uri, _: Data, _: Method, _: Uri, _: Data, _: Method) -> String {
        format!("run {}", run())
    }
    use actix_web::http::{Method, Uri};

    use crate::shapes::many::Data;
}

in_both_orders! {
    mod seven_and_two_absent("/", "/") => (200, "run 1");
    async fn page(
        #[cfg(false)] _: A,
        _: Method, _: Uri, _: Data, _: Method, _: Uri, _: Data, _: Method,
        #[cfg(false)] _: B,
    ) -> String {
        format!("run {}", run())
    }
    use actix_web::http::{Method, Uri};

    use crate::shapes::many::Data;
}

in_both_orders! {
    mod fifteen("/{id}", "/7") => (200, "7, run 1");
    // The user's own: more than seven is a choice.
    #[allow(clippy::too_many_arguments)]
    async fn page(
        _: Method, _: Uri, _: Data, _: Method, _: Uri, _: Data, _: Method, _: Uri, _: Data, _: Method, _: Uri,
        _: Data, _: Method, _: Uri, id: Path<u32>,
    ) -> String {
        format!("{id}, run {}", run())
    }
    use actix_web::{http::{Method, Uri}, web::Path};

    use crate::shapes::many::Data;
}

// actix-web takes sixteen and one is added: the last two become one.
in_both_orders! {
    mod sixteen("/{id}", "/7") => (200, "7 /7, run 1");
    #[allow(clippy::too_many_arguments)]
    async fn page(
        _: Method, _: Uri, _: Data, _: Method, _: Uri, _: Data, _: Method, _: Uri, _: Data, _: Method, _: Uri,
        _: Data, _: Method, _: Uri, mut id: Path<u32>, ref uri: Uri,
    ) -> String {
        *id *= run();
        format!("{id} {uri}, run 1")
    }
    use actix_web::{http::{Method, Uri}, web::Path};

    use crate::shapes::many::Data;
}

// Only neighbours without attributes can become one, and these are in the middle.
in_both_orders! {
    mod sixteen_with_attributes("/{id}", "/7") => (200, "7 GET, run 1");
    #[allow(clippy::too_many_arguments)]
    async fn page(
        _: Method, #[cfg(true)] _: Uri, _: Data, #[cfg(true)] _: Method, _: Uri, #[cfg(true)] _: Data,
        _: Method, #[cfg(true)] _: Uri, id: Path<u32>, method: Method, #[cfg(true)] _: Uri,
        _: Data, #[cfg(true)] _: Method, _: Uri, #[cfg(true)] _: Data, #[allow(unused_variables)] last: Uri,
    ) -> String {
        format!("{id} {method}, run {}", run())
    }
    use actix_web::{http::{Method, Uri}, web::Path};

    use crate::shapes::many::Data;
}

type Data = actix_web::web::Data<&'static str>;
