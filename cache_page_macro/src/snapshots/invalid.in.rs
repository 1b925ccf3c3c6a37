#[cache_page("soon", nmae = "home")]
#[post("/")]
fn page(#[key] web::Query(page): web::Query<Page>) -> String {
    #![allow(unused_variables)]
    page.render()
}
