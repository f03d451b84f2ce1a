//! A drop-down list.

use egui::{ComboBox, Ui};

pub(crate) struct Picker<'a, T> {
    pub(crate) id: &'static str,
    pub(crate) label: &'a str,
    pub(crate) current: &'a T,
    /// Shown while the list is closed.
    pub(crate) current_text: String,
    pub(crate) options: Vec<(T, String)>,
}

pub(crate) struct Picked<T> {
    /// The choice, if it changed.
    pub(crate) choice: Option<T>,
    /// The list was opened or closed in this pass.
    pub(crate) toggled: bool,
}

impl<T: PartialEq> Picker<'_, T> {
    pub(crate) fn show(self, ui: &mut Ui) -> Picked<T> {
        ui.scope(|ui| {
            ui.spacing_mut().item_spacing.y = 4.0;
            let label = ui.label(self.label);
            let width = ui.available_width();
            let mut choice = None;
            let combo = ComboBox::from_id_salt(self.id)
                .width(width)
                .truncate()
                .selected_text(self.current_text)
                .show_ui(ui, |ui| {
                    for (option, text) in self.options {
                        let is_current = option == *self.current;
                        if ui.selectable_label(is_current, text).clicked() && !is_current {
                            choice = Some(option);
                        }
                    }
                })
                .response
                .labelled_by(label.id);
            Picked { choice, toggled: combo.clicked() }
        })
        .inner
    }
}
