//! Purges.

use super::{
    RedisStore,
    connection::Connection,
    encoding::{digits, parse_number, undouble},
    error::{store_error, unexpected_reply},
    keys::ShardKeys,
    scripts::parse_string,
};
use crate::{
    purge::stable_id,
    remote::{PurgeRequest, PurgeResult, PurgeScope, StoreError},
};

impl RedisStore {
    pub(super) async fn execute_purge(&self, request: PurgeRequest) -> Result<PurgeResult, StoreError> {
        let mut connection = self.connection()?;
        // The first shard assigns the sequence number.
        let mut result = self.purge_shard(&mut connection, self.first_shard(), &request, 0).await?;
        // The log reports a purge only after all shards have executed it.
        for keys in &self.shards()[1..] {
            let shard = self.purge_shard(&mut connection, keys, &request, result.sequence).await?;
            result.is_namespace_used |= shard.is_namespace_used;
        }
        let keys = self.first_shard();
        let message = [digits(result.sequence).as_bytes(), &request.message].concat();
        let arguments = [keys.prefix(), &message, &message];
        let reply =
            self.scripts.publish.run(&mut connection, &[&keys.log(), &keys.log_tail()], &arguments).await;
        parse_string(reply.map_err(store_error)?).ok_or_else(unexpected_reply)?;
        Ok(result)
    }

    /// Purges one shard, and returns the result for it. The shard assigns a number if `sequence` is 0.
    async fn purge_shard(
        &self,
        connection: &mut Connection,
        keys: &ShardKeys,
        request: &PurgeRequest,
        sequence: u64,
    ) -> Result<PurgeResult, StoreError> {
        let mut purge = [digits(request.min_sequence), digits(sequence)].concat().into_bytes();
        purge.push(if request.expire { b'e' } else { b'p' });
        let scope_keys = push_scope(&mut purge, &request.scope, keys);
        // Each key that the script changes is declared, although the script could compute the keys. While a slot moves to
        // another node of a cluster, a script would take the keys that are on the other node for purged. With declared keys, the
        // server rejects the script, and the purge is retried until the slot is on one node.
        let script_keys = [vec![keys.sequence(), keys.recent_purges(), keys.used()], scope_keys].concat();
        let script_keys: Vec<&[u8]> = script_keys.iter().map(Vec::as_slice).collect();
        let reply = self.scripts.purge.run(connection, &script_keys, &[keys.prefix(), &purge, &purge]).await;
        let reply = parse_string(reply.map_err(store_error)?).ok_or_else(unexpected_reply)?;
        let (used, sequence) = undouble(&reply).and_then(<[u8]>::split_last).ok_or_else(unexpected_reply)?;
        let sequence = parse_number(sequence).ok_or_else(unexpected_reply)?;
        Ok(PurgeResult { sequence, is_namespace_used: *used == b'1' })
    }
}

/// Encodes a scope, and returns the keys that the purge changes.
fn push_scope(purge: &mut Vec<u8>, scope: &PurgeScope, keys: &ShardKeys) -> Vec<Vec<u8>> {
    match scope {
        PurgeScope::Keys(purge_keys) if purge_keys.contains(&stable_id::all()) => {
            purge.push(b'a');
            vec![keys.global_stamp()]
        }
        PurgeScope::Keys(purge_keys) => match &purge_keys[..] {
            [handler] if stable_id::is_handler(*handler) => {
                purge.push(b'h');
                purge.extend(handler.0);
                vec![keys.global_stamp(), keys.rules()]
            }
            purge_keys => {
                purge.push(b'k');
                purge_keys.iter().for_each(|key| purge.extend(key.0));
                purge_keys.iter().map(|key| keys.stamp(*key)).collect()
            }
        },
        PurgeScope::PathPrefix(prefix) => {
            purge.push(b'x');
            purge.extend(prefix.as_bytes());
            vec![keys.global_stamp(), keys.rules()]
        }
    }
}
