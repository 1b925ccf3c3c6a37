//! [`ChunkedVec`]: a vector that grows and shrinks without copying what it has.

use std::mem;

use super::freed::Freed;

/// The elements of a chunk. One of references takes 8 kB.
const CHUNK: usize = 1024;

/// The fraction by which the first chunk grows, as its denominator: a small one, because the whole capacity is charged.
const GROWTH_DIVISOR: usize = 8;

/// A vector in chunks. A vector of a million elements in one allocation takes milliseconds to grow, while the store is locked.
pub(super) struct ChunkedVec<T> {
    /// It grows in small steps, because most vectors are short.
    first: Vec<T>,
    /// Chunks of [`CHUNK`] elements, all full but the last.
    others: Vec<Vec<T>>,
}

impl<T> Default for ChunkedVec<T> {
    fn default() -> Self {
        Self { first: Vec::new(), others: Vec::new() }
    }
}

impl<T> ChunkedVec<T> {
    pub(super) fn len(&self) -> usize {
        match self.others.as_slice() {
            [] => self.first.len(),
            [full @ .., last] => CHUNK * (1 + full.len()) + last.len(),
        }
    }

    /// Returns the allocated bytes, beside what the elements allocate.
    pub(super) fn bytes(&self) -> usize {
        let places = self.first.capacity() + CHUNK * self.others.len();
        places * size_of::<T>() + self.others.capacity() * size_of::<Vec<T>>()
    }

    /// Returns by how many bytes the next [`push`](Self::push) grows the vector.
    pub(super) fn next_growth(&self) -> usize {
        if self.len() < CHUNK {
            return if self.first.len() < self.first.capacity() { 0 } else { self.step() * size_of::<T>() };
        }
        if self.len().is_multiple_of(CHUNK) {
            CHUNK * size_of::<T>() + self.other_chunks_growth() * size_of::<Vec<T>>()
        } else {
            0
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

    pub(super) fn push(&mut self, element: T) {
        if self.len() < CHUNK {
            if self.first.len() == self.first.capacity() {
                self.first.reserve_exact(self.step());
            }
            return self.first.push(element);
        }
        if self.len().is_multiple_of(CHUNK) {
            self.others.reserve_exact(self.other_chunks_growth());
            self.others.push(Vec::with_capacity(CHUNK));
        }
        if let Some(last) = self.others.last_mut() {
            last.push(element);
        }
    }

    /// Removes an element and returns it. The last one takes its place.
    pub(super) fn swap_remove(&mut self, index: usize, freed: &mut Freed) -> Option<T>
    where
        T: Send + 'static,
    {
        let last = self.pop_if(|len| index < len)?;
        let removed = match self.get_mut(index) {
            Some(place) => mem::replace(place, last),
            None => last,
        };
        self.shrink(freed);
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

    fn pop_if(&mut self, condition: impl FnOnce(usize) -> bool) -> Option<T> {
        if !condition(self.len()) {
            return None;
        }
        self.others.last_mut().unwrap_or(&mut self.first).pop()
    }

    fn shrink(&mut self, freed: &mut Freed)
    where
        T: Send + 'static,
    {
        if self.others.last().is_some_and(Vec::is_empty) {
            freed.push(self.others.pop());
            if self.others.is_empty() || self.others.len() < self.others.capacity() / 2 {
                move_into(&mut self.others, 0, freed);
            }
        }
        let len = self.first.len();
        if self.first.capacity() > 0 && (len == 0 || len < self.first.capacity() / 2) {
            move_into(&mut self.first, len / GROWTH_DIVISOR, freed);
        }
    }

    fn step(&self) -> usize {
        (3 + self.first.len() / GROWTH_DIVISOR).min(CHUNK - self.first.len())
    }

    fn other_chunks_growth(&self) -> usize {
        if self.others.len() < self.others.capacity() { 0 } else { 4 + self.others.len() / GROWTH_DIVISOR }
    }
}

/// Moves the elements of a vector into an allocation with room for them and so many others.
fn move_into<T: Send + 'static>(elements: &mut Vec<T>, room: usize, freed: &mut Freed) {
    let mut smaller = Vec::with_capacity(elements.len() + room);
    smaller.append(elements);
    freed.push(mem::replace(elements, smaller));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removed_element_is_replaced_by_the_last() {
        for len in [1, 5, CHUNK, CHUNK + 1, 3 * CHUNK] {
            let mut chunks = ChunkedVec::default();
            let mut plain: Vec<usize> = (0..len).collect();
            plain.iter().for_each(|number| chunks.push(*number));
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
            chunks.push(number);
            assert_eq!(chunks.bytes(), expected, "{number}");
            assert!(chunks.bytes() <= 8 * chunks.len() * 9 / 8 + 8 * (CHUNK + 100), "{number}");
            assert!(number > 1000 || chunks.bytes() <= 8 * (chunks.len() * 9 / 8 + 4), "{number}");
        }
        for number in (0..20_000).rev() {
            chunks.swap_remove(number, &mut Freed::default());
            assert!(chunks.bytes() <= 8 * (number + CHUNK + 100), "{number}");
            assert!(number > 1000 || chunks.bytes() <= 8 * (2 * number + 2), "{number}");
        }
    }
}
