//! Korean particles (조사) that depend on how the word before them ends: `JOSA($name, "을/를")` in a message.

use fluent_bundle::{FluentArgs, FluentValue};

/// Name of the function in Fluent messages.
pub(super) const FUNCTION: &str = "JOSA";

const FIRST_SYLLABLE: u32 = '가' as u32;
/// Syllables for each pair of initial consonant and vowel: one without a final consonant and 27 with one (Unicode, 3.12).
const FINALS: u32 = 28;
/// Place of ㄹ among the finals.
const RIEUL: u32 = 8;

/// How the last syllable of a word ends when it is read aloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Vowel,
    /// Takes 로, but otherwise the particles of a consonant.
    Rieul,
    Consonant,
}

/// The Fluent function: the particle alone, so that a quotation mark may stand between it and the word.
pub(super) fn function<'a>(positional: &[FluentValue<'a>], _named: &FluentArgs<'_>) -> FluentValue<'a> {
    match positional {
        [FluentValue::String(word), FluentValue::String(pair)] => {
            pair.split_once('/').map_or(FluentValue::Error, |pair| particle(word, pair).into())
        }
        _ => FluentValue::Error,
    }
}

/// The particle of `pair` that follows `word`; both, as `을(를)`, where the reading of `word` is not known.
fn particle(word: &str, (after_consonant, after_vowel): (&str, &str)) -> String {
    match ending(word) {
        Some(Ending::Vowel) => after_vowel.to_owned(),
        Some(Ending::Rieul) if after_consonant == "으로" => after_vowel.to_owned(),
        Some(Ending::Rieul | Ending::Consonant) => after_consonant.to_owned(),
        None if after_consonant == "으로" => "(으)로".to_owned(),
        None => format!("{after_consonant}({after_vowel})"),
    }
}

/// Closing brackets, punctuation and emoji are not read. `None`: nothing to read, or a script that we cannot read.
fn ending(word: &str) -> Option<Ending> {
    let word = word.trim_end_matches(|character: char| !character.is_alphanumeric());
    let last = word.chars().next_back()?;
    match last {
        '가'..='힣' => Some(match (u32::from(last) - FIRST_SYLLABLE) % FINALS {
            0 => Ending::Vowel,
            RIEUL => Ending::Rieul,
            _ => Ending::Consonant,
        }),
        // 일, 칠, 팔; 이, 사, 오, 구; 영, 삼, 육. Ten and its powers (십, 백, 천, 만, 억) end in a consonant as 영 does.
        '1' | '7' | '8' => Some(Ending::Rieul),
        '2' | '4' | '5' | '9' => Some(Ending::Vowel),
        '0' | '3' | '6' => Some(Ending::Consonant),
        'a'..='z' | 'A'..='Z' => Some(latin_ending(word)),
        _ => None,
    }
}

/// English words and letters, as they are usually written in Hangul. A guess: spelling does not tell all of it.
fn latin_ending(text: &str) -> Ending {
    let word = text.rsplit(|character: char| !character.is_ascii_alphabetic()).next().unwrap_or_default();
    if word.len() == 1 || word.chars().all(|letter| letter.is_ascii_uppercase()) {
        // Read letter by letter: 엘, 알; 엠, 엔.
        return match word.chars().next_back().map(|letter| letter.to_ascii_uppercase()) {
            Some('L' | 'R') => Ending::Rieul,
            Some('M' | 'N') => Ending::Consonant,
            _ => Ending::Vowel,
        };
    }
    let word = word.to_ascii_lowercase();
    // A final e after l, m or n is silent: Google 구글, Chrome 크롬, Jane 제인.
    let word = word.strip_suffix('e').filter(|stem| stem.ends_with(['l', 'm', 'n'])).unwrap_or(&word);
    let (stem, last) = word.split_at(word.len() - 1);
    match last {
        "l" => Ending::Rieul,
        "m" | "n" => Ending::Consonant,
        "g" if stem.ends_with('n') => Ending::Consonant,
        "b" | "c" | "k" | "p" | "t" if is_closed_by_stop(stem, last) => Ending::Consonant,
        _ => Ending::Vowel,
    }
}

/// A stop after one short vowel closes the syllable (Mac 맥, Jack 잭, Scott 스콧); after anything else it does not (Mark 마크).
fn is_closed_by_stop(stem: &str, stop: &str) -> bool {
    let doubled = if stop == "k" { "c" } else { stop };
    let stem = stem.strip_suffix(doubled).unwrap_or(stem);
    let mut is_vowel = stem.chars().rev().map(|letter| "aeiou".contains(letter));
    is_vowel.next() == Some(true) && is_vowel.next() != Some(true)
}

#[cfg(test)]
mod tests {
    use super::particle;

    #[track_caller]
    fn assert_followed(words: &[&str], pair: (&str, &str), expected: &str) {
        for word in words {
            assert_eq!(particle(word, pair), expected, "{word}");
        }
    }

    #[test]
    fn a_final_consonant_decides() {
        assert_followed(&["하은", "준", "Brio 웹캠"], ("을", "를"), "을");
        assert_followed(&["미나", "준호", "방 하나"], ("을", "를"), "를");
        assert_followed(&["하은"], ("이", "가"), "이");
        assert_followed(&["미나"], ("은", "는"), "는");
        assert_followed(&["미나"], ("과", "와"), "와");
    }

    #[test]
    fn rieul_takes_ro_but_otherwise_counts_as_a_consonant() {
        assert_followed(&["지은", "민석"], ("으로", "로"), "으로");
        assert_followed(&["한별", "준호", "방 1"], ("으로", "로"), "로");
        assert_followed(&["한별"], ("이", "가"), "이");
    }

    #[test]
    fn digits_are_read_in_korean() {
        assert_followed(&["Brio 100", "방 3", "C6", "video1", "7", "8"], ("을", "를"), "을");
        assert_followed(&["2", "4", "5", "Webcam C9"], ("을", "를"), "를");
    }

    #[test]
    fn latin_words_are_read_as_they_are_written_in_hangul() {
        assert_followed(
            &["Webcam", "Kim", "Jun", "Ming", "Paul", "Google", "Chrome", "Mac", "Jack", "Scott", "l"],
            ("이", "가"),
            "이",
        );
        assert_followed(
            &["Mina", "Mark", "Mike", "Peter", "Studio", "Cloud", "Lee", "Cake", "Project", "k"],
            ("이", "가"),
            "가",
        );
        assert_followed(&["Paul", "Peter", "Michelle"], ("으로", "로"), "로");
    }

    #[test]
    fn capitals_are_read_letter_by_letter() {
        assert_followed(&["USB", "HD", "미나K", "HDMI"], ("이", "가"), "가");
        assert_followed(&["VM", "URL", "AR"], ("이", "가"), "이");
    }

    #[test]
    fn signs_at_the_end_are_not_read() {
        assert_followed(&["Brio (가운데)", "미나 🎈", "미나!"], ("을", "를"), "를");
    }

    #[test]
    fn both_particles_where_the_reading_is_not_known() {
        assert_followed(&["", "🎈", "Мина", "美娜"], ("을", "를"), "을(를)");
        assert_followed(&["🎈"], ("으로", "로"), "(으)로");
    }
}
