//! A room name that nobody guesses and that can be said on the telephone.

use super::words::{ENGLISH, KOREAN};
use crate::i18n::Language;

/// Four words of 256 and three digits: 2^32 × 1000, 41.9 bits.
const WORDS: usize = 4;
const NUMBERS: u64 = 1000;

/// `None`: the system has no randomness to give.
pub(super) fn new(language: Language) -> Option<String> {
    let (words, number) = (getrandom::u32(), getrandom::u64());
    match (words, number) {
        (Ok(words), Ok(number)) => Some(name(language, words.to_le_bytes(), number)),
        (Err(error), _) | (_, Err(error)) => {
            tracing::warn!(%error, "no room name without randomness");
            None
        }
    }
}

fn name(language: Language, words: [u8; WORDS], number: u64) -> String {
    let list = match language {
        Language::English => &ENGLISH,
        Language::Korean => &KOREAN,
    };
    let words = words.map(|word| list[usize::from(word)]).join(" ");
    format!("{words} {:03}", number % NUMBERS)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use maru_protocol::RoomName;

    use super::*;

    fn key(text: &str) -> maru_protocol::RoomKey {
        text.parse::<RoomName>().expect("a room name").key()
    }

    #[test]
    fn each_choice_gives_another_room() {
        for list in [&ENGLISH, &KOREAN] {
            let different: BTreeSet<_> = list.iter().map(|word| key(word)).collect();
            assert_eq!(different.len(), 256);
            // With one space between words, names are equal only if all their words are.
            assert!(list.iter().all(|word| !word.is_empty() && word.chars().all(char::is_alphabetic)), "{list:?}");
        }
        let bits = (256_f64.powi(WORDS as i32) * NUMBERS as f64).log2();
        assert!(bits >= 40.0, "{bits}");
    }

    #[test]
    fn words_are_short() {
        assert!(
            ENGLISH.iter().all(|word| (3..=6).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_lowercase()))
        );
        let hangul = |word: &str| word.chars().all(|c| ('가'..='힣').contains(&c));
        assert!(KOREAN.iter().all(|word| word.chars().count() == 2 && hangul(word)));
    }

    #[test]
    fn suggestions_are_room_names_and_differ() {
        for language in Language::ALL {
            let one = new(language).expect("randomness");
            assert_eq!(one.parse::<RoomName>().expect("a room name").as_str(), one);
            assert_ne!(one, new(language).expect("randomness"));
        }
        assert_eq!(name(Language::English, [0, 0, 1, 1], 1_007), "acorn acorn actor actor 007");
    }
}
