#[post("/")]
fn page(web::Query(page): web::Query<Page>) -> String {
    #![allow(unused_variables)]
    page.render()
}
::core::compile_error! {
    "not a time to live; write a number and a unit, such as \"90s\", \"5m\" or \"1h 30m\""
}
::core::compile_error! {
    "`#[cache_page]` has no option `nmae`; after the time to live it takes `name`, `key_prefix`, `statuses`, `vary`, `vary_cookie`, `vary_by`, `query`, `ignore_query`, `tags`, `when`, `unless`, `browser_ttl`, `stale_while_revalidate`, `stale_if_error`, `max_body`, `cache`, `crate`"
}
::core::compile_error! {
    "a cached handler is asynchronous; write `async fn`"
}
::core::compile_error! {
    "`#[key]` needs the whole value; give the argument a plain name and take it apart in the body"
}
::core::compile_error! {
    "`#[post]` answers are never kept; remove `#[cache_page]`, or give the page a `#[get]` handler of its own"
}
