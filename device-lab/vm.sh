#!/usr/bin/env bash
# vm.sh [-t SECONDS] [-o FOLDER] -- COMMAND...
#
# Runs COMMAND as root in a small virtual machine whose kernel has a camera and a sound card:
#   /dev/video0    vivid, a V4L2 camera with a moving test picture (YUYV, NV12 and others, but no MJPEG)
#   ALSA card 0    snd-aloop: what is played to hw:0,0 is recorded from hw:0,1
# In the machine, "modprobe -r vivid" and "modprobe -r snd-aloop" unplug them; "modprobe vivid $VIVID" and "modprobe
# snd-aloop" plug them in. MARU_DEVICE_VM=1 tells COMMAND that it runs in the machine.
#
# The machine sees the host's files at the same paths; its changes to them are discarded. It has no network but
# loopback. Files that COMMAND writes to $OUT are in FOLDER afterwards. Emulation is ten to twenty times slower than the
# host: use small frames.
#
# Exit status: that of COMMAND; 124 after SECONDS (default: 180); 125 if the machine did not start.
# Needs Debian on x86-64, whose kernel package has both drivers, and the packages "devices" of scripts/packages.txt.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
usage() {
  sed -n '2,/^set/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
}
fail() {
  echo "device lab: $1" >&2
  exit 125
}

if [ "${1:-}" = --help ]; then
  usage
  exit
fi

limit=180 out=
while getopts t:o: option; do
  case $option in
    t) limit=$OPTARG ;;
    o) out=$OPTARG ;;
    *) usage >&2 && exit 2 ;;
  esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || { usage >&2; exit 2; }

PATH=$PATH:/usr/sbin:/sbin
cache=${XDG_CACHE_HOME:-$HOME/.cache}/maru/device-lab
job=$(mktemp -d)
trap 'rm -rf "$job"' EXIT
mkdir -p "${out:=$job/out}"

# Unpacks Debian's current kernel package into the cache. To update it, delete that folder.
fetch_kernel() {
  local package
  package=$(apt-cache depends linux-image-amd64 2>/dev/null | awk '/Depends:/ { print $2; exit }')
  [ -n "$package" ] || fail "apt does not know linux-image-amd64. It needs Debian, and 'apt-get update' first."
  rm -rf "$cache.new"
  mkdir -p "$cache.new"
  (cd "$cache.new" && apt-get download -qq "$package" && dpkg -x ./*.deb . && rm ./*.deb) 2>"$job/apt" ||
    fail "cannot fetch the kernel package: $(cat "$job/apt")"
  echo "${package#linux-image-}" >"$cache.new/release"
  depmod -b "$cache.new" "${package#linux-image-}"
  rm -rf "$cache"
  mv "$cache.new" "$cache"
}

# The initial file system: busybox, and the kernel modules that mount the host's files.
make_initrd() {
  local tree=$job/initrd module
  mkdir -p "$tree"/{bin,modules,proc,sys,dev,host,layer,root}
  cp "$(command -v busybox)" "$tree/bin/"
  cp "$here/init" "$tree/"
  for module in virtio_pci 9pnet_virtio 9p overlay; do
    modprobe -d "$cache" -S "$release" --show-depends "$module"
  done | awk '/^insmod/ && !seen[$2]++ { print $2 }' | while read -r module; do
    cp "$module" "$tree/modules/"
    basename "$module" >>"$tree/modules/order"
  done
  (cd "$tree" && find . | cpio -o -H newc --quiet) >"$job/initrd.cpio"
}

[ -e "$cache/release" ] || fetch_kernel
release=$(cat "$cache/release")
make_initrd
cp "$here/guest.sh" "$job/"
printf '%q ' "$@" >"$job/command"
printf '%s=%q\n' folder "$PWD" modules "$cache/lib/modules/$release" release "$release" HOME "$HOME" >"$job/settings"

share() { # NAME FOLDER READONLY
  machine+=(-fsdev "local,id=$1,path=$2,security_model=none,multidevs=remap,readonly=$3")
  machine+=(-device "virtio-9p-pci,fsdev=$1,mount_tag=$1")
}
# Software emulation even if there is /dev/kvm: nested KVM may hang.
# A processor without AVX, which is slow to emulate.
machine=(-accel "tcg,thread=multi" -cpu Nehalem -smp 2 -m 3072 -nodefaults -display none -no-reboot
  -kernel "$cache/boot/vmlinuz-$release" -initrd "$job/initrd.cpio"
  -append "console=ttyS0 panic=-1 quiet" -serial "file:$job/console" -serial stdio)
share host / on
share job "$job" on
share out "$out" off

# COMMAND's output comes over the second serial port, its status in a file.
rm -f "$out/.status"
status=0
timeout "$limit" qemu-system-x86_64 "${machine[@]}" </dev/null || status=$?
if [ -e "$out/.status" ]; then
  status=$(cat "$out/.status")
  rm "$out/.status"
  exit "$status"
fi
tail -n 20 "$job/console" >&2
[ "$status" -eq 124 ] || fail "the virtual machine did not start (exit status of qemu: $status)"
echo "device lab: COMMAND did not end within $limit seconds" >&2
exit 124
