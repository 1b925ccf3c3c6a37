//! Bytes that are put together on the stack as long as there are few of them.

/// Longer than the key of an ordinary URL.
const ROOM: usize = 256;

/// No more than so many are taken.
pub(crate) const MOST_BYTES: usize = 8 * 1024;

#[derive(Debug)]
pub(crate) struct KeyBuf {
    room: [u8; ROOM],
    /// How much of the room is used; nothing of it counts once there is more than fits.
    length: usize,
    spilled: Vec<u8>,
    too_long: bool,
}

impl KeyBuf {
    #[inline]
    pub(crate) const fn new() -> Self {
        Self { room: [0; ROOM], length: 0, spilled: Vec::new(), too_long: false }
    }

    #[inline]
    pub(crate) fn push(&mut self, byte: u8) {
        self.extend(&[byte]);
    }

    #[inline]
    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        match self.free(bytes.len()) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.length += bytes.len();
            }
            None => self.spill(bytes),
        }
    }

    /// A byte, and others behind it.
    #[inline]
    pub(crate) fn extend_after(&mut self, first: u8, bytes: &[u8]) {
        match self.free(bytes.len() + 1).and_then(<[u8]>::split_first_mut) {
            Some((place, room)) => {
                *place = first;
                room.copy_from_slice(bytes);
                self.length += bytes.len() + 1;
            }
            None => {
                self.spill(&[first]);
                self.spill(bytes);
            }
        }
    }

    #[inline]
    fn free(&mut self, bytes: usize) -> Option<&mut [u8]> {
        if self.spilled.is_empty() { self.room.get_mut(self.length..self.length + bytes) } else { None }
    }

    #[cold]
    fn spill(&mut self, bytes: &[u8]) {
        if self.len() + bytes.len() > MOST_BYTES {
            self.too_long = true;
            return;
        }
        if self.spilled.is_empty() {
            self.spilled.reserve(2 * ROOM + bytes.len());
            self.spilled.extend_from_slice(&self.room[..self.length]);
        }
        self.spilled.extend_from_slice(bytes);
    }

    /// Takes it as too long, whatever it holds.
    pub(crate) fn give_up(&mut self) {
        self.too_long = true;
    }

    /// Whether something was left out of it.
    pub(crate) fn is_too_long(&self) -> bool {
        self.too_long
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.as_slice().len()
    }

    #[inline]
    pub(crate) fn as_slice(&self) -> &[u8] {
        if self.spilled.is_empty() { &self.room[..self.length] } else { &self.spilled }
    }

    #[inline]
    pub(crate) fn as_mut_slice(&mut self) -> &mut [u8] {
        if self.spilled.is_empty() { &mut self.room[..self.length] } else { &mut self.spilled }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_it_is_given() {
        for piece in [1, 7, 254, 255, 256, 257, 400] {
            let (mut buffer, mut plain) = (KeyBuf::new(), Vec::new());
            for round in 0..20_u8 {
                let bytes = vec![round; piece];
                if round % 2 == 0 {
                    buffer.extend(&bytes);
                } else {
                    buffer.extend_after(99, &bytes);
                    plain.push(99);
                }
                plain.extend(bytes);
                assert_eq!((buffer.as_slice(), buffer.len()), (&plain[..], plain.len()));
                assert_eq!(buffer.as_mut_slice(), &mut plain[..]);
            }
            buffer.push(1);
            assert_eq!(buffer.len(), plain.len() + 1);
            assert!(!buffer.is_too_long());
        }
    }

    #[test]
    fn tells_when_something_was_left_out() {
        let mut buffer = KeyBuf::new();
        buffer.extend(&[0; MOST_BYTES]);
        assert!(!buffer.is_too_long());
        buffer.push(0);
        assert!(buffer.is_too_long());
        assert_eq!(buffer.len(), MOST_BYTES);
    }
}
