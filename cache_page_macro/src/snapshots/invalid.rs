#[post("/")]
fn page(web::Query(page): web::Query<Page>) -> String {
    #![allow(unused_variables)]
    page.render()
}
::core::compile_error! {
    "not a TTL; write a number and a unit, such as \"90s\", \"5m\" or \"1h 30m\""
}
::core::compile_error! {
    "`#[cache_page]` has no option `nmae`; write `name = \"home\"`"
}
::core::compile_error! {
    "a cached handler is an `async` function; write `async fn`"
}
::core::compile_error! {
    "`#[key]` needs the whole value; name the argument, and destructure it in the body"
}
::core::compile_error! {
    "responses to `POST` are never stored; remove `#[cache_page]`, or cache a `#[get]` handler instead"
}
