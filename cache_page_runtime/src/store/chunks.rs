//! [`ChunkedVec`]: a vector that grows and shrinks without copying what it has.

use std::mem;

use super::freed::{Freed, is_large, record_locked};

/// The elements of a chunk. One of references takes 8 kB.
const CHUNK: usize = 1024;

/// The fraction by which the first chunk grows, as its denominator: a small one, because the whole capacity is charged.
const GROWTH_DIVISOR: usize = 8;

/// The shortest list of other chunks.
const MIN_LIST: usize = 4;

/// A vector in chunks. A vector of a million elements in one allocation takes milliseconds to grow, while the store is locked.
///
/// Large allocations are made beforehand, while nothing is locked ([`room`](super::room)): [`wanted_to_push`](Self::wanted_to_push),
/// [`wanted_to_shrink`](Self::wanted_to_shrink) and [`take_room`](Self::take_room).
pub(super) struct ChunkedVec<T> {
    /// It grows in small steps, because most vectors are short.
    first: Vec<T>,
    /// Chunks of [`CHUNK`] elements, all full but the last one that has elements. There may be an empty one behind it, for a vector that
    /// now grows and now shrinks.
    others: Vec<Vec<T>>,
    /// The number of elements.
    len: usize,
}

/// An allocation that a vector needs to grow or to shrink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WantedChunk {
    /// A first chunk of this capacity.
    First(usize),
    /// A list of this many other chunks.
    List(usize),
    /// One of the other chunks.
    Other,
}

/// What was allocated.
pub(super) enum ChunkRoom<T> {
    First(Vec<T>),
    List(Vec<Vec<T>>),
    Other(Vec<T>),
}

impl WantedChunk {
    pub(super) fn allocate<T>(self) -> ChunkRoom<T> {
        match self {
            Self::First(capacity) => ChunkRoom::First(Vec::with_capacity(capacity)),
            Self::List(capacity) => ChunkRoom::List(Vec::with_capacity(capacity)),
            Self::Other => ChunkRoom::Other(Vec::with_capacity(CHUNK)),
        }
    }

    fn bytes<T>(self) -> usize {
        match self {
            Self::First(capacity) => capacity * size_of::<T>(),
            Self::List(capacity) => capacity * size_of::<Vec<T>>(),
            Self::Other => CHUNK * size_of::<T>(),
        }
    }
}

impl<T> Default for ChunkedVec<T> {
    fn default() -> Self {
        Self { first: Vec::new(), others: Vec::new(), len: 0 }
    }
}

impl<T> ChunkedVec<T> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Returns the allocated bytes, beside what the elements allocate.
    pub(super) fn bytes(&self) -> usize {
        let places = self.first.capacity() + CHUNK * self.others.len();
        places * size_of::<T>() + self.others.capacity() * size_of::<Vec<T>>()
    }

    /// Returns by how many bytes the next [`push`](Self::push) grows the vector.
    pub(super) fn next_growth(&self) -> usize {
        match self.growth() {
            None => 0,
            Some(WantedChunk::First(capacity)) => (capacity - self.first.capacity()) * size_of::<T>(),
            Some(WantedChunk::Other) => CHUNK * size_of::<T>(),
            Some(WantedChunk::List(capacity)) => {
                (capacity - self.others.capacity()) * size_of::<Vec<T>>() + CHUNK * size_of::<T>()
            }
        }
    }

    pub(super) fn get(&self, index: usize) -> Option<&T> {
        match index.checked_sub(CHUNK) {
            None => self.first.get(index),
            Some(index) => self.others.get(index / CHUNK)?.get(index % CHUNK),
        }
    }

    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        match index.checked_sub(CHUNK) {
            None => self.first.get_mut(index),
            Some(index) => self.others.get_mut(index / CHUNK)?.get_mut(index % CHUNK),
        }
    }

    pub(super) fn push(&mut self, element: T, freed: &mut Freed)
    where
        T: Send + 'static,
    {
        while let Some(wanted) = self.growth() {
            record_locked(wanted.bytes::<T>());
            self.take_room(wanted.allocate(), freed);
        }
        if let Some(chunk) = self.chunk_mut(self.len / CHUNK) {
            chunk.push(element);
            self.len += 1;
        }
    }

    /// Returns the first chunk, or one of the others, which are counted from 1.
    fn chunk_mut(&mut self, number: usize) -> Option<&mut Vec<T>> {
        match number.checked_sub(1) {
            None => Some(&mut self.first),
            Some(index) => self.others.get_mut(index),
        }
    }

    /// Removes an element and returns it. The last one takes its place.
    pub(super) fn swap_remove(&mut self, index: usize, freed: &mut Freed) -> Option<T>
    where
        T: Send + 'static,
    {
        if index >= self.len {
            return None;
        }
        let len = self.len - 1;
        let last = self.chunk_mut(len / CHUNK)?.pop()?;
        self.len = len;
        let removed = match self.get_mut(index) {
            Some(place) => mem::replace(place, last),
            None => last,
        };
        self.drop_empty(freed);
        if let Some(wanted) = self.sparse().filter(|wanted| !is_large(wanted.bytes::<T>())) {
            self.take_room(wanted.allocate(), freed);
        }
        Some(removed)
    }

    /// Returns up to `max` elements in front of `position`, the last one first, and moves `position` before them.
    ///
    /// The last element takes the place of a removed one. So a pass from the last position to the first one meets every element that
    /// was there when it began, whatever is added and removed meanwhile.
    pub(super) fn batch_before(&self, position: &mut usize, max: usize) -> impl Iterator<Item = &T> {
        let end = self.len().min(*position);
        *position = end.saturating_sub(max);
        (*position..end).rev().filter_map(|index| self.get(index))
    }

    /// Returns the large allocation that the next [`push`](Self::push) needs.
    pub(super) fn wanted_to_push(&self) -> Option<WantedChunk> {
        match self.growth()? {
            // It is made with the chunk.
            list @ WantedChunk::List(_) if !is_large(list.bytes::<T>()) => Some(WantedChunk::Other),
            wanted => Some(wanted),
        }
        .filter(|wanted| is_large(wanted.bytes::<T>()))
    }

    /// Returns the large allocation in the place of one that is mostly empty.
    pub(super) fn wanted_to_shrink(&self) -> Option<WantedChunk> {
        self.sparse().filter(|wanted| is_large(wanted.bytes::<T>()))
    }

    /// Uses what was allocated, if it is still of use.
    pub(super) fn take_room(&mut self, room: ChunkRoom<T>, freed: &mut Freed)
    where
        T: Send + 'static,
    {
        match room {
            ChunkRoom::First(chunk) => move_into(&mut self.first, chunk, freed),
            ChunkRoom::List(list) => move_into(&mut self.others, list, freed),
            ChunkRoom::Other(chunk) => match self.growth() {
                Some(WantedChunk::Other) => self.others.push(chunk),
                Some(list @ WantedChunk::List(_)) => {
                    self.take_room(list.allocate(), freed);
                    self.others.push(chunk);
                }
                _ => freed.push(chunk),
            },
        }
    }

    /// Returns what the next [`push`](Self::push) allocates first.
    fn growth(&self) -> Option<WantedChunk> {
        let len = self.len;
        if len < CHUNK {
            let step = (3 + len / GROWTH_DIVISOR).min(CHUNK - len);
            return (len == self.first.capacity()).then_some(WantedChunk::First(len + step));
        }
        let chunks = self.others.len();
        (chunks < len / CHUNK).then(|| {
            if chunks < self.others.capacity() {
                WantedChunk::Other
            } else {
                WantedChunk::List(chunks + MIN_LIST + chunks / GROWTH_DIVISOR)
            }
        })
    }

    /// Returns the allocation in the place of one that is mostly empty.
    fn sparse(&self) -> Option<WantedChunk> {
        let (chunks, len) = (self.others.len(), self.first.len());
        if 0 < chunks && chunks < self.others.capacity() / 2 && self.others.capacity() > MIN_LIST {
            return Some(WantedChunk::List(chunks));
        }
        (0 < len && len < self.first.capacity() / 2).then_some(WantedChunk::First(len + len / GROWTH_DIVISOR))
    }

    /// Drops what is empty, except for one chunk that may be needed again soon.
    fn drop_empty(&mut self, freed: &mut Freed)
    where
        T: Send + 'static,
    {
        // The elements of the last chunk that has any.
        let last_len = self.len.checked_sub(1).map_or(0, |last| last % CHUNK + 1);
        let is_far = last_len < CHUNK / 2;
        while let [others @ .., last] = self.others.as_slice()
            && last.is_empty()
            && (is_far || others.last().is_some_and(Vec::is_empty))
        {
            freed.push(self.others.pop());
        }
        if self.others.is_empty() && self.others.capacity() > 0 {
            freed.push(mem::take(&mut self.others));
        }
        if self.first.is_empty() && self.first.capacity() > 0 {
            freed.push(mem::take(&mut self.first));
        }
    }
}

/// Moves the elements of a vector into another allocation, if there is room for them.
fn move_into<T: Send + 'static>(elements: &mut Vec<T>, mut room: Vec<T>, freed: &mut Freed) {
    if room.capacity() >= elements.len() {
        room.append(elements);
        mem::swap(elements, &mut room);
    }
    freed.push(room);
}

#[cfg(test)]
mod tests {
    use super::{super::freed::MAX_LOCKED, *};

    #[test]
    fn removed_element_is_replaced_by_the_last() {
        for len in [1, 5, CHUNK, CHUNK + 1, 3 * CHUNK] {
            let mut chunks = ChunkedVec::default();
            let mut plain: Vec<usize> = (0..len).collect();
            plain.iter().for_each(|number| chunks.push(*number, &mut Freed::default()));
            while !plain.is_empty() {
                let index = plain.len() * 7 % 13 * plain.len() / 13;
                assert_eq!(chunks.swap_remove(plain.len(), &mut Freed::default()), None);
                assert_eq!(chunks.swap_remove(index, &mut Freed::default()), Some(plain.swap_remove(index)));
                assert_eq!(chunks.len(), plain.len());
                assert_eq!(chunks.get(index), plain.get(index));
            }
            assert_eq!(chunks.bytes(), 0);
        }
    }

    #[test]
    fn capacity_is_near_the_length() {
        let mut chunks = ChunkedVec::default();
        for number in 0..20_000_u64 {
            let expected = chunks.bytes() + chunks.next_growth();
            chunks.push(number, &mut Freed::default());
            assert_eq!(chunks.bytes(), expected, "{number}");
            assert!(chunks.bytes() <= 8 * chunks.len() * 9 / 8 + 8 * (CHUNK + 100), "{number}");
            assert!(number > 1000 || chunks.bytes() <= 8 * (chunks.len() * 9 / 8 + 4), "{number}");
        }
        for number in (0..20_000).rev() {
            chunks.swap_remove(number, &mut Freed::default());
            if let Some(wanted) = chunks.wanted_to_shrink() {
                chunks.take_room(wanted.allocate(), &mut Freed::default());
            }
            assert_eq!(chunks.wanted_to_shrink(), None);
            assert!(chunks.bytes() <= 8 * (number + 2 * CHUNK), "{number}");
            assert!(number > CHUNK / 2 - 1 || chunks.bytes() <= 8 * (2 * number + 2), "{number}");
        }
    }

    /// What was allocated beforehand is used, and nothing else that is large.
    #[test]
    fn large_allocations_can_be_made_beforehand() {
        let mut chunks = ChunkedVec::default();
        for number in 0..100_000_u64 {
            while let Some(wanted) = chunks.wanted_to_push() {
                let before = chunks.bytes();
                chunks.take_room(wanted.allocate(), &mut Freed::default());
                assert!(chunks.bytes() > before, "{number}");
            }
            let before = chunks.bytes();
            chunks.push(number, &mut Freed::default());
            assert!(chunks.bytes() - before <= 8 * (3 + MAX_LOCKED / 8 / GROWTH_DIVISOR), "{number}");
            assert_eq!(chunks.get(chunks.len() - 1), Some(&number));
        }
        // Room that nobody needs any more.
        let room = WantedChunk::Other.allocate();
        let before = chunks.bytes();
        chunks.take_room(room, &mut Freed::default());
        assert_eq!(chunks.bytes(), before);
    }

    /// A queue that is as long as before after each insertion and eviction.
    #[test]
    fn chunk_stays_while_elements_come_and_go() {
        let freed = &mut Freed::default();
        let mut chunks = ChunkedVec::default();
        (0..=2 * CHUNK).for_each(|number| chunks.push(number, freed));
        let before = chunks.bytes();
        for number in 0..2 * CHUNK {
            assert!(chunks.swap_remove(number, freed).is_some());
            assert_eq!((chunks.len(), chunks.next_growth(), chunks.wanted_to_push()), (2 * CHUNK, 0, None));
            chunks.push(number, freed);
            assert_eq!((chunks.len(), chunks.bytes()), (2 * CHUNK + 1, before));
            assert_eq!(chunks.get(2 * CHUNK), Some(&number));
        }
        // It is dropped when half of the one before it is empty.
        while chunks.len() > CHUNK + CHUNK / 2 {
            assert_eq!(chunks.bytes(), before);
            chunks.swap_remove(0, freed);
        }
        chunks.swap_remove(0, freed);
        assert_eq!(chunks.bytes(), before - CHUNK * size_of::<usize>());
    }
}
