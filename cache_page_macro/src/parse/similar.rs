//! Names that are probably a misspelling of another.

/// The length of the shortest name that is compared. Shorter names are similar to too many others.
const MIN_LEN: usize = 4;

/// Returns the candidate that `name` is probably a misspelling of. A candidate itself is not.
pub(crate) fn similar<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    // In a short name, two wrong letters make another word.
    let max = match name.len() {
        0..MIN_LEN => return None,
        MIN_LEN..=6 => 1,
        _ => 2,
    };
    let distances = candidates.into_iter().map(|candidate| (distance(name, candidate), candidate));
    let (distance, candidate) = distances.min_by_key(|(distance, _)| *distance)?;
    (1..=max).contains(&distance).then_some(candidate)
}

/// Returns how many characters must be inserted, removed, replaced or swapped with their neighbour to make one name of the other.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    // The distances of the beginnings of `one` with two, one and no characters less, to each beginning of `other`.
    let (mut before, mut above): (Vec<usize>, Vec<usize>) = (Vec::new(), (0..=other.len()).collect());
    for row in 1..=one.len() {
        let mut current = vec![row];
        for column in 1..=other.len() {
            let is_equal = one[row - 1] == other[column - 1];
            let replaced = above[column - 1] + usize::from(!is_equal);
            let mut least = replaced.min(above[column] + 1).min(current[column - 1] + 1);
            let is_swapped = row > 1
                && column > 1
                && one[row - 1] == other[column - 2]
                && one[row - 2] == other[column - 1];
            if is_swapped {
                least = least.min(before[column - 2] + 1);
            }
            current.push(least);
        }
        before = std::mem::replace(&mut above, current);
    }
    above.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_edits_and_swaps() {
        let cases = [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "abc", 0),
            ("abc", "ab", 1),
            ("abc", "axc", 1),
            ("acb", "abc", 1),
            ("langauge", "language", 1),
            ("kitten", "sitting", 3),
            ("ä", "a", 1),
        ];
        for (one, other, expected) in cases {
            assert_eq!((distance(one, other), distance(other, one)), (expected, expected), "{one} {other}");
        }
    }

    #[test]
    fn similar_needs_a_close_and_long_name() {
        let names = ["accept", "accept-language", "dnt", "tags"];
        assert_eq!(similar("accept-langauge", names), Some("accept-language"));
        assert_eq!(similar("acept", names), Some("accept"));
        assert_eq!(similar("tag", names), None, "too short");
        assert_eq!(similar("dns", names), None, "too short");
        assert_eq!(similar("accept", names), None, "the name itself");
        assert_eq!(similar("x-tenant", names), None, "too far");
    }
}
