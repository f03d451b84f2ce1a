//! Names as they are shown, and as they are compared, in the spirit of PRECIS (RFC 8264, RFC 8266).

use unicode_normalization::UnicodeNormalization;

const ZERO_WIDTH_JOINER: char = '\u{200d}';
const EMOJI_PRESENTATION: char = '\u{fe0f}';

/// Shown: composed (NFC), trimmed, without characters that are invisible or turn the direction of the text around them.
/// Invisible ones inside emoji stay.
pub(crate) fn shown(text: &str) -> String {
    let chars: Vec<char> = text.nfc().collect();
    let mut shown = String::with_capacity(text.len());
    for (i, &c) in chars.iter().enumerate() {
        let (before, after) = (shown.chars().next_back(), chars.get(i + 1).copied());
        if !is_ignorable(c) || joins_emoji(c, before, after) {
            shown.push(c);
        }
    }
    // What was apart may be composed now.
    shown.trim_matches(is_blank).nfc().collect()
}

/// Compared: names with the same comparison form are the same name. Compatibility characters and capital letters make no
/// difference (NFKC and case folding), nor does how much space there is.
pub(crate) fn comparable(shown: &str) -> String {
    // By way of capitals: `ß` becomes `ss`, and every form of sigma the same one.
    let folded = |c: char| c.to_lowercase().flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    let compatible: String = shown.nfkc().filter(|c| !is_ignorable(*c)).collect();
    let folded: String = compatible.chars().flat_map(folded).nfkc().collect();
    folded.split(is_blank).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// White space, and the pattern of Braille without a dot.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || c == '\u{2800}'
}

/// Unicode's Default_Ignorable_Code_Point, among them all that turn the direction (UAX #9), and the Hangul fillers.
fn is_ignorable(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Whether the invisible `c` is a part of an emoji (UTS #51): it joins two, asks for a picture, or is a tag of a flag.
fn joins_emoji(c: char, before: Option<char>, after: Option<char>) -> bool {
    let is_tag = |c: char| matches!(c, '\u{e0020}'..='\u{e007f}');
    match c {
        ZERO_WIDTH_JOINER => {
            before.is_some_and(|c| is_emoji(c) || c == EMOJI_PRESENTATION) && after.is_some_and(is_emoji)
        }
        EMOJI_PRESENTATION => before.is_some_and(|c| is_emoji(c) || matches!(c, '0'..='9' | '#' | '*')),
        _ if is_tag(c) => before.is_some_and(|c| c == '\u{1f3f4}' || is_tag(c)),
        _ => false,
    }
}

fn is_emoji(c: char) -> bool {
    !is_blank(c)
        && matches!(c, '\u{a9}' | '\u{ae}' | '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}' | '\u{2190}'..='\u{2bff}'
        | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}' | '\u{1f000}'..='\u{1faff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_invisible_or_turns_the_text_is_gone() {
        for (typed, expected) in [
            ("a\u{200b}b\u{ad}c\u{feff}", "abc"),
            ("\u{202e}evil\u{202c}\u{200f}", "evil"),
            ("\u{3164}\u{115f}\u{ffa0}", ""),
            ("\u{2800} \u{2800}", ""),
            ("\u{200d}\u{fe0f}", ""),
            ("\u{2800}\u{fe0f}", ""),
            ("\u{2800}\u{200d}\u{2800}", ""),
            ("a\u{200d}b", "ab"),
            ("ㅋㅋ", "ㅋㅋ"),
            ("한글", "한글"),
        ] {
            assert_eq!(shown(typed), expected);
        }
    }

    #[test]
    fn emoji_keep_what_joins_them() {
        for emoji in ["👩‍👩‍👧‍👦", "❤️", "🏳️‍🌈", "1️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "👋🏽", "☂️ 우산"]
        {
            assert_eq!(shown(emoji), emoji);
        }
    }

    #[test]
    fn spellings_of_one_name_are_the_same_and_other_names_are_not() {
        for (one, other) in [
            ("family", "Family"),
            ("FAMILY", "ｆａｍｉｌｙ"),
            ("Straße", "STRASSE"),
            ("STRAẞE", "straße"),
            ("ΣΊΣΥΦΟΣ", "σίσυφος"),
            ("our  room", "our room"),
            ("\u{1112}\u{1161}\u{11ab}", "한"),
            ("ﬁlm", "film"),
            ("❤️", "❤"),
        ] {
            assert_eq!(comparable(&shown(one)), comparable(&shown(other)), "{one} {other}");
        }
        for (one, other) in [("family", "family2"), ("한글", "한 글"), ("ㅋ", "ㅎ"), ("é", "e")] {
            assert_ne!(comparable(&shown(one)), comparable(&shown(other)), "{one} {other}");
        }
    }

    #[test]
    fn both_forms_stay_as_they_are_when_made_again() {
        let mut random = 7_u32;
        for _ in 0..20_000 {
            let text: String = (0..6)
                .filter_map(|_| {
                    random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    char::from_u32(
                        [0x300, 0x1100, 0x2000, 0x3130, 0xfe00, 0x1f400][(random >> 8) as usize % 6]
                            + (random >> 16) % 0x90,
                    )
                })
                .collect();
            let once = shown(&text);
            assert_eq!(shown(&once), once, "{text:?}");
            let compared = comparable(&once);
            assert_eq!(comparable(&compared), compared, "{text:?}");
        }
    }
}
