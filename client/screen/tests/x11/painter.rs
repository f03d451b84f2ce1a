//! A program with windows of known colours. Each call returns once the server has done it.

use x11rb::connection::Connection;
use x11rb::protocol::randr::{ConnectionExt as _, MonitorInfo};
use x11rb::protocol::xproto::{
    Atom, AtomEnum, ChangeGCAux, ConfigureWindowAux, ConnectionExt as _, CreateGCAux, CreateWindowAux, Gcontext,
    PropMode, Rectangle, Window, WindowClass,
};
use x11rb::protocol::xtest::ConnectionExt as _;
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

use crate::display::Display;

pub(crate) const RED: u32 = 0x00ff_0000;
pub(crate) const GREEN: u32 = 0x0000_ff00;
pub(crate) const BLUE: u32 = 0x0000_00ff;
pub(crate) const WHITE: u32 = 0x00ff_ffff;

pub(crate) struct Painter {
    pub(crate) x: RustConnection,
    pub(crate) root: Window,
    context: Gcontext,
}

/// Left, top, width, height.
pub(crate) type Place = (i16, i16, u16, u16);

impl Painter {
    pub(crate) fn on(display: &Display) -> Self {
        let (x, screen) = x11rb::connect(Some(&display.name)).expect("a display");
        let root = x.setup().roots[screen].root;
        let context = x.generate_id().expect("an id");
        x.create_gc(context, root, &CreateGCAux::new()).expect("sent").check().expect("a context");
        Self { x, root, context }
    }

    pub(crate) fn done(&self) {
        self.x.sync().expect("the server answers");
    }

    pub(crate) fn fill(&self, window: Window, (x, y, width, height): Place, colour: u32) {
        self.x.change_gc(self.context, &ChangeGCAux::new().foreground(colour)).expect("sent");
        let place = Rectangle { x, y, width, height };
        self.x.poly_fill_rectangle(window, self.context, &[place]).expect("sent").check().expect("filled");
    }

    /// Its background is `colour`.
    pub(crate) fn window(&self, (x, y, width, height): Place, colour: u32) -> Window {
        self.window_with_border((x, y, width, height), colour, 0)
    }

    pub(crate) fn window_with_border(&self, (x, y, width, height): Place, colour: u32, border: u16) -> Window {
        let window = self.x.generate_id().expect("an id");
        let look = CreateWindowAux::new().background_pixel(colour).border_pixel(WHITE);
        let class = WindowClass::INPUT_OUTPUT;
        self.x
            .create_window(0, window, self.root, x, y, width, height, border, class, 0, &look)
            .expect("sent")
            .check()
            .expect("a window");
        self.map(window);
        window
    }

    /// A window that the list has, titled "window".
    pub(crate) fn listed_window(&self, place: Place, colour: u32) -> Window {
        let window = self.window(place, colour);
        self.set_title(window, "window");
        self.list(&[window]);
        window
    }

    pub(crate) fn map(&self, window: Window) {
        self.x.map_window(window).expect("sent").check().expect("mapped");
    }

    pub(crate) fn unmap(&self, window: Window) {
        self.x.unmap_window(window).expect("sent").check().expect("unmapped");
    }

    pub(crate) fn resize(&self, window: Window, width: u32, height: u32) {
        let size = ConfigureWindowAux::new().width(width).height(height);
        self.x.configure_window(window, &size).expect("sent").check().expect("resized");
    }

    pub(crate) fn close(&self, window: Window) {
        self.x.destroy_window(window).expect("sent").check().expect("closed");
    }

    pub(crate) fn atom(&self, name: &str) -> Atom {
        self.x.intern_atom(false, name.as_bytes()).expect("sent").reply().expect("an atom").atom
    }

    pub(crate) fn set_title(&self, window: Window, title: &str) {
        let (name, kind) = (self.atom("_NET_WM_NAME"), self.atom("UTF8_STRING"));
        self.x.change_property8(PropMode::REPLACE, window, name, kind, title.as_bytes()).expect("sent");
        self.done();
    }

    pub(crate) fn set_property(&self, window: Window, name: &str, kind: AtomEnum, values: &[u32]) {
        self.x.change_property32(PropMode::REPLACE, window, self.atom(name), kind, values).expect("sent");
        self.done();
    }

    /// As a window manager would.
    pub(crate) fn list(&self, windows: &[Window]) {
        self.set_property(self.root, "_NET_CLIENT_LIST", AtomEnum::WINDOW, windows);
    }

    /// A screen is plugged in.
    pub(crate) fn plug(&self, name: &str, (x, y, width, height): Place, primary: bool) {
        let name = self.atom(name);
        let (width_in_millimeters, height_in_millimeters) = (width.into(), height.into());
        let monitor = MonitorInfo {
            name,
            primary,
            automatic: false,
            x,
            y,
            width,
            height,
            width_in_millimeters,
            height_in_millimeters,
            outputs: Vec::new(),
        };
        self.x.randr_set_monitor(self.root, monitor).expect("sent").check().expect("plugged in");
    }

    pub(crate) fn unplug(&self, name: &str) {
        self.x.randr_delete_monitor(self.root, self.atom(name)).expect("sent").check().expect("unplugged");
    }

    /// As a program does it, without an event of a device.
    pub(crate) fn warp_pointer(&self, x: i16, y: i16) {
        self.x.warp_pointer(x11rb::NONE, self.root, 0, 0, 0, 0, x, y).expect("sent").check().expect("moved");
    }

    /// As a hand does it.
    pub(crate) fn move_pointer(&self, x: i16, y: i16) {
        const MOTION: u8 = x11rb::protocol::xproto::MOTION_NOTIFY_EVENT;
        self.x.xtest_fake_input(MOTION, 0, 0, self.root, x, y, 0).expect("sent").check().expect("moved");
    }

    /// A square of `side` pixels that points with its upper left corner.
    pub(crate) fn set_pointer(&self, window: Window, side: u16, (red, green, blue): (u16, u16, u16)) {
        let (shape, context, cursor) = (self.id(), self.id(), self.id());
        self.x.create_pixmap(1, shape, self.root, side, side).expect("sent");
        self.x.create_gc(context, shape, &CreateGCAux::new().foreground(1)).expect("sent");
        let all = Rectangle { x: 0, y: 0, width: side, height: side };
        self.x.poly_fill_rectangle(shape, context, &[all]).expect("sent");
        self.x.create_cursor(cursor, shape, shape, red, green, blue, 0, 0, 0, 0, 0).expect("sent");
        let look = x11rb::protocol::xproto::ChangeWindowAttributesAux::new().cursor(cursor);
        self.x.change_window_attributes(window, &look).expect("sent").check().expect("a pointer");
    }

    fn id(&self) -> u32 {
        self.x.generate_id().expect("an id")
    }
}
