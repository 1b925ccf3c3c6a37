//! The guide: how to cache, invalidate and operate, by task.
//!
//! 1. [Getting started](getting_started): install, the attribute, its options, configuring the cache
//! 2. [What is cached](what_is_cached): which responses are stored, per-response control, the middleware
//! 3. [Keys](keys): what an argument reads
//! 4. [Users, sessions, cookies](users): pages for anonymous visitors, credentials
//! 5. [Forms and CSRF](forms)
//! 6. [Invalidation](invalidation): tags, purges, soft purges
//! 7. [Stale content and errors](stale)
//! 8. [Behind nginx, Varnish and CDNs](downstream): TTLs for browsers and CDNs, tags for CDNs, compression
//! 9. [Many processes](processes): Redis and Valkey
//! 10. [Deploys](deploys): restarts, versions, warm-up
//! 11. [Operating](operating): outcomes, metrics, the inspector, memory, several caches, "users see old data"
//! 12. [Command line](command_line): purge or inspect from a shell
//! 13. [Testing](testing)
//! 14. [Recipes](recipes): short answers to common tasks
//! 15. [Coming from Django, Rails or ASP.NET](coming_from)
//! 16. [How it works](how_it_works): the generated code, the order of attributes, coalescing, performance, limits

// The examples are compiled and run as tests, except for generated code and what needs a crate that this one does not depend on.

macro_rules! chapters {
    ($($name:ident)+) => {
        $(
            pub mod $name {
                #![doc = include_str!(concat!(stringify!($name), ".md"))]
            }
        )+
    };
}

chapters! {
    getting_started what_is_cached keys users forms invalidation stale downstream processes deploys operating command_line
    testing recipes coming_from how_it_works
}
