//! Icons made of lines, so that no font needs them. Each is designed on a square of 24 units.

use egui::{Color32, Painter, Pos2, Rect, Stroke, StrokeKind, pos2, vec2};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Icon {
    Microphone,
    MicrophoneOff,
    Camera,
    CameraOff,
    Chat,
    Devices,
    Statistics,
    Leave,
    Copy,
    Close,
    Send,
    /// A large picture with small ones beside it.
    Speaker,
    /// Pictures of the same size.
    Grid,
    Enlarge,
    Shrink,
    FullScreen,
    /// Raised.
    Hand,
    Help,
    /// A connection that is not good.
    WeakConnection,
    Dice,
    /// Delivered to everyone.
    Check,
    /// Sent, not delivered yet.
    Waiting,
}

/// Draws `icon` to fill `rect` (a square).
pub(crate) fn paint(painter: &Painter, icon: Icon, rect: Rect, color: Color32) {
    let pen = Pen { painter, rect, color };
    match icon {
        Icon::Microphone => microphone(&pen),
        Icon::MicrophoneOff => {
            microphone(&pen);
            pen.line(&[(3.0, 3.0), (21.0, 21.0)]);
        }
        Icon::Camera => camera(&pen),
        Icon::CameraOff => {
            camera(&pen);
            pen.line(&[(3.0, 3.0), (21.0, 21.0)]);
        }
        Icon::Chat => {
            pen.line(&[
                (5.0, 4.0),
                (19.0, 4.0),
                (21.0, 6.0),
                (21.0, 15.0),
                (19.0, 17.0),
                (11.0, 17.0),
                (6.5, 21.0),
                (6.5, 17.0),
                (5.0, 17.0),
                (3.0, 15.0),
                (3.0, 6.0),
                (5.0, 4.0),
            ]);
            pen.line(&[(7.5, 8.5), (16.5, 8.5)]);
            pen.line(&[(7.5, 12.5), (13.5, 12.5)]);
        }
        Icon::Devices => {
            for (y, knob) in [(6.0, 15.0), (12.0, 8.0), (18.0, 16.0)] {
                pen.line(&[(3.0, y), (21.0, y)]);
                pen.dot((knob, y), 2.6);
            }
        }
        Icon::Statistics => {
            for (x, top) in [(5.0, 14.0), (10.0, 9.0), (15.0, 12.0), (20.0, 5.0)] {
                pen.line(&[(x, 20.0), (x, top)]);
            }
        }
        Icon::Leave => {
            pen.line(&[(13.0, 3.5), (4.0, 3.5), (4.0, 20.5), (13.0, 20.5)]);
            pen.line(&[(9.0, 12.0), (21.0, 12.0)]);
            pen.line(&[(16.5, 7.5), (21.0, 12.0), (16.5, 16.5)]);
        }
        Icon::Copy => {
            pen.line(&[(8.0, 15.5), (4.0, 15.5), (4.0, 3.5), (15.5, 3.5), (15.5, 8.0)]);
            pen.frame((8.5, 8.5), (20.5, 20.5), 1.5);
        }
        Icon::Close => {
            pen.line(&[(6.0, 6.0), (18.0, 18.0)]);
            pen.line(&[(18.0, 6.0), (6.0, 18.0)]);
        }
        Icon::Send => {
            pen.line(&[(4.0, 4.0), (21.0, 12.0), (4.0, 20.0), (6.5, 12.0), (4.0, 4.0)]);
            pen.line(&[(6.5, 12.0), (13.0, 12.0)]);
        }
        Icon::Speaker => {
            pen.frame((3.0, 4.0), (15.0, 20.0), 2.0);
            for (top, bottom) in [(4.0, 8.0), (10.0, 14.0), (16.0, 20.0)] {
                pen.frame((18.0, top), (21.5, bottom), 1.0);
            }
        }
        Icon::Grid => {
            for (x, y) in [(3.0, 4.0), (13.5, 4.0), (3.0, 13.5), (13.5, 13.5)] {
                pen.frame((x, y), (x + 7.5, y + 6.5), 1.5);
            }
        }
        Icon::Enlarge => {
            pen.line(&[(14.0, 4.0), (20.0, 4.0), (20.0, 10.0)]);
            pen.line(&[(20.0, 4.0), (13.0, 11.0)]);
            pen.line(&[(10.0, 20.0), (4.0, 20.0), (4.0, 14.0)]);
            pen.line(&[(4.0, 20.0), (11.0, 13.0)]);
        }
        Icon::Shrink => {
            pen.line(&[(13.5, 4.5), (13.5, 10.5), (19.5, 10.5)]);
            pen.line(&[(13.5, 10.5), (20.5, 3.5)]);
            pen.line(&[(10.5, 19.5), (10.5, 13.5), (4.5, 13.5)]);
            pen.line(&[(10.5, 13.5), (3.5, 20.5)]);
        }
        Icon::FullScreen => {
            pen.line(&[(3.5, 9.0), (3.5, 4.5), (8.5, 4.5)]);
            pen.line(&[(15.5, 4.5), (20.5, 4.5), (20.5, 9.0)]);
            pen.line(&[(20.5, 15.0), (20.5, 19.5), (15.5, 19.5)]);
            pen.line(&[(8.5, 19.5), (3.5, 19.5), (3.5, 15.0)]);
        }
        Icon::Hand => {
            for (x, top) in [(8.0, 6.5), (11.2, 4.0), (14.4, 5.0), (17.6, 8.0)] {
                pen.line(&[(x, 13.0), (x, top)]);
            }
            pen.line(&[(17.6, 12.5), (17.6, 16.0), (15.5, 20.0), (10.5, 20.5), (7.5, 18.0), (4.5, 13.0), (8.0, 15.0)]);
        }
        Icon::Help => {
            pen.line(&[(8.0, 8.5), (8.6, 5.8), (12.0, 4.2), (15.4, 5.8), (16.0, 8.5), (14.6, 11.0), (12.0, 12.6)]);
            pen.line(&[(12.0, 12.6), (12.0, 15.5)]);
            pen.dot((12.0, 19.5), 1.5);
        }
        Icon::WeakConnection => {
            for (x, top) in [(5.0, 15.0), (10.0, 11.0)] {
                pen.line(&[(x, 20.0), (x, top)]);
            }
            pen.line(&[(15.5, 14.0), (15.5, 5.0)]);
            pen.dot((15.5, 18.8), 1.5);
        }
        Icon::Dice => {
            pen.frame((2.0, 2.0), (22.0, 22.0), 4.5);
            for dot in [(7.0, 7.0), (17.0, 7.0), (12.0, 12.0), (7.0, 17.0), (17.0, 17.0)] {
                pen.dot(dot, 1.7);
            }
        }
        Icon::Check => pen.line(&[(4.0, 12.5), (9.5, 18.0), (20.0, 6.5)]),
        Icon::Waiting => {
            for x in [6.0, 12.0, 18.0] {
                pen.dot((x, 12.0), 1.6);
            }
        }
    }
}

fn microphone(pen: &Pen<'_>) {
    pen.frame((9.0, 3.0), (15.0, 13.5), 3.0);
    let bow: Vec<_> = (0..=12)
        .map(|step| {
            let angle = std::f32::consts::PI * step as f32 / 12.0;
            (12.0 + 6.5 * angle.cos(), 11.5 + 6.0 * angle.sin())
        })
        .collect();
    pen.line(&bow);
    pen.line(&[(12.0, 17.5), (12.0, 21.0)]);
    pen.line(&[(8.5, 21.0), (15.5, 21.0)]);
}

fn camera(pen: &Pen<'_>) {
    pen.frame((2.5, 6.5), (15.5, 17.5), 2.0);
    pen.line(&[(15.5, 11.0), (21.5, 7.5), (21.5, 16.5), (15.5, 13.0)]);
}

struct Pen<'a> {
    painter: &'a Painter,
    rect: Rect,
    color: Color32,
}

impl Pen<'_> {
    fn line(&self, points: &[(f32, f32)]) {
        self.painter.line(points.iter().map(|point| self.at(*point)).collect(), self.stroke());
    }

    fn frame(&self, min: (f32, f32), max: (f32, f32), rounding: f32) {
        let rect = Rect::from_min_max(self.at(min), self.at(max));
        self.painter.rect_stroke(rect, rounding * self.unit(), self.stroke(), StrokeKind::Middle);
    }

    fn dot(&self, center: (f32, f32), radius: f32) {
        self.painter.circle_filled(self.at(center), radius * self.unit(), self.color);
    }

    fn at(&self, (x, y): (f32, f32)) -> Pos2 {
        pos2(self.rect.left(), self.rect.top()) + vec2(x, y) * self.unit()
    }

    fn stroke(&self) -> Stroke {
        Stroke::new((1.8 * self.unit()).max(1.2), self.color)
    }

    fn unit(&self) -> f32 {
        self.rect.width() / 24.0
    }
}
