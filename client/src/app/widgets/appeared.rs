//! Notices when a part of the window appears.

use egui::{Id, Ui};

/// Whether the previous pass did not draw `part`. Call it once in each pass that draws `part`.
pub(crate) fn appeared(ui: &Ui, part: &'static str) -> bool {
    let (id, pass) = (Id::unique(("appeared", part)), ui.ctx().cumulative_pass_nr());
    let last = ui.data_mut(|data| {
        let last = data.get_temp::<u64>(id);
        data.insert_temp(id, pass);
        last
    });
    last.is_none_or(|last| last + 1 < pass)
}
