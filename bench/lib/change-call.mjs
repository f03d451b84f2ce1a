// A call in which the network of the second side changes again and again: between two Marus, or two Chromiums whose page
// restarts ICE when it is disconnected. Both functions return `[{ at, shown: [first, second] }]`, one for each change. `at`:
// when it happened, or when the network or the machine was back, in Unix ms. `shown`: when each side showed a frame until the
// next change.
import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { CHROMIUM, joinReference, openReference } from './chromium.mjs';
import { startClient, startServer } from './maru.mjs';
import { Link, SERVER, within, wrapped } from './namespaces.mjs';
import { processTree, stopAll } from './processes.mjs';

const WARM_UP_MS = 8000;
const GOOD = 'delay=20';
const DEVICE = 'far-second';
const ip = (...args) => execFileSync('ip', ['-n', 'second', ...args]);

/** `begin(number, pids)` and, `seconds` later, `end(pids)`. `settle`: seconds until the next one. `pids`: of the second side. */
export const CHANGES = {
  address: {
    what: 'another address', times: 20, seconds: 0, settle: 8,
    begin: number => {
      ip('addr', 'del', `${address(number)}/24`, 'dev', DEVICE);
      ip('addr', 'add', `${address(number + 1)}/24`, 'dev', DEVICE);
    },
    end: () => {},
  },
  outage10: outage(10, 15),
  outage30: outage(30, 20),
  sleep: {
    what: 'a minute asleep', times: 5, seconds: 60, settle: 20,
    begin: (_, pids) => signal(pids, 'SIGSTOP'),
    end: pids => signal(pids, 'SIGCONT'),
  },
};

function outage(seconds, settle) {
  return {
    what: `${seconds} s without a network`, times: 5, seconds, settle,
    begin: () => ip('link', 'set', DEVICE, 'down'),
    end: () => ip('link', 'set', DEVICE, 'up'),
  };
}

/** The second side's address after so many changes. Link.start gives the first. */
const address = number => `10.77.0.${2 + number}`;
const signal = (pids, name) => pids.forEach(pid => process.kill(pid, name));

export async function maruChanges({ clip, sound, programs, change, folder }) {
  const running = [];
  const link = await Link.start(programs, GOOD);
  try {
    const { address } = await startServer(running, programs, '0.0.0.0', within('server'));
    const port = address.split(':')[1];
    const client = name => startClient(running, {
      name, folder, programs, clip, sound, address: `${SERVER[name]}:${port}`, prefix: within(name),
    });
    const first = client('first');
    await first.report.wait('joined', first.isAlive);
    const second = client('second');
    await second.report.wait('first-frame', second.isAlive);
    const times = await happen(change, [second.process.pid]);
    const shown = [first, second].map(({ report }) => report.events().filter(e => e.event === 'presented').map(e => e.t_ms));
    return betweenChanges(times, shown);
  } finally {
    await stopAll(running);
    await link.end();
  }
}

export async function chromiumChanges({ cache, clip, sound, programs, change, folder }) {
  const executables = ['first', 'second'].map(name => wrapped(folder, name, CHROMIUM));
  const link = await Link.start(programs, GOOD);
  const { first, second, close } = await openReference({ cache, clip, sound, executables });
  try {
    await joinReference(first, second, { restartsIce: true });
    const pids = processTree(process.pid).filter(pid => isIn(pid, 'second'));
    const times = await happen(change, pids);
    const shown = [];
    for (const page of [first, second]) shown.push(await page.evaluate(() => reference.shown));
    return betweenChanges(times, shown);
  } finally {
    await close();
    await link.end();
  }
}

/** Whether a process is in this namespace. */
function isIn(pid, name) {
  try {
    return execFileSync('ip', ['netns', 'identify', String(pid)]).toString().trim() === name;
  } catch { return false; } // It has ended.
}

/** Returns when each change happened or was over: `[[from, at]]`. */
async function happen({ times, seconds, settle, begin, end }, pids) {
  await sleep(WARM_UP_MS);
  const all = [];
  for (let number = 0; number < times; number++) {
    const from = Date.now();
    begin(number, pids);
    await sleep(seconds * 1e3);
    end(pids);
    all.push([from, Date.now()]);
    await sleep(settle * 1e3);
  }
  return all;
}

function betweenChanges(times, shown) {
  return times.map(([from, at], i) => {
    const until = times[i + 1]?.[0] ?? Infinity;
    return { from, at, shown: shown.map(all => all.filter(time => time >= from && time < until)) };
  });
}
