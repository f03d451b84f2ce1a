// Network namespaces of the bench: `first` and `second` hold the call over an impaired link, and reach `server` for
// signaling over unimpaired ones. Rooms have a `third` behind a link of its own to `first`.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { firstLine } from './processes.mjs';

export const ADDRESSES = { first: '10.77.0.1', second: '10.77.0.2', third: '10.78.0.2' };
export const SERVER = { first: '10.88.1.1', second: '10.88.2.1', third: '10.88.3.1' };
const SIDES = Object.keys(ADDRESSES);
const NAMESPACES = ['--user', '--map-root-user', '--net', '--mount'];

/**
 * Runs this program again in namespaces of its own, where it may configure the network without being root, and exits with
 * its status. Does nothing in there. `prepare`: a shell command that runs there first; `env`: further environment.
 */
export function moveIntoOwnNamespace(env, prepare = 'mount -t tmpfs tmpfs /run') {
  if (process.env.MARU_BENCH_NAMESPACE) return;
  const script = `ip link set lo up && ${prepare} && exec "$0" "$@"`;
  const inside = [...NAMESPACES, 'sh', '-c', script, ...process.argv];
  const { status } = spawnSync('unshare', inside, { stdio: 'inherit', env: { ...process.env, ...env, MARU_BENCH_NAMESPACE: '1' } });
  process.exit(status ?? 1);
}

/** As sentences: what network namespaces need and this machine does not have. */
export function missingForNamespaces() {
  const missing = ['ip', 'nsenter', 'unshare'].filter(program => spawnSync('which', [program]).status !== 0)
    .map(program => `The program ${program} is missing (packages iproute2 and util-linux).`);
  if (missing.length) return missing;
  if (spawnSync('unshare', [...NAMESPACES, 'true']).status !== 0) {
    missing.push('This user may not make network namespaces (see sysctl kernel.unprivileged_userns_clone).');
  }
  return missing;
}

/** The same for network namespaces with a {@link Link}. */
export function missingForLink() {
  const tun = fs.existsSync('/dev/net/tun') ? [] : ['The device /dev/net/tun is missing (kernel module tun).'];
  return [...missingForNamespaces(), ...tun];
}

/** Makes the namespaces. Call it once, after {@link moveIntoOwnNamespace}. */
export function makeNamespaces() {
  for (const name of [...SIDES, 'server']) {
    ip('netns', 'add', name);
    ip('-n', name, 'link', 'set', 'lo', 'up');
  }
  for (const side of SIDES) {
    ip('link', 'add', 'server', 'netns', side, 'type', 'veth', 'peer', 'name', side, 'netns', 'server');
    ip('-n', 'server', 'addr', 'add', `${SERVER[side]}/24`, 'dev', side);
    ip('-n', 'server', 'link', 'set', side, 'up');
    ip('-n', side, 'addr', 'add', `${SERVER[side].replace(/1$/, '2')}/24`, 'dev', 'server');
    ip('-n', side, 'link', 'set', 'server', 'up');
  }
}

export const within = name => ['nsenter', `--net=/run/netns/${name}`];

/** Writes a script to `folder` that runs `program` in namespace `name`. Returns its path. */
export function wrapped(folder, name, program) {
  const file = path.join(folder, `${path.basename(program)}-in-${name}`);
  fs.writeFileSync(file, `#!/bin/sh\nexec ${within(name).join(' ')} ${program} "$@"\n`, { mode: 0o755 });
  return file;
}

/** Those behind different links reach each other through `first`, too. Call it when the links are there. */
export function forwardBetweenLinks() {
  const [program, ...args] = within('first');
  execFileSync(program, [...args, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward']);
  for (const side of SIDES.slice(1)) ip('-n', side, 'route', 'add', 'default', 'via', nearEnd(side));
}

/** The address of `first` on the link to `side`. */
const nearEnd = side => ADDRESSES[side].replace(/2$/, '1');

/** The link between `first` and another one, with the same settings in both directions. */
export class Link {
  /** `settings`: in the syntax of maru-link, which is in the folder `programs`. `side`: the other one. */
  static async start(programs, settings, side = 'second') {
    const link = new Link();
    const ends = [['first', `near-${side}`, nearEnd(side)], [side, `far-${side}`, ADDRESSES[side]]];
    link.process = spawn(path.join(programs, 'maru-link'), ['--settings', settings, ...ends.map(([, device]) => device)],
      { stdio: ['pipe', 'pipe', 'inherit'] });
    link.ended = once(link.process, 'exit');
    await firstLine(link.process);
    for (const [name, device, address] of ends) {
      ip('link', 'set', device, 'netns', name);
      ip('-n', name, 'addr', 'add', `${address}/24`, 'dev', device);
      ip('-n', name, 'link', 'set', device, 'mtu', '1500', 'txqueuelen', '2000', 'up');
    }
    return link;
  }

  set(settings) {
    this.process.stdin.write(settings + '\n');
  }

  /** `changes`: `[[seconds from now, settings]]`. */
  schedule(changes) {
    this.timers = changes.map(([seconds, settings]) => setTimeout(() => this.set(settings), seconds * 1e3));
  }

  async end() {
    this.timers?.forEach(clearTimeout);
    this.process.stdin.end();
    await this.ended;
  }
}

function ip(...args) {
  execFileSync('ip', args);
}
