#!/usr/bin/env bash
# The first process of the virtual machine after init: loads the drivers and runs the command that vm.sh saved.
# shellcheck source=/dev/null
. /maru-job/settings
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME OUT=/maru-out MARU_DEVICE_VM=1
export VIVID="n_devs=1 node_types=0x1 num_inputs=1 input_types=0x0"

mkdir -p /dev/shm /dev/pts /lib/modules
mount -t tmpfs run /run
mount -t tmpfs shm /dev/shm
mount -t devpts pts /dev/pts
busybox ip link set lo up
ln -sfn "${modules:?}" "/lib/modules/${release:?}"

# shellcheck disable=SC2086 # several arguments
modprobe vivid $VIVID
modprobe snd-aloop
busybox timeout 20 busybox sh -c 'until [ -e /dev/video0 ] && [ -e /dev/snd/controlC0 ]; do busybox usleep 20000; done'

stty -F /dev/ttyS1 raw
if [ -e /dev/video0 ] && [ -e /dev/snd/controlC0 ] && cd "${folder:?}"; then
  bash /maru-job/command >/dev/ttyS1 2>&1 </dev/null
  echo $? >"$OUT/.status"
fi
sync
busybox poweroff -f
