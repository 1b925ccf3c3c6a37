#[post("/posts/{id}")]
fn edit(id: web::Path<u64>) {
    save(id);
}
::core::compile_error! {
    "write `paths = [\"/posts\"]`"
}
::core::compile_error! {
    "write `tags = [\"posts\", \"post:{id}\"]`"
}
::core::compile_error! {
    "a purging handler is asynchronous; write `async fn`"
}
::core::compile_error! {
    "this handler returns nothing that could be sent; give it a return type, such as `-> impl Responder`"
}
::core::compile_error! {
    "this handler's page is not kept; remove the marker"
}
::core::compile_error! {
    "no parameter `{slug}` in \"/posts/{id}\"; it has `{id}`. One of a scope around it cannot be seen from here: if it is that, move `#[purge_page]` below `#[post]`"
}
