//! Which cameras are used when nobody chose one.
//!
//! A laptop that recognises faces has an infrared camera beside the usual one. It shows a grey, flickering picture, and
//! works also while a cover hides the usual one: who wants it has to choose it.

/// What is known of a camera that is not open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Traits {
    /// All names by which the system knows it.
    pub(super) names: Vec<String>,
    /// Whether it delivers brightness or depth only.
    pub(super) is_colourless: bool,
}

impl Traits {
    fn is_infrared(&self) -> bool {
        let words = self.names.iter().flat_map(|name| name.split(|c: char| !c.is_alphanumeric()));
        words.map(str::to_lowercase).any(|word| word == "ir" || word == "infrared")
    }
}

/// The cameras to try, in their order. Colourless ones only where there are no others: a colour camera that is busy is not
/// replaced by one. Infrared ones never.
pub(super) fn candidates<T>(cameras: Vec<T>, traits: impl Fn(&T) -> &Traits) -> Vec<T> {
    let mut visible: Vec<T> = cameras.into_iter().filter(|camera| !traits(camera).is_infrared()).collect();
    if visible.iter().any(|camera| !traits(camera).is_colourless) {
        visible.retain(|camera| !traits(camera).is_colourless);
    }
    visible
}

#[cfg(test)]
mod tests {
    use super::*;

    fn camera(name: &str, is_colourless: bool) -> Traits {
        Traits { names: vec![name.into()], is_colourless }
    }

    fn chosen(cameras: &[Traits]) -> Vec<&Traits> {
        candidates(cameras.iter().collect(), |camera| camera)
    }

    #[test]
    fn an_infrared_camera_is_never_chosen_automatically() {
        let webcam = camera("Integrated Camera: Integrated C", false);
        for name in ["Integrated IR Camera", "ir_camera", "Face (Infrared)"] {
            let infrared = camera(name, false);
            assert_eq!(chosen(&[infrared.clone(), webcam.clone()]), [&webcam]);
            assert_eq!(chosen(&[infrared]), [] as [&Traits; 0], "also if the other is covered");
        }
        let full_name = "Integrated IR Camera".to_owned();
        let cut_off = Traits { names: vec!["Integrated Camera: Integrated I".into(), full_name], is_colourless: false };
        assert_eq!(chosen(&[cut_off, webcam.clone()]), [&webcam]);
        let innocent = camera("Mirror Air Firmware", false);
        assert_eq!(chosen(std::slice::from_ref(&innocent)), [&innocent]);
    }

    #[test]
    fn a_colourless_camera_is_chosen_only_if_there_is_no_other() {
        let (webcam, grey) = (camera("Webcam", false), camera("Microscope", true));
        assert_eq!(chosen(&[grey.clone(), webcam.clone()]), [&webcam]);
        assert_eq!(chosen(std::slice::from_ref(&grey)), [&grey]);
    }
}
