//! Noticing that a part of the window has just come into view.

use egui::{Id, Ui};

/// Whether `part` was not drawn in the pass before this one. To be asked once in each pass that draws it.
pub(crate) fn appeared(ui: &Ui, part: &'static str) -> bool {
    let (id, pass) = (Id::unique(("appeared", part)), ui.ctx().cumulative_pass_nr());
    let last = ui.data_mut(|data| {
        let last = data.get_temp::<u64>(id);
        data.insert_temp(id, pass);
        last
    });
    last.is_none_or(|last| last + 1 < pass)
}
