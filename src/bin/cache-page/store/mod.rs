//! Stores that the program reads and purges itself: Redis and the disk.

#[cfg(feature = "disk")]
mod disk;
#[cfg(feature = "redis")]
mod redis;
mod select;

use std::{future::Future, time::Duration};

use cache_page::remote::{RemoteStore, Selection};
use tokio::time::timeout;

#[cfg(feature = "disk")]
pub(crate) use self::disk::Disk;
#[cfg(feature = "redis")]
pub(crate) use self::redis::Redis;
use crate::{
    failure::Failure,
    purge::{Delivery, Purge, PurgeResult, Purged},
};

/// Runs a future, and nothing beside it.
fn block_on<T>(future: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    Ok(runtime.map_err(Failure::other)?.block_on(future))
}

fn selection(purge: &Purge) -> Result<Selection, Failure> {
    Selection::parse(purge.kind, &purge.value).map_err(Failure::invalid_purge)
}

/// Purges in a store to which there is a connection, and `limit` is the time for each purge. `fail` explains an error of the store.
async fn purge_all(
    store: &impl RemoteStore,
    purges: &[Purge],
    sequence: u64,
    limit: Duration,
    done: &mut dyn FnMut(),
    fail: impl Fn(&cache_page::remote::StoreError) -> Failure,
) -> Purged {
    let (mut purged, mut sequence) = (Purged::default(), sequence);
    for purge in purges {
        let request = match selection(purge) {
            Ok(selection) => selection.to_request(purge.soft, sequence),
            Err(failure) => return Purged { failure: Some(failure), ..purged },
        };
        match timeout(limit, store.purge(request)).await {
            Ok(Ok(result)) => {
                sequence = sequence.max(result.sequence);
                let delivery =
                    if result.is_namespace_used { Delivery::Confirmed } else { Delivery::NothingStored };
                purged.results.push(PurgeResult { purged: None, delivery });
            }
            Ok(Err(error)) => return Purged { failure: Some(fail(&error)), ..purged },
            Err(_) => {
                let failure =
                    Failure::unreachable(format!("the store has not confirmed {purge} within {limit:?}"))
                        .hint("It may or may not be executed. Run the command again.");
                return Purged { failure: Some(failure), ..purged };
            }
        }
        done();
    }
    purged
}
