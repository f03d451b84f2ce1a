//! Something to capture: a window of 640x360 (or the size given) that is filled anew 30 times a second.
//!
//! `cargo run --release -p maru-screen --example flicker [WIDTH HEIGHT]`
#[cfg(not(target_os = "linux"))]
fn main() {}

#[cfg(target_os = "linux")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    use x11rb::connection::Connection;
    use x11rb::protocol::xproto::{
        ChangeGCAux, ConnectionExt as _, CreateGCAux, CreateWindowAux, Rectangle, WindowClass,
    };
    let mut sizes = std::env::args().skip(1).map(|size| size.parse::<u16>());
    let (width, height) = (sizes.next().unwrap_or(Ok(640))?, sizes.next().unwrap_or(Ok(360))?);
    let (x, screen) = x11rb::connect(None)?;
    let root = x.setup().roots[screen].root;
    let (window, context) = (x.generate_id()?, x.generate_id()?);
    let look = CreateWindowAux::new();
    x.create_window(0, window, root, 0, 0, width, height, 0, WindowClass::INPUT_OUTPUT, 0, &look)?.check()?;
    x.create_gc(context, window, &CreateGCAux::new())?.check()?;
    x.map_window(window)?.check()?;
    for colour in (0u32..).step_by(3) {
        x.change_gc(context, &ChangeGCAux::new().foreground(colour))?;
        x.poly_fill_rectangle(window, context, &[Rectangle { x: 0, y: 0, width, height }])?;
        x.flush()?;
        std::thread::sleep(std::time::Duration::from_micros(33_333));
    }
    Ok(())
}
