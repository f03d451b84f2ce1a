//! The fonts in the program: Korean and emoji can be read on a machine without fonts. The system's emoji have colours.

use std::path::Path;
use std::sync::Arc;

use egui::{FontData, FontDefinitions, FontFamily};

const NANUM_SQUARE: &str = "NanumSquare";
const COLOR_EMOJI: &str = "color emoji";

/// Where systems have their font of colour emoji. Apple's is not among them: its 190 MB would be read at each start.
const COLOR_EMOJI_FILES: [&str; 6] = [
    // Debian, Ubuntu
    "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf",
    // Arch
    "/usr/share/fonts/noto/NotoColorEmoji.ttf",
    // Fedora, since and before 39
    "/usr/share/fonts/google-noto-color-emoji-fonts/Noto-COLRv1.ttf",
    "/usr/share/fonts/google-noto-emoji/NotoColorEmoji.ttf",
    // openSUSE
    "/usr/share/fonts/truetype/NotoColorEmoji.ttf",
    "C:\\Windows\\Fonts\\seguiemj.ttf",
];
/// Larger files are not read.
const MAX_BYTES: u64 = 32 << 20;

/// egui's own fonts, then NanumSquare for what they lack.
pub(crate) fn definitions() -> FontDefinitions {
    let mut fonts = FontDefinitions::default();
    let nanum = FontData::from_static(include_bytes!("../../../assets/fonts/NanumSquareR.ttf"));
    fonts.font_data.insert(NANUM_SQUARE.to_owned(), Arc::new(nanum));
    for family in [FontFamily::Proportional, FontFamily::Monospace] {
        fonts.families.entry(family).or_default().push(NANUM_SQUARE.to_owned());
    }
    fonts
}

/// [`definitions`], with the system's colour emoji before egui's own, if there are any.
pub(crate) fn with_system_emoji() -> FontDefinitions {
    let mut fonts = definitions();
    let small = |path: &&Path| path.metadata().is_ok_and(|file| file.is_file() && file.len() <= MAX_BYTES);
    let Some(path) = COLOR_EMOJI_FILES.iter().map(Path::new).find(small) else { return fonts };
    match std::fs::read(path) {
        // The first font has the letters, and digits, which emoji fonts have, too.
        Ok(emoji) => insert_emoji(&mut fonts, FontData::from_owned(emoji)),
        Err(error) => tracing::warn!(%error, path = %path.display(), "the emoji font cannot be read"),
    }
    fonts
}

fn insert_emoji(fonts: &mut FontDefinitions, emoji: FontData) {
    fonts.font_data.insert(COLOR_EMOJI.to_owned(), Arc::new(emoji));
    for names in fonts.families.values_mut() {
        names.insert(names.len().min(1), COLOR_EMOJI.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_come_from_the_first_font_and_emoji_from_the_colour_font() {
        let mut fonts = definitions();
        let letters: Vec<_> = fonts.families.values().map(|names| names[0].clone()).collect();
        insert_emoji(&mut fonts, FontData::from_static(&[]));
        for (names, letters) in fonts.families.values().zip(letters) {
            assert_eq!(names[..2], [letters, COLOR_EMOJI.to_owned()]);
            assert_eq!(names.last().map(String::as_str), Some(NANUM_SQUARE));
        }
    }
}
