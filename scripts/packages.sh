# shellcheck shell=bash
# Sourced by ./run, ./test and bench/setup: installs the system packages that are missing. Tested on Debian and Ubuntu;
# not tested on Fedora, Arch and macOS.

# ensure_packages PURPOSE...: installs the packages of packages.txt for these purposes. Asks before it uses sudo.
ensure_packages() {
  local manager missing answer log
  manager=$(package_manager) || {
    echo "This system has none of apt, dnf, pacman and brew. Install these packages (names of Debian):" \
      "$(packages_for 2 "$@" | xargs)" >&2
    return 0
  }
  missing=$("missing_$manager" "$@" | xargs)
  [ -n "$missing" ] || return 0

  echo "Missing packages (for: $*): $missing"
  if needs_sudo "$manager"; then
    command -v sudo >/dev/null || {
      echo "Installing needs root, and sudo is missing. Run as root: $(install_command "$manager") $missing" >&2
      return 1
    }
    if [ -t 0 ] && [ "${CI:-}" != true ]; then
      read -r -p "Install with sudo? [Y/n] " answer
      [[ ${answer:-y} == [Yy]* ]] || { echo "Not installed." >&2; return 1; }
    fi
  fi
  echo "Installing."
  log=$(mktemp)
  if ! install_packages "$manager" "$missing" >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}

# ensure_rust ROOT: checks that cargo is installed and not older than the rust-version of ROOT/Cargo.toml.
ensure_rust() {
  local wanted found
  command -v cargo >/dev/null || PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
  command -v cargo >/dev/null || {
    echo "Rust is missing. Install it from https://rustup.rs, then run this again." >&2
    return 1
  }
  wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$1/Cargo.toml")
  found=$(cargo --version | cut -d ' ' -f 2)
  [ "$(printf '%s\n' "$wanted" "$found" | sort -V | head -n 1)" = "$wanted" ] || {
    echo "Rust $wanted or newer is needed, and this is $found. Update with 'rustup update'." >&2
    return 1
  }
}

package_manager() {
  local manager
  for manager in apt-get:apt dnf:dnf pacman:pacman brew:brew; do
    command -v "${manager%%:*}" >/dev/null && { echo "${manager##*:}"; return; }
  done
  return 1
}

needs_sudo() {
  [ "$1" != brew ] && [ "$(id -u)" -ne 0 ]
}

# install_packages MANAGER "PACKAGE PACKAGE..."
install_packages() {
  local words sudo=
  needs_sudo "$1" && sudo=sudo
  read -ra words <<<"$sudo $(install_command "$1") $2"
  [ "$1" != apt ] || $sudo apt-get update -qq || return
  "${words[@]}"
}

install_command() {
  case $1 in
    apt) echo "env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends" ;;
    dnf) echo "dnf install -y --setopt=install_weak_deps=False" ;;
    pacman) echo "pacman -Sy --needed --noconfirm" ;;
    brew) echo "brew install" ;;
  esac
}

# packages_for COLUMN PURPOSE...
packages_for() {
  local column=$1
  shift
  awk -v column="$column" -v purposes=" $* " \
    '!/^#/ && index(purposes, " " $1 " ") && $column != "-" && !seen[$column]++ { print $column }' \
    "$(dirname "${BASH_SOURCE[0]}")/packages.txt"
}

missing_apt() {
  packages_for 2 "$@" | while read -r package; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -q '^installed' || echo "$package"
  done
}

missing_dnf() {
  packages_for 3 "$@" | while read -r package; do
    rpm -q --quiet --whatprovides "$package" || echo "$package"
  done
}

missing_pacman() {
  packages_for 4 "$@" | xargs -r pacman -T || true
}

missing_brew() {
  packages_for 5 "$@" | while read -r package; do
    brew list --versions "$package" >/dev/null || echo "$package"
  done
}
