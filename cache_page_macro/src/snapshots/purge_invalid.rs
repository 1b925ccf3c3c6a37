#[post("/posts/{id}")]
fn edit(id: web::Path<u64>) {
    save(id);
}
::core::compile_error! {
    "a path belongs in `paths`; write `paths = [\"/posts\"]`"
}
::core::compile_error! {
    "`#[purge_page]` has no option `tag`; write `tags = [\"posts\", \"post:{id}\"]`"
}
::core::compile_error! {
    "a purging handler is an `async` function; write `async fn`"
}
::core::compile_error! {
    "this handler returns no response; add a return type, such as `-> impl Responder`"
}
::core::compile_error! {
    "`#[purge_page]` stores no response, so it has no cache key; remove this attribute"
}
::core::compile_error! {
    "\"/posts/{id}\" has no parameter `{slug}`; write `{id}`, or, for a parameter of an enclosing scope, move `#[purge_page]` below `#[post]`"
}
