#[cache_page(60)]
async fn page(
    a: Method,
    b: Method,
    c: Method,
    d: Method,
    e: Method,
    f: Method,
    g: Method,
    h: Method,
    i: Method,
    j: Method,
    k: Method,
    l: Method,
    m: Method,
    n: Uri,
    mut o: web::Query<Page>,
    #[allow(unused)] p: Method,
) -> String {
    o.next()
}
