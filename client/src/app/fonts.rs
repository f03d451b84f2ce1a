//! The fonts in the program: Korean and emoji can be read on a machine without fonts.

use std::sync::Arc;

use egui::{FontData, FontDefinitions, FontFamily};

const NANUM_SQUARE: &str = "NanumSquare";

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
