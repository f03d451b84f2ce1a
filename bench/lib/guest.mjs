// A call between a Maru client and a guest in Chromium, on the page that signal-server serves.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { CHROMIUM, chromiumArguments, playwrightChromium } from './chromium.mjs';
import { startClient, startServer } from './maru.mjs';
import { stop, stopAll } from './processes.mjs';
import { meanOfStats } from './report.mjs';
import { inTemporaryFolder } from './setup.mjs';
import { pace, timeToRecover } from './statistics.mjs';
import { TONES_HZ } from './tones.mjs';
import { decodeWav, findGaps, shareOfTones } from './wav.mjs';

const OUTAGE_MS = 300;

/** Runs in the page first: collects its connections, and captures audio unprocessed, since noise suppression removes tones. */
function watch() {
  const Original = RTCPeerConnection;
  window.connections = [];
  window.RTCPeerConnection = class extends Original {
    constructor(...args) { super(...args); window.connections.push(this); }
  };
  const { mediaDevices } = navigator;
  const capture = mediaDevices.getUserMedia.bind(mediaDevices);
  const raw = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  mediaDevices.getUserMedia = constraints => capture({ ...constraints, audio: constraints.audio && raw });
}

function measure() {
  const guest = window.guest = { shown: [], sound: [], joinedAt: 0 };
  new MutationObserver(() => {
    const video = document.querySelector('#tiles video');
    if (!video || guest.video) return;
    guest.video = video;
    const next = () => video.requestVideoFrameCallback(now => { guest.shown.push(performance.timeOrigin + now); next(); });
    next();
  }).observe(document.querySelector('#tiles'), { childList: true });
  guest.listen = () => {
    const context = new AudioContext({ sampleRate: 48_000 });
    const source = context.createMediaStreamSource(guest.video.srcObject);
    const tap = context.createScriptProcessor(4096, 1, 1);
    tap.onaudioprocess = ({ inputBuffer }) => { if (guest.listening) guest.sound.push(...inputBuffer.getChannelData(0)); };
    source.connect(tap).connect(context.destination);
    guest.listening = true;
  };
  guest.received = async () => {
    const stats = (await Promise.all(window.connections.map(one => one.getStats()))).flatMap(stats => [...stats.values()]);
    return stats.filter(s => s.type === 'inbound-rtp').reduce((sum, s) => sum + s.bytesReceived, 0);
  };
}

/** Holds two calls, one in each order of joining, and returns the statistics of both sides by their names in the table. */
export function measureGuest(call) {
  return inTemporaryFolder(folder => holdCalls(call, folder));
}

async function holdCalls({ programs, cache, clip, sound, seconds }, folder) {
  const running = [];
  let browser;
  try {
    const { address } = await startServer(running, programs);
    browser = await playwrightChromium(cache).launch({ executablePath: CHROMIUM, args: chromiumArguments(clip, sound) });
    const client = name => startClient(running, { name, folder, programs, address, clip, sound });

    const app = client('first');
    await app.report.wait('joined', app.isAlive);
    const page = await open(browser, address);
    const guestJoinMs = await join(page);
    const connectedAt = (await app.report.wait('first-frame', app.isAlive)).t_ms;
    await sleep(5000);
    const from = Date.now();
    await page.evaluate(() => guest.listen());
    await sleep(Math.max(0, connectedAt + 8000 - Date.now()));
    const bytesAt8 = await page.evaluate(() => guest.received()), ratesFrom = Date.now();
    await sleep(Math.max(0, from + seconds * 1e3 - Date.now()));
    const to = Date.now(), bytes = await page.evaluate(() => guest.received()) - bytesAt8;
    const { shown, heard } = await page.evaluate(() => {
      guest.listening = false;
      return { shown: guest.shown, heard: guest.sound };
    });

    const outageFrom = Date.now();
    nft('add table inet outage; add chain inet outage input { type filter hook input priority 0; }; ' +
      'add rule inet outage input meta l4proto udp drop');
    await sleep(OUTAGE_MS);
    nft('delete table inet outage');
    const outage = { from: outageFrom, to: Date.now() };
    await sleep(4000);
    const shownAfter = await page.evaluate(() => guest.shown);
    await stop(app.process);
    const events = app.report.events(), presented = events.filter(e => e.event === 'presented').map(e => e.t_ms);
    await page.close();

    const empty = await open(browser, address);
    await empty.click('#join');
    await empty.waitForSelector('#call:not([hidden])');
    const second = client('second');
    const firstFrame = await second.report.wait('first-frame', second.isAlive);

    const side = (joinMs, times, timesAfter, kbps, { rate, samples }) => ({
      joinMs, ...pace(times, from, to), kbps, recoveryMs: timeToRecover(timesAfter, outage),
      sound: findGaps({ rate, samples }), toneShare: shareOfTones({ rate, samples }, TONES_HZ),
    });
    const wav = decodeWav(fs.readFileSync(app.wav));
    return {
      'the guest': side(guestJoinMs, shown, shownAfter, bytes * 8 / (to - ratesFrom), { rate: 48_000, samples: Float32Array.from(heard) }),
      'the app': side(firstFrame.t_ms - second.report.find('started').t_ms, presented, presented,
        meanOfStats(events, ratesFrom, to, 'received_bitrate_bps') / 1e3, wav),
    };
  } finally {
    await browser?.close();
    await stopAll(running);
  }
}

const nft = commands => execFileSync('nft', [commands]);

async function open(browser, address) {
  const page = await (await browser.newContext()).newPage();
  await page.addInitScript(watch);
  await page.goto(`http://${address}/r/bench`);
  await page.fill('#name', 'guest');
  await page.waitForSelector('#start .tile:not(.no-picture)');
  await page.evaluate(measure);
  return page;
}

/** Time from the click on Join to the first frame, in ms. */
async function join(page) {
  await page.evaluate(() => { guest.joinedAt = performance.timeOrigin + performance.now(); document.querySelector('#join').click(); });
  await page.waitForFunction(() => guest.shown.length > 0, null, { timeout: 30_000 });
  return page.evaluate(() => guest.shown[0] - guest.joinedAt);
}
