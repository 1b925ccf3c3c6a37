//! A byte buffer for keys, on the stack for short ones.

/// The number of bytes without a heap allocation. The key of an ordinary URL is shorter.
const INLINE_LEN: usize = 208;

/// The maximum length of a key in bytes.
pub(crate) const MAX_LEN: usize = 8 * 1024;

/// A growing byte buffer of at most [`MAX_LEN`] bytes.
#[derive(Debug)]
pub(crate) struct KeyBuf {
    inline: [u8; INLINE_LEN],
    /// The length of `inline`. It has no meaning once `heap` is in use.
    inline_len: usize,
    heap: Vec<u8>,
    too_long: bool,
}

impl KeyBuf {
    #[inline]
    pub(crate) const fn new() -> Self {
        Self { inline: [0; INLINE_LEN], inline_len: 0, heap: Vec::new(), too_long: false }
    }

    /// Creates a buffer with one byte, which is zero, as what is not in use yet.
    #[inline(always)]
    pub(crate) const fn with_zero() -> Self {
        Self { inline: [0; INLINE_LEN], inline_len: 1, heap: Vec::new(), too_long: false }
    }

    #[inline]
    pub(crate) fn push(&mut self, byte: u8) {
        self.extend(&[byte]);
    }

    #[inline]
    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        match self.inline_space(bytes.len()) {
            Some(space) => {
                space.copy_from_slice(bytes);
                self.inline_len += bytes.len();
            }
            None => self.extend_heap(bytes),
        }
    }

    /// Appends `first`, then `bytes`.
    #[inline(always)]
    pub(crate) fn extend_after(&mut self, first: u8, bytes: &[u8]) {
        match self.inline_space(bytes.len() + 1).and_then(<[u8]>::split_first_mut) {
            Some((slot, space)) => {
                *slot = first;
                space.copy_from_slice(bytes);
                self.inline_len += bytes.len() + 1;
            }
            None => self.extend_heap_after(first, bytes),
        }
    }

    #[cold]
    fn extend_heap_after(&mut self, first: u8, bytes: &[u8]) {
        self.extend_heap(&[first]);
        self.extend_heap(bytes);
    }

    /// Returns the next `len` bytes of the inline buffer, if they fit and the heap is not in use.
    #[inline]
    fn inline_space(&mut self, len: usize) -> Option<&mut [u8]> {
        if self.heap.is_empty() { self.inline.get_mut(self.inline_len..self.inline_len + len) } else { None }
    }

    #[cold]
    fn extend_heap(&mut self, bytes: &[u8]) {
        if self.len() + bytes.len() > MAX_LEN {
            self.too_long = true;
            return;
        }
        if self.heap.is_empty() {
            self.heap.reserve(2 * INLINE_LEN + bytes.len());
            self.heap.extend_from_slice(&self.inline[..self.inline_len]);
        }
        self.heap.extend_from_slice(bytes);
    }

    /// Marks the key as too long, whatever its length.
    pub(crate) fn mark_too_long(&mut self) {
        self.too_long = true;
    }

    /// Returns whether the key is too long. Some of its bytes are missing then.
    pub(crate) fn is_too_long(&self) -> bool {
        self.too_long
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.as_slice().len()
    }

    #[inline]
    pub(crate) fn as_slice(&self) -> &[u8] {
        if self.heap.is_empty() { &self.inline[..self.inline_len] } else { &self.heap }
    }

    #[inline]
    pub(crate) fn as_mut_slice(&mut self) -> &mut [u8] {
        if self.heap.is_empty() { &mut self.inline[..self.inline_len] } else { &mut self.heap }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffer_holds_all_bytes_in_order() {
        for piece in [1, 7, 206, 207, 208, 209, 400] {
            let (mut buffer, mut expected) = (KeyBuf::new(), Vec::new());
            for round in 0..20_u8 {
                let bytes = vec![round; piece];
                if round % 2 == 0 {
                    buffer.extend(&bytes);
                } else {
                    buffer.extend_after(99, &bytes);
                    expected.push(99);
                }
                expected.extend(bytes);
                assert_eq!((buffer.as_slice(), buffer.len()), (&expected[..], expected.len()));
                assert_eq!(buffer.as_mut_slice(), &mut expected[..]);
            }
            buffer.push(1);
            assert_eq!(buffer.len(), expected.len() + 1);
            assert!(!buffer.is_too_long());
        }
    }

    #[test]
    fn buffer_over_the_limit_is_too_long() {
        let mut buffer = KeyBuf::new();
        buffer.extend(&[0; MAX_LEN]);
        assert!(!buffer.is_too_long());
        buffer.push(0);
        assert!(buffer.is_too_long());
        assert_eq!(buffer.len(), MAX_LEN);
    }
}
