#[cache_page(60)]
/// The page.
#[must_use]
pub async fn page() -> String {
    #![allow(unused_variables)]
    let unused = 5;
    String::new()
}
