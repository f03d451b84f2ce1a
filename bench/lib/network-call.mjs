// A call over an impaired link, between two Chromiums or two Marus. Both functions return the log of the second side.
// All times are Unix ms.
//   asked, firstFrame  when it began to join, and when it showed the first frame
//   from, to           the measured window
//   shown              when each frame was shown
//   delays             [shown, shown - captured] for each frame
//   rates              [end of a second, kbit/s received in it]
//   concealedShare     share of concealed audio in the window
//   files              Y4M files with some of the shown frames
//   sound              [heard, heard - spoken], Maru only
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CLIP } from './barcode.mjs';
import { CHROMIUM, concealedShare, joinReference, openReference, timedDelaysByNumber } from './chromium.mjs';
import { startClient, startServer } from './maru.mjs';
import { ADDRESSES, Link, SERVER, within, wrapped } from './namespaces.mjs';
import { stop, stopAll } from './processes.mjs';
import { matchFrames, matchSound, meanOfStats } from './report.mjs';
import { writeY4m } from './y4m.mjs';

const WARM_UP_MS = 6000;
/** About one frame per second. Coprime to the clip's 600 frames, so that each turn of the loop gives other frames. */
const KEEP_EVERY = 31;

export async function chromiumOverNetwork({ cache, clip, sound, programs, network, folder, seconds = network.seconds }) {
  const executables = ['first', 'second'].map(name => wrapped(folder, name, CHROMIUM));
  const link = await Link.start(programs, network.settings);
  const { first, second, close } = await openReference({ cache, clip, sound, executables });
  try {
    link.schedule(network.changes ?? []);
    await joinReference(first, second);
    await first.evaluate(() => reference.watchOwn());
    await second.evaluate(() => { reference.watchRemote(); reference.watchRate(); });
    await sleep(WARM_UP_MS);
    const before = await second.evaluate(() => reference.stats()), from = Date.now();
    await second.evaluate(everyMs => reference.keepFrames(everyMs), KEEP_EVERY / CLIP.fps * 1e3);
    await sleep(seconds * 1e3);
    const after = await second.evaluate(() => reference.stats()), to = Date.now();
    const own = await first.evaluate(() => reference.own);
    const { asked, firstFrame, shown, remote, received, kept } = await second.evaluate(() => {
      const { asked, firstFrame, shown, remote, received, kept: { length } } = reference;
      return { asked, firstFrame, shown, remote, received, kept: length };
    });
    const file = path.join(folder, 'shown.y4m');
    await writeY4m(file, Array.from({ length: kept }, (_, i) => () => second.evaluate(i => reference.keptFrame(i), i)));
    return {
      asked, firstFrame, from, to, shown,
      delays: timedDelaysByNumber(own, remote.map(([n, , at]) => [n, at])),
      rates: received.slice(1).map(([at, bytes], i) => [at, (bytes - received[i][1]) * 8 / (at - received[i][0])]),
      concealedShare: concealedShare(before, after),
      files: [file],
    };
  } finally {
    await close();
    await link.end();
  }
}

export async function maruOverNetwork({ clip, sound, programs, network, folder, seconds = network.seconds }) {
  const running = [];
  const link = await Link.start(programs, network.settings);
  try {
    const { address } = await startServer(running, programs, '0.0.0.0', within('server'));
    const port = address.split(':')[1];
    const client = name => startClient(running, {
      name, folder, programs, clip, sound, address: `${SERVER[name]}:${port}`, prefix: within(name),
      more: ['--address', ADDRESSES[name], ...clip ? ['--save-remote', 'HOME', '--save-every', String(KEEP_EVERY)] : []],
    });
    const first = client('first');
    await first.report.wait('joined', first.isAlive);
    link.schedule(network.changes ?? []);
    const second = client('second');
    const firstFrame = (await second.report.wait('first-frame', second.isAlive)).t_ms;
    const from = firstFrame + WARM_UP_MS, to = from + seconds * 1e3;
    await sleep(to - Date.now());
    for (const { process } of [second, first]) await stop(process);

    const events = second.report.events(), others = first.report.events();
    const presented = events.filter(e => e.event === 'presented');
    const frames = matchFrames(others.filter(e => e.event === 'captured'), presented);
    return {
      asked: second.report.find('started').t_ms, firstFrame, from, to,
      shown: presented.map(e => e.t_ms),
      delays: frames.map(f => [f.presentedMs, f.presentedMs - f.capturedMs]),
      rates: events.filter(e => e.event === 'stats' && e.peers?.[0]).map(e => [e.t_ms, e.peers[0].received_bitrate_bps / 1e3]),
      concealedShare: meanOfStats(events, from, to, 'concealed'),
      sound: matchSound(others.filter(e => e.event === 'spoken'), events.filter(e => e.event === 'heard')),
      files: fs.readdirSync(second.home).filter(name => name.endsWith('.y4m')).map(name => path.join(second.home, name)),
    };
  } finally {
    await stopAll(running);
    await link.end();
  }
}
