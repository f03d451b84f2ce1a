//! Refuses to build an encoder that would be three times too slow: without nasm, `openh264-sys2` leaves its assembly
//! out and says nothing.

use std::env;
use std::process::{Command, Stdio};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=PATH");
    println!("cargo::rerun-if-env-changed=OPENH264_NO_ASM");
    let arch = env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    if !matches!(arch.as_str(), "x86" | "x86_64") {
        return;
    }
    if env::var_os("OPENH264_NO_ASM").is_some() {
        println!("cargo::error=OPENH264_NO_ASM is set: H.264 would be three times too slow for a call. Unset it.");
        return;
    }
    let nasm = Command::new("nasm").arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !nasm.is_ok_and(|status| status.success()) {
        println!(
            "cargo::error=nasm is missing: H.264 would be three times too slow for a call. Install it \
             (Debian, Ubuntu, Fedora, Arch, Homebrew: the package `nasm`), run `cargo clean -p openh264-sys2`, and \
             build again."
        );
    }
}
