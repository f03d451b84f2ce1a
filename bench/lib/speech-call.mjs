// A call over an impaired link in which both sides speak. Both functions hold it and return what the second side heard:
//   heard          32-bit floats at 48 kHz, mono: what was played in the measured window
//   own, lateMs    Chromium only: the same from the first side's microphone, and by how much the recording of what was
//                  heard began after it
//   sound          Maru only: [heard, heard - spoken] in the window
//   concealedShare of the audio in the window
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { CHROMIUM, concealedShare, joinReference, openReference } from './chromium.mjs';
import { startClient, startServer } from './maru.mjs';
import { ADDRESSES, Link, SERVER, within, wrapped } from './namespaces.mjs';
import { stop, stopAll } from './processes.mjs';
import { matchSound, meanOfStats } from './report.mjs';
import { decodeWav } from './wav.mjs';

const WARM_UP_MS = 6000;
const RATE = 48_000;

export async function chromiumSpeech({ cache, clip, speech, programs, network, folder, seconds }) {
  const executables = ['first', 'second'].map(name => wrapped(folder, name, CHROMIUM));
  const link = await Link.start(programs, network.settings);
  const { first, second, close } = await openReference({ cache, clip, sound: speech, executables });
  try {
    link.schedule(network.changes ?? []);
    await joinReference(first, second);
    await sleep(WARM_UP_MS);
    await first.evaluate(() => reference.keepAudio(true));
    await second.evaluate(() => reference.keepAudio(false));
    const before = await second.evaluate(() => reference.stats());
    await sleep(seconds * 1e3);
    const after = await second.evaluate(() => reference.stats());
    const [own, heard] = await Promise.all([first, second].map(side => side.evaluate(() => reference.keptAudio())));
    return {
      heard: floats(heard), own: floats(own), lateMs: heard.startMs - own.startMs,
      concealedShare: concealedShare(before, after),
    };
  } finally {
    await close();
    await link.end();
  }
}

export async function maruSpeech({ clip, speech, programs, network, folder, seconds }) {
  const running = [];
  const link = await Link.start(programs, network.settings);
  try {
    const { address } = await startServer(running, programs, '0.0.0.0', within('server'));
    const port = address.split(':')[1];
    const client = name => startClient(running, {
      name, folder, programs, clip, sound: speech, address: `${SERVER[name]}:${port}`, prefix: within(name),
      more: ['--address', ADDRESSES[name]],
    });
    const first = client('first');
    await first.report.wait('joined', first.isAlive);
    link.schedule(network.changes ?? []);
    const second = client('second');
    const from = (await second.report.wait('first-frame', second.isAlive)).t_ms + WARM_UP_MS, to = from + seconds * 1e3;
    await sleep(to - Date.now());
    for (const { process } of [second, first]) await stop(process);
    const events = second.report.events();
    const sound = matchSound(first.report.events().filter(e => e.event === 'spoken'), events.filter(e => e.event === 'heard'));
    const { samples } = decodeWav(fs.readFileSync(second.wav));
    return {
      heard: samples.slice(-seconds * RATE),
      sound: sound.filter(([at]) => at >= from && at < to),
      concealedShare: meanOfStats(events, from, to, 'concealed'),
    };
  } finally {
    await stopAll(running);
    await link.end();
  }
}

const floats = ({ base64 }) => {
  const bytes = Buffer.from(base64, 'base64');
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
};
