//! X11. One connection for each call, or for each capture.

mod capture;
mod failure;
mod list;
mod pixels;
mod pointer;
mod screens;
mod server;
mod stream;
mod surface;
mod view;
mod window;

use crate::backend::{Backend, Frames};
use crate::capture::Options;
use crate::error::ScreenError;
use crate::picture::Picture;
use crate::target::{Shareable, Target};
use capture::X11Capture;
use server::Server;

pub(crate) struct X11 {
    display: String,
}

impl X11 {
    /// For the display of this name, as DISPLAY gives it.
    pub(crate) fn new(display: &str) -> Self {
        Self { display: display.to_owned() }
    }
}

impl Backend for X11 {
    fn list(&self) -> Result<Vec<Shareable>, ScreenError> {
        let server = Server::connect(&self.display)?;
        let mut found = list::screens(&server)?;
        found.extend(list::windows(&server)?);
        Ok(found)
    }

    fn picture(&self, target: &Target) -> Result<Option<Picture>, ScreenError> {
        let options = Options { pointer: false, ..Options::default() };
        X11Capture::open(Server::connect(&self.display)?, target, options)?.picture()
    }

    fn open(&self, target: &Target, options: Options) -> Result<Box<dyn Frames>, ScreenError> {
        Ok(Box::new(X11Capture::open(Server::connect(&self.display)?, target, options)?))
    }
}
