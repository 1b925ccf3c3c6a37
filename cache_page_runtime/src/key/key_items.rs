//! Reads what a key consists of.

use super::cache_key::{ABSENT, END, HASH_INPUT, LONG, List, REQUEST, VARIANT};

/// What a key consists of.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Item<'k> {
    Part(&'k [u8]),
    Absent,
    List(Vec<&'k [u8]>),
    HashInput,
    End,
}

/// Reads the parts of a key in the map: that of a request, or of the request that a variant belongs to.
///
/// Returns `None` if it is neither, and ends with a `None` where the bytes are not those of a key.
pub(super) fn items(key: &[u8]) -> Option<impl Iterator<Item = Option<Item<'_>>>> {
    let mut rest = match key.split_first()? {
        (&REQUEST, parts) => parts,
        (&VARIANT, rest) => {
            let (length, rest) = rest.split_first_chunk()?;
            rest.get(..usize::from_le_bytes(*length))?.strip_prefix(&[REQUEST])?
        }
        _ => return None,
    };
    Some(std::iter::from_fn(move || (!rest.is_empty()).then(|| read_item(&mut rest))))
}

fn read_item<'k>(rest: &mut &'k [u8]) -> Option<Item<'k>> {
    const LISTS: [u8; 3] = [List::Values as u8, List::Header as u8, List::Cookie as u8];

    let (&first, after) = rest.split_first()?;
    *rest = after;
    Some(match first {
        END => Item::End,
        ABSENT => Item::Absent,
        HASH_INPUT => {
            read_long(rest)?;
            Item::HashInput
        }
        LONG => Item::Part(read_long(rest)?),
        first if LISTS.contains(&first) => {
            let mut parts = Vec::new();
            while let Item::Part(part) = read_item(rest)? {
                parts.push(part);
            }
            Item::List(parts)
        }
        length => {
            let (part, after) = rest.split_at_checked(length.into())?;
            *rest = after;
            Item::Part(part)
        }
    })
}

/// Reads bytes behind their four-byte length.
fn read_long<'k>(rest: &mut &'k [u8]) -> Option<&'k [u8]> {
    let (length, after) = rest.split_first_chunk()?;
    let (bytes, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    *rest = after;
    Some(bytes)
}
