//! As many arguments as clippy and actix-web allow.

// clippy allows seven. The one that the expansion adds must not count.
in_both_orders! {
    mod seven_arguments("/", "/") => (200, "run 1");
    async fn page(_: Method, _: Uri, _: Data, _: Method, _: Uri, _: Data, _: Method) -> String {
        format!("run {}", count_run())
    }
    use actix_web::http::{Method, Uri};

    use crate::attribute::signatures::argument_count::Data;
}

in_both_orders! {
    mod seven_arguments_and_two_removed_by_cfg("/", "/") => (200, "run 1");
    async fn page(
        #[cfg(false)] _: A,
        _: Method, _: Uri, _: Data, _: Method, _: Uri, _: Data, _: Method,
        #[cfg(false)] _: B,
    ) -> String {
        format!("run {}", count_run())
    }
    use actix_web::http::{Method, Uri};

    use crate::attribute::signatures::argument_count::Data;
}

in_both_orders! {
    mod fifteen_arguments("/{id}", "/7") => (200, "7, run 1");
    // The user chose more than seven.
    #[allow(clippy::too_many_arguments)]
    async fn page(
        _: Method, _: Uri, _: Data, _: Method, _: Uri, _: Data, _: Method, _: Uri, _: Data, _: Method, _: Uri,
        _: Data, _: Method, _: Uri, id: Path<u32>,
    ) -> String {
        format!("{id}, run {}", count_run())
    }
    use actix_web::{http::{Method, Uri}, web::Path};

    use crate::attribute::signatures::argument_count::Data;
}

// actix-web allows sixteen. As the expansion adds one, it groups the last two.
in_both_orders! {
    mod sixteen_arguments("/{id}", "/7") => (200, "7 /7, run 1");
    #[allow(clippy::too_many_arguments)]
    async fn page(
        _: Method, _: Uri, _: Data, _: Method, _: Uri, _: Data, _: Method, _: Uri, _: Data, _: Method, _: Uri,
        _: Data, _: Method, _: Uri, mut id: Path<u32>, ref uri: Uri,
    ) -> String {
        *id *= count_run();
        format!("{id} {uri}, run 1")
    }
    use actix_web::{http::{Method, Uri}, web::Path};

    use crate::attribute::signatures::argument_count::Data;
}

// Only neighbours without attributes can be grouped. Here they are in the middle.
in_both_orders! {
    mod sixteen_arguments_with_attributes("/{id}", "/7") => (200, "7 GET, run 1");
    #[allow(clippy::too_many_arguments)]
    async fn page(
        _: Method, #[cfg(true)] _: Uri, _: Data, #[cfg(true)] _: Method, _: Uri, #[cfg(true)] _: Data,
        _: Method, #[cfg(true)] _: Uri, id: Path<u32>, method: Method, #[cfg(true)] _: Uri,
        _: Data, #[cfg(true)] _: Method, _: Uri, #[cfg(true)] _: Data, #[allow(unused_variables)] last: Uri,
    ) -> String {
        format!("{id} {method}, run {}", count_run())
    }
    use actix_web::{http::{Method, Uri}, web::Path};

    use crate::attribute::signatures::argument_count::Data;
}

type Data = actix_web::web::Data<&'static str>;
