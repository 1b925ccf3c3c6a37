#[cache_page(
    60,
    name = "home",
    key_prefix = "v2",
    statuses = [404, 410],
    vary = ["accept-language", "accept" => media_type],
    normalize = ["x-language" => languages],
    vary_cookie = ["theme", "contrast"],
    vary_by = tenant::of::<Name, Region>,
    ignore_query = ["utm_*", "ref"],
    bypass_if = |request| request.path() == "/live",
    no_store_if = is_empty,
    browser_ttl = "1500ms",
    cdn_ttl = "1h",
    max_body = 64 * 1024,
    compress = true,
    crate = framework::cache,
)]
async fn page(id: web::Path<u64>) -> String {
    id.to_string()
}
