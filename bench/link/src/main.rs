//! `maru-link`: emulates a network link in user space, for kernels without `netem`.
//!
//! It makes two TUN devices and carries packets between them as [`maru_link::Path`] says, the model of simulated calls.
//! The devices stay attached when they are moved into network namespaces.

#[cfg(target_os = "linux")]
mod direction;
mod settings;

use clap::Parser;

/// Emulates a link between two new TUN devices. Each line on standard input replaces the settings. At the end of the
/// input it prints statistics as JSON and exits.
#[derive(Debug, Parser)]
#[command(name = "maru-link", after_help = settings::HELP)]
struct Arguments {
    /// Names of the two devices.
    #[arg(num_args = 2, required = true)]
    devices: Vec<String>,
    /// Seed of the random numbers that decide about loss and jitter.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Settings at the start.
    #[arg(long, default_value = "")]
    settings: String,
}

#[cfg(target_os = "linux")]
fn main() {
    if let Err(reason) = run(&Arguments::parse()) {
        eprintln!("maru-link: {reason}");
        std::process::exit(1);
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    let arguments = Arguments::parse();
    let reason = settings::parse(&arguments.settings).err().unwrap_or_else(|| "network namespaces need Linux".into());
    eprintln!("maru-link: {reason}");
    std::process::exit(1);
}

#[cfg(target_os = "linux")]
fn run(arguments: &Arguments) -> Result<(), String> {
    use std::sync::Arc;

    use direction::Direction;

    let config = settings::parse(&arguments.settings)?;
    let devices = arguments.devices.iter().map(|name| device(name).map(Arc::new));
    let devices: Vec<Arc<tun::Device>> = devices.collect::<Result<_, _>>()?;
    let start = |from: &Arc<tun::Device>, to: &Arc<tun::Device>, seed| {
        Direction::start(from, to, seed, config).map_err(|error| error.to_string())
    };
    let forth = start(&devices[0], &devices[1], arguments.seed)?;
    let back = start(&devices[1], &devices[0], !arguments.seed)?;
    println!("ready");
    for line in std::io::stdin().lines() {
        match settings::parse(&line.map_err(|error| error.to_string())?) {
            Ok(config) => [&forth, &back].into_iter().for_each(|direction| direction.set_config(config)),
            Err(reason) => eprintln!("maru-link: {reason}"),
        }
    }
    println!("[{}, {}]", forth.summary(), back.summary());
    Ok(())
}

#[cfg(target_os = "linux")]
fn device(name: &str) -> Result<tun::Device, String> {
    let mut configuration = tun::Configuration::default();
    configuration.tun_name(name);
    // The addresses are set by the caller, once the device is in its namespace.
    configuration.platform_config(|platform| {
        platform.ensure_root_privileges(false);
    });
    tun::Device::new(&configuration).map_err(|error| {
        format!("cannot make the TUN device {name}: {error}. This needs root, or the capability CAP_NET_ADMIN.")
    })
}
