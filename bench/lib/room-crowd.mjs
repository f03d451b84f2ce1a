// A room of six Marus, four of whom have a trouble each: `a` and `b` have none, `slow` and `lossy` are behind links of their
// own, `dying` stands still from a moment on, and `fickle` leaves and comes again. All show small tiles, as six in a window.
// Returns `{ a, b, from, to }`: when `a` and `b` saw each other's frames, `[[shown at, height]]`, in Unix ms.
import { setTimeout as sleep } from 'node:timers/promises';
import { startClient, startServer } from './maru.mjs';
import { ADDRESSES, forwardBetweenLinks, Link, SERVER, within } from './namespaces.mjs';
import { stop, stopAll } from './processes.mjs';

const SHOWN_HEIGHT = '180';
const SETTLE_MS = 8000;
/** Seconds of the window. */
const DIES_AT = 4, LEAVES_AT = 8, COMES_AT = 14;

export async function maruCrowd({ clip, sound, programs, folder, seconds }) {
  const running = [], links = [];
  let dying;
  try {
    links.push(await Link.start(programs, 'delay=20 rate=500 queue=300'));
    links.push(await Link.start(programs, 'delay=20 loss=10', 'third'));
    forwardBetweenLinks();
    const { address } = await startServer(running, programs, '0.0.0.0', within('server'));
    const port = address.split(':')[1];
    const client = (name, side = 'first') => startClient(running, {
      name, folder, programs, clip, sound, address: `${SERVER[side]}:${port}`, prefix: within(side),
      more: ['--address', ADDRESSES[side], '--show-height', SHOWN_HEIGHT],
    });
    const a = client('a');
    await a.report.wait('joined', a.isAlive);
    const b = client('b'), others = [client('slow', 'second'), client('lossy', 'third')];
    dying = client('dying');
    const fickle = client('fickle');
    for (const one of [b, ...others, dying, fickle]) await one.report.wait('first-frame', one.isAlive);
    await sleep(SETTLE_MS);
    const from = Date.now(), at = second => sleep(from + second * 1e3 - Date.now());
    await at(DIES_AT);
    dying.process.kill('SIGSTOP');
    await at(LEAVES_AT);
    await stop(fickle.process);
    await at(COMES_AT);
    const again = client('fickle again');
    await again.report.wait('first-frame', again.isAlive);
    await at(seconds);
    const to = Date.now();
    const seen = (viewer, sender) => viewer.report.events()
      .filter(e => e.event === 'presented' && e.peer === sender).map(e => [e.t_ms, e.height]);
    return { a: seen(a, 'b'), b: seen(b, 'a'), from, to };
  } finally {
    dying?.process.kill('SIGCONT');
    await stopAll(running);
    for (const link of links) await link.end();
  }
}
