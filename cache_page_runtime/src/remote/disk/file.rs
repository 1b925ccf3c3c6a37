//! The file of a store: its tables, and the changes that the writer makes in one transaction.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use actix_web::web::Bytes;
use redb::{
    Builder, Database, Error, ReadableDatabase as _, ReadableTable as _, StorageError, Table,
    TableDefinition, WriteTransaction,
};

use super::{
    guard::Guard,
    header::{EntryKey, Header, hash_of},
    purges::{PurgeRecord, Verdict},
    reader::Reader,
};

const HEADERS: TableDefinition<'_, &EntryKey, &[u8]> = TableDefinition::new("headers");
const BODIES: TableDefinition<'_, &EntryKey, &[u8]> = TableDefinition::new("bodies");
/// The keys of entries and their cost, in the order of eviction.
const QUEUE: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("queue");
const PURGES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("purges");
/// The number and the digest of all purges, and the number of the last one.
const PURGE_STATE: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("purge state");

/// The memory that the engine uses for pages of the file.
const ENGINE_MEMORY: usize = 16 * 1024 * 1024;

/// The entries that one transaction checks for removal.
const SWEEP_ENTRIES: usize = 512;

/// The evictions of one transaction that a hit prevents.
const MAX_SECOND_CHANCES: usize = 64;

/// An entry that was put.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) header: Header,
    pub(super) bytes: Bytes,
}

/// What one transaction writes.
pub(super) struct Batch {
    pub(super) puts: Vec<(EntryKey, Arc<Entry>)>,
    pub(super) purges: Vec<PurgeRecord>,
    /// The number of the last purge that the caller's verdicts reflect.
    pub(super) sequence: u64,
    /// The entries that were looked up.
    pub(super) hits: HashSet<EntryKey>,
}

/// An open file, as the writer sees it.
pub(super) struct File {
    pub(super) database: Arc<Database>,
    guard: Guard,
    capacity: u64,
    used: u64,
    next_number: u64,
    purges: PurgeState,
    sweep: Sweep,
}

/// The purges of the file, so that one that is missing is noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct PurgeState {
    count: u64,
    digest: u64,
    last: u64,
}

/// The position of the sweep, and the last purge before it began.
#[derive(Clone, Copy, Default)]
struct Sweep {
    after: Option<EntryKey>,
    began_at: u64,
}

/// An opened file, with the purges that its entries may not reflect.
pub(super) struct Opened {
    pub(super) file: File,
    pub(super) records: Vec<PurgeRecord>,
    pub(super) last_purge: u64,
}

fn path_of(folder: &Path) -> PathBuf {
    folder.join("pages.redb")
}

/// Returns whether there may be a file.
pub(super) fn exists(folder: &Path) -> bool {
    path_of(folder).try_exists().unwrap_or(true)
}

/// Removes the file, durably.
pub(super) fn discard(folder: &Path) -> io::Result<()> {
    match fs::remove_file(path_of(folder)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    Guard::remove(folder)?;
    fs::File::open(folder)?.sync_all()
}

impl File {
    /// Opens or creates the file.
    pub(super) fn open(folder: &Path, capacity: u64) -> Result<Opened, Error> {
        let database = Builder::new().set_cache_size(ENGINE_MEMORY).create(path_of(folder))?;
        let database = Arc::new(database);
        let transaction = begin(&database)?;
        transaction.open_table(HEADERS)?;
        transaction.open_table(BODIES)?;
        let (mut used, mut next_number) = (0, 1);
        for row in transaction.open_table(QUEUE)?.iter()? {
            let (number, value) = row?;
            let (_, cost) = queue_row(value.value()).ok_or_else(|| corrupt("an entry of the queue"))?;
            used += cost;
            next_number = number.value() + 1;
        }
        let (mut records, mut found) = (Vec::new(), PurgeState::default());
        for row in transaction.open_table(PURGES)?.iter()? {
            let (_, value) = row?;
            found.add(value.value());
            records.push(PurgeRecord::decode(value.value()).ok_or_else(|| corrupt("a purge"))?);
        }
        let purges = read_purge_state(&transaction)?;
        let guard = Guard::open(folder).map_err(Error::Io)?;
        if (found.count, found.digest) != (purges.count, purges.digest) || !guard.allows(purges.last) {
            return Err(corrupt("the list of purges"));
        }
        transaction.commit()?;
        let sweep = Sweep::default();
        let file = Self { database, guard, capacity, used, next_number, purges, sweep };
        Ok(Opened { file, records, last_purge: purges.last })
    }

    /// Returns the next entries after a key, or nothing at the end. Those whose headers are damaged are left out.
    #[cfg(feature = "cli")]
    pub(super) fn headers_after(&self, after: Option<EntryKey>) -> Result<Vec<(EntryKey, Header)>, Error> {
        use std::ops::Bound;

        let table = self.database.begin_read()?.open_table(HEADERS)?;
        let start = after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        let mut headers = Vec::new();
        for row in table.range::<&EntryKey>((start, Bound::Unbounded))? {
            let (key, value) = row?;
            let key = *key.value();
            headers.extend(Header::decode(&key, value.value()).map(|header| (key, header)));
            if headers.len() == SWEEP_ENTRIES {
                break;
            }
        }
        Ok(headers)
    }

    /// Writes a batch durably, and removes what is too old or too much. Returns up to which number purges have been forgotten.
    pub(super) fn commit(
        &mut self,
        batch: &Batch,
        now: u64,
        verdict: impl Fn(&EntryKey, &Header) -> Verdict,
    ) -> Result<Option<u64>, Error> {
        let transaction = begin(&self.database)?;
        let mut purges = self.purges;
        let (used, next_number, sweep, forgotten) = {
            let mut tables = Tables {
                headers: transaction.open_table(HEADERS)?,
                bodies: transaction.open_table(BODIES)?,
                queue: transaction.open_table(QUEUE)?,
                used: self.used,
                next_number: self.next_number,
            };
            for (key, entry) in &batch.puts {
                tables.put(key, entry)?;
            }
            tables.evict(self.capacity, &batch.hits)?;
            let sweep = tables.sweep(self.sweep, batch.sequence, now, verdict)?;
            let forgotten = sweep.after.is_none().then_some(self.sweep.began_at);
            (tables.used, tables.next_number, sweep, forgotten)
        };
        {
            let mut table = transaction.open_table(PURGES)?;
            for record in &batch.purges {
                let bytes = record.encode();
                purges.add(&bytes);
                purges.last = purges.last.max(record.sequence);
                table.insert(record.sequence, bytes.as_slice())?;
            }
            if let Some(up_to) = forgotten {
                for row in table.extract_from_if(..=up_to, |_, _| true)? {
                    purges.remove(row?.1.value());
                }
            }
            transaction.open_table(PURGE_STATE)?.insert(0, purges.encode().as_slice())?;
        }
        transaction.commit()?;
        if purges.last > self.purges.last {
            self.guard.write(purges.last).map_err(Error::Io)?;
        }
        (self.used, self.next_number, self.sweep, self.purges) = (used, next_number, sweep, purges);
        Ok(forgotten)
    }
}

/// The result of a lookup.
pub(super) enum Stored {
    Missing,
    /// The header or the bytes have changed.
    Damaged,
    /// The entry, with its bytes if they were wanted.
    Found(Header, Option<Bytes>),
}

/// Reads an entry. `wants_bytes` is called with its header.
pub(super) fn read(
    database: &Database,
    key: &EntryKey,
    wants_bytes: impl Fn(&Header) -> bool,
) -> Result<Stored, Error> {
    let transaction = database.begin_read()?;
    let Some(value) = transaction.open_table(HEADERS)?.get(key)? else { return Ok(Stored::Missing) };
    let Some(header) = Header::decode(key, value.value()) else { return Ok(Stored::Damaged) };
    if !wants_bytes(&header) {
        return Ok(Stored::Found(header, None));
    }
    let body = transaction.open_table(BODIES)?.get(key)?;
    Ok(match body.filter(|bytes| hash_of(bytes.value()) == header.hash) {
        Some(bytes) => Stored::Found(header, Some(Bytes::copy_from_slice(bytes.value()))),
        None => Stored::Damaged,
    })
}

/// After a crash, a file whose transactions are of this kind is opened without reading all of it.
fn begin(database: &Database) -> Result<WriteTransaction, Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_quick_repair(true);
    Ok(transaction)
}

fn corrupt(what: &str) -> Error {
    Error::Corrupted(format!("{what} has changed"))
}

fn queue_row(value: &[u8]) -> Option<(EntryKey, u64)> {
    let mut reader = Reader(value);
    Some((reader.array()?, reader.u64()?))
}

fn read_purge_state(transaction: &WriteTransaction) -> Result<PurgeState, Error> {
    let table = transaction.open_table(PURGE_STATE)?;
    let Some(value) = table.get(0)? else { return Ok(PurgeState::default()) };
    PurgeState::decode(value.value()).ok_or_else(|| corrupt("the number of purges"))
}

impl PurgeState {
    fn add(&mut self, record: &[u8]) {
        self.count += 1;
        self.digest ^= super::header::record_checksum(record);
    }

    fn remove(&mut self, record: &[u8]) {
        self.count = self.count.saturating_sub(1);
        self.digest ^= super::header::record_checksum(record);
    }

    fn encode(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        let numbers = [self.count, self.digest, self.last];
        let checksum = numbers.iter().fold(0, |sum: u64, number| sum.rotate_left(7) ^ number);
        for (chunk, number) in bytes.chunks_exact_mut(8).zip(numbers.into_iter().chain([checksum])) {
            chunk.copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let state = Self { count: reader.u64()?, digest: reader.u64()?, last: reader.u64()? };
        (state.encode() == bytes).then_some(state)
    }
}

/// The tables of entries in one transaction.
struct Tables<'t> {
    headers: Table<'t, &'static EntryKey, &'static [u8]>,
    bodies: Table<'t, &'static EntryKey, &'static [u8]>,
    queue: Table<'t, u64, &'static [u8]>,
    used: u64,
    next_number: u64,
}

impl Tables<'_> {
    fn put(&mut self, key: &EntryKey, entry: &Entry) -> Result<(), StorageError> {
        self.remove(key)?;
        let header = Header { number: self.next_number, ..entry.header.clone() };
        self.headers.insert(key, header.encode(key).as_slice())?;
        self.bodies.insert(key, &*entry.bytes)?;
        self.enqueue(key, header.cost())
    }

    fn enqueue(&mut self, key: &EntryKey, cost: u64) -> Result<(), StorageError> {
        let row = [&key[..], &cost.to_le_bytes()].concat();
        self.queue.insert(self.next_number, row.as_slice())?;
        self.next_number += 1;
        self.used += cost;
        Ok(())
    }

    fn remove(&mut self, key: &EntryKey) -> Result<(), StorageError> {
        self.bodies.remove(key)?;
        let Some(header) = self.headers.remove(key)? else { return Ok(()) };
        // The row of a header that cannot be read is removed when its turn comes.
        if let Some(header) = Header::decode(key, header.value())
            && let Some(row) = self.queue.remove(header.number)?
        {
            let cost = queue_row(row.value()).map_or(0, |(_, cost)| cost);
            self.used = self.used.saturating_sub(cost);
        }
        Ok(())
    }

    /// Removes the entries that were put first. One that was looked up since the last transaction is put last instead.
    fn evict(&mut self, capacity: u64, hits: &HashSet<EntryKey>) -> Result<(), StorageError> {
        let mut second_chances = 0;
        while self.used > capacity {
            let Some((number, key, cost)) = self.pop()? else { break };
            let header = self.headers.get(&key)?.and_then(|bytes| Header::decode(&key, bytes.value()));
            match header {
                // Another entry has taken its place.
                Some(header) if header.number != number => {}
                Some(header) if hits.contains(&key) && second_chances < MAX_SECOND_CHANCES => {
                    second_chances += 1;
                    let header = Header { number: self.next_number, ..header };
                    self.headers.insert(&key, header.encode(&key).as_slice())?;
                    self.enqueue(&key, cost)?;
                }
                _ => {
                    self.headers.remove(&key)?;
                    self.bodies.remove(&key)?;
                }
            }
        }
        Ok(())
    }

    fn pop(&mut self) -> Result<Option<(u64, EntryKey, u64)>, StorageError> {
        let Some((number, row)) = self.queue.pop_first()? else { return Ok(None) };
        let number = number.value();
        let (key, cost) =
            queue_row(row.value()).ok_or_else(|| StorageError::Corrupted("queue".to_owned()))?;
        self.used = self.used.saturating_sub(cost);
        Ok(Some((number, key, cost)))
    }

    /// Looks at the next entries: removes those that are expired, purged or damaged, and marks those that were soft-purged.
    fn sweep(
        &mut self,
        mut sweep: Sweep,
        sequence: u64,
        now: u64,
        verdict: impl Fn(&EntryKey, &Header) -> Verdict,
    ) -> Result<Sweep, StorageError> {
        if sweep.after.is_none() {
            sweep.began_at = sequence;
        }
        let (mut removed, mut expired, mut count) = (Vec::new(), Vec::new(), 0);
        let start = sweep.after.unwrap_or_default();
        sweep.after = None;
        for row in self.headers.range::<&EntryKey>(&start..)? {
            let (key, value) = row?;
            let key = *key.value();
            if count == SWEEP_ENTRIES {
                sweep.after = Some(key);
                break;
            }
            count += 1;
            match Header::decode(&key, value.value()) {
                Some(header) if header.is_kept(now) => match verdict(&key, &header) {
                    Verdict::Expired(at) if header.expired_at == 0 => {
                        expired.push((key, Header { expired_at: at, ..header }));
                    }
                    Verdict::Purged => removed.push(key),
                    _ => {}
                },
                _ => removed.push(key),
            }
        }
        removed.iter().try_for_each(|key| self.remove(key))?;
        for (key, header) in expired {
            self.headers.insert(&key, header.encode(&key).as_slice())?;
        }
        Ok(sweep)
    }
}
