//! A text field with its label above and its problem below.

use egui::{Key, Label, Response, RichText, TextEdit, Ui};

use crate::app::theme::Palette;

pub(crate) struct Field<'a> {
    pub(crate) id: &'static str,
    pub(crate) label: &'a str,
    pub(crate) hint: &'a str,
    pub(crate) text: &'a str,
    pub(crate) problem: Option<String>,
}

pub(crate) struct Typed {
    pub(crate) response: Response,
    /// The new text, if it changed.
    pub(crate) text: Option<String>,
    /// Enter was pressed in the field.
    pub(crate) entered: bool,
}

impl Field<'_> {
    pub(crate) fn show(self, ui: &mut Ui) -> Typed {
        ui.scope(|ui| {
            ui.spacing_mut().item_spacing.y = 4.0;
            let label = ui.label(self.label);
            let mut text = self.text.to_owned();
            let edit = TextEdit::singleline(&mut text)
                .id_salt(self.id)
                .hint_text(self.hint)
                .desired_width(f32::INFINITY)
                .margin(egui::Margin::symmetric(10, 8));
            let response = ui.add(edit).labelled_by(label.id);
            if let Some(problem) = self.problem {
                problem_sentence(ui, &problem);
            }
            let entered = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
            let text = response.changed().then_some(text);
            Typed { response, text, entered }
        })
        .inner
    }
}

/// What is good to know, and nothing to do about.
pub(crate) fn calm_sentence(ui: &mut Ui, sentence: &str) {
    let text = RichText::new(sentence).color(Palette::of(ui).weak_text).size(14.0);
    ui.add(Label::new(text).wrap());
}

pub(crate) fn problem_sentence(ui: &mut Ui, sentence: &str) {
    let text = RichText::new(sentence).color(Palette::of(ui).problem_text).size(14.0);
    ui.add(Label::new(text).wrap());
}
