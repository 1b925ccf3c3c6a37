use cache_page::{Policy, cache_page};

const LISTING: Policy = Policy::new(300);
const TTL: u64 = 60;

// Wrong: a policy in quotes.
#[cache_page(policy = "LISTING")]
async fn quoted() -> String {
    String::new()
}

// Wrong: the seconds of a TTL.
#[cache_page(policy = 60)]
async fn seconds() -> String {
    String::new()
}

// Wrong: the TTL behind the policy.
#[cache_page(policy = LISTING, 60)]
async fn ttl_last() -> String {
    String::new()
}

// Wrong: the name of the original function in quotes.
#[cache_page(60, uncached = "original")]
async fn quoted_name() -> String {
    String::new()
}

fn main() {
    let _ = TTL;
}
