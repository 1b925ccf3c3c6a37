//! Words by which the names of credentials are recognized.

/// The parts of names by which credentials are recognized. `-` is the beginning or the end of a word of the name.
const WORDS: [&str; 24] = [
    "auth",
    "token",
    "cert",
    "user",
    "secret",
    "session",
    "jwt",
    "signature",
    "-sig-",
    "identity",
    "credential",
    "cookie",
    "passw",
    "login",
    "csrf",
    "xsrf",
    "hmac",
    "email",
    "key-",
    "tenant",
    "claim",
    "oidc",
    "account",
    "mtls",
];

/// Returns whether a name contains one of the words, in upper or lower case.
pub(super) fn has_credential_word(name: &[u8]) -> bool {
    WORD_SEARCH.finds_in(name)
}

static WORD_SEARCH: WordSearch = WordSearch::new(&WORDS);

/// A search for several words at once (Shift-And): bit _n_ of the state is set if the word with letter _n_ matches up to that letter.
/// One pass over the name costs the same, however many words there are.
struct WordSearch {
    /// For each ASCII character, the letters of the words that it matches.
    letters: [u128; 128],
    first_letters: u128,
    last_letters: u128,
}

impl WordSearch {
    /// Compiles words of 128 letters in total.
    const fn new(words: &[&str]) -> Self {
        let mut search = Self { letters: [0; 128], first_letters: 0, last_letters: 0 };
        let (mut word, mut bit) = (0, 1_u128);
        while word < words.len() {
            let bytes = words[word].as_bytes();
            search.first_letters |= bit;
            let mut at = 0;
            while at < bytes.len() {
                assert!(bit != 0, "the words have more than 128 letters");
                let byte = bytes[at];
                search.letters[byte as usize] |= bit;
                search.letters[byte.to_ascii_uppercase() as usize] |= bit;
                if byte == b'-' {
                    search.letters[b'_' as usize] |= bit;
                    search.letters[b'.' as usize] |= bit;
                }
                if at + 1 == bytes.len() {
                    search.last_letters |= bit;
                }
                bit <<= 1;
                at += 1;
            }
            word += 1;
        }
        search
    }

    fn finds_in(&self, name: &[u8]) -> bool {
        let step =
            |state: u128, byte: u8| (state << 1 | self.first_letters) & self.letters[usize::from(byte % 128)];
        let mut state = step(0, b'-');
        let mut matched = 0;
        for byte in name {
            state = step(state, *byte);
            matched |= state;
        }
        (matched | step(state, b'-')) & self.last_letters != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A slow search for the same words.
    fn contains_word(name: &str) -> bool {
        let name = format!("-{}-", name.to_ascii_lowercase().replace(['_', '.'], "-"));
        WORDS.iter().any(|word| name.contains(word))
    }

    #[test]
    fn words_are_found_wherever_they_are_in_a_name() {
        for word in WORDS {
            let word = word.trim_matches('-');
            for name in [word.to_owned(), format!("x-{word}"), format!("X_{}", word.to_uppercase())] {
                assert!(WORD_SEARCH.finds_in(name.as_bytes()), "{name}");
            }
        }
        for name in [
            "apikey",
            "x-keyed",
            "key",
            "keys",
            "a-sig",
            "design",
            "sig.a",
            "x-sigsci-tags",
            "",
            "-",
            "authtoken",
        ] {
            assert_eq!(WORD_SEARCH.finds_in(name.as_bytes()), contains_word(name), "{name}");
        }
    }
}
