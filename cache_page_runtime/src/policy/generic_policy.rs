//! The policies of a generic handler.

use once_cell::sync::OnceCell;

use super::{handler_policy::HandlerPolicy, policy::Policy};

/// The policies of a handler whose options depend on `Self` or a type parameter: one for each value of the options.
///
/// A static of a generic function exists once for all its instantiations. A constant exists once for each of them, and its address
/// tells them apart.
#[derive(Debug)]
pub struct GenericPolicy {
    name: &'static str,
    first: Link,
}

type Link = OnceCell<Box<Instance>>;

#[derive(Debug)]
struct Instance {
    options: &'static Policy,
    policy: HandlerPolicy,
    next: Link,
}

impl GenericPolicy {
    /// Creates the policies of the handler of this name.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, first: Link::new() }
    }

    /// Returns the policy with these options.
    ///
    /// There are as many as constants in the program, so the search is short and its memory is bounded.
    #[must_use]
    pub fn of(&'static self, options: &'static Policy) -> &'static HandlerPolicy {
        let mut link = &self.first;
        loop {
            let instance = link.get_or_init(|| {
                let policy = options.for_handler(self.name);
                Box::new(Instance { options, policy, next: Link::new() })
            });
            if std::ptr::eq(instance.options, options) {
                return &instance.policy;
            }
            link = &instance.next;
        }
    }
}
