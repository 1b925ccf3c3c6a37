use cache_page::{Policy, cache_page};

const TTL: u64 = 60;

#[cache_page(policy = TTL)]
async fn integer() -> String {
    String::new()
}

fn listing() -> Policy {
    Policy::new(300)
}

#[cache_page(policy = listing)]
async fn function() -> String {
    String::new()
}

fn main() {}
