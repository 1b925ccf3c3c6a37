//! The last purges of each namespace, for the caches of this process.

use std::collections::{HashMap, VecDeque};

use super::reader::Reader;
use crate::{
    key::Id,
    remote::{Change, ChangeBatch, Cursor},
};

/// The purges of one namespace that are kept.
const MAX_CHANGES: usize = 1024;

#[derive(Default)]
pub(super) struct Changes {
    logs: HashMap<Id, VecDeque<(u64, Vec<u8>)>>,
    /// The last purge of each namespace that is no longer in its log.
    dropped: HashMap<Id, u64>,
}

impl Changes {
    pub(super) fn add(&mut self, namespace: Id, sequence: u64, message: Vec<u8>) {
        let log = self.logs.entry(namespace).or_default();
        log.push_back((sequence, message));
        if log.len() > MAX_CHANGES
            && let Some((dropped, _)) = log.pop_front()
        {
            self.dropped.insert(namespace, dropped);
        }
    }

    /// Returns the purges after a cursor. `instance` identifies the process, `sequence` is the number of the last purge.
    pub(super) fn after(
        &self,
        cursor: Option<&Cursor>,
        namespace: Id,
        instance: Id,
        sequence: u64,
    ) -> ChangeBatch {
        let after = cursor.and_then(|cursor| parse(cursor, instance));
        let dropped = self.dropped.get(&namespace).copied().unwrap_or(0);
        let complete = after.is_some_and(|after| after >= dropped);
        let changes = match after {
            Some(after) if complete => {
                let log = self.logs.get(&namespace).into_iter().flatten();
                let newer = log.filter(|(number, _)| *number > after);
                newer.map(|(_, message)| Change::Purged(message.clone())).collect()
            }
            _ => Vec::new(),
        };
        let cursor = Cursor([&instance.0[..], &sequence.to_le_bytes()].concat());
        ChangeBatch { complete, changes, cursor, sequence }
    }
}

/// Returns the position of a cursor, or `None` if it is one of another process.
fn parse(cursor: &Cursor, instance: Id) -> Option<u64> {
    let mut reader = Reader(&cursor.0);
    (reader.array()? == instance.0).then(|| reader.u64())?
}
