#!/usr/bin/env bash
# vm.sh [-t SECONDS] [-o FOLDER] -- COMMAND...
#
# Runs COMMAND as root in a small virtual machine whose kernel has devices that this machine may lack:
#   /dev/video0    vivid, a V4L2 camera with a moving test picture (YUYV, NV12 and others, but no MJPEG)
#   ALSA card 0    snd-aloop: what is played to hw:0,0 is recorded from hw:0,1
# In there "modprobe -r vivid" and "modprobe -r snd-aloop" unplug them, "modprobe vivid $VIVID" and "modprobe
# snd-aloop" plug them in again. MARU_DEVICE_VM=1 tells COMMAND that it is in the machine.
#
# The guest sees this machine's files at the same paths, read-only under a layer that is thrown away, and no network
# but its own loopback. Files that COMMAND writes under $OUT come back in FOLDER. Being emulated it runs ten to twenty
# times slower than the host: use small pictures.
#
# Exit status: COMMAND's; 124 when SECONDS (180) are over; 125 when the machine did not come up.
# Needs Debian on x86-64, whose kernel package has both drivers, and the packages "devices" of scripts/packages.txt.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
usage() {
  sed -n '2,/^set/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
  exit 2
}
fail() {
  echo "device lab: $1" >&2
  exit 125
}

limit=180 out=
while getopts t:o: option; do
  case $option in
    t) limit=$OPTARG ;;
    o) out=$OPTARG ;;
    *) usage ;;
  esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || usage

PATH=$PATH:/usr/sbin:/sbin
cache=${XDG_CACHE_HOME:-$HOME/.cache}/maru/device-lab
job=$(mktemp -d)
trap 'rm -rf "$job"' EXIT
mkdir -p "${out:=$job/out}"

# Unpacks Debian's current kernel package into the cache. Delete the folder to get a newer one.
fetch_kernel() {
  local package
  package=$(apt-cache depends linux-image-amd64 2>/dev/null | awk '/Depends:/ { print $2; exit }')
  [ -n "$package" ] || fail "apt does not know linux-image-amd64. It needs Debian, and 'apt-get update' first."
  rm -rf "$cache.new"
  mkdir -p "$cache.new"
  (cd "$cache.new" && apt-get download -qq "$package" && dpkg -x ./*.deb . && rm ./*.deb) 2>"$job/apt" ||
    fail "the kernel package could not be fetched: $(cat "$job/apt")"
  echo "${package#linux-image-}" >"$cache.new/release"
  depmod -b "$cache.new" "${package#linux-image-}"
  rm -rf "$cache"
  mv "$cache.new" "$cache"
}

# The initial file system: what is needed to mount the host's files and go there.
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
# Software emulation even where there is /dev/kvm: inside another virtual machine that may hang, and all can afford it.
# A processor without AVX: emulating that is slower than what it replaces.
machine=(-accel "tcg,thread=multi" -cpu Nehalem -smp 2 -m 3072 -nodefaults -display none -no-reboot
  -kernel "$cache/boot/vmlinuz-$release" -initrd "$job/initrd.cpio"
  -append "console=ttyS0 panic=-1 quiet" -serial "file:$job/console" -serial stdio)
share host / on
share job "$job" on
share out "$out" off

# The command's output is on the second serial line, its status in a file.
rm -f "$out/.status"
status=0
timeout "$limit" qemu-system-x86_64 "${machine[@]}" </dev/null || status=$?
if [ -e "$out/.status" ]; then
  status=$(cat "$out/.status")
  rm "$out/.status"
  exit "$status"
fi
tail -n 20 "$job/console" >&2
[ "$status" -eq 124 ] || fail "the virtual machine did not come up (qemu's status: $status)"
echo "device lab: not done after $limit seconds" >&2
exit 124
