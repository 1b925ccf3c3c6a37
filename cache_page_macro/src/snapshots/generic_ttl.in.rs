#[cache_page(Self::TTL, browser_ttl = T::TTL)]
#[get("/")]
pub async fn page<T: Settings>() -> Result<impl Into<Body<T>> + Responder, T::Error> {
    render()
}
