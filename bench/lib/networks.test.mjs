import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { brokenCall, missed, networkStatistics } from './network-statistics.mjs';
import { networkTable } from './network-table.mjs';
import { NETWORKS } from './networks.mjs';
import { overTime, plot } from './plot.mjs';
import { matchSound } from './report.mjs';
import { inTemporaryFolder } from './setup.mjs';
import { pickFrames, writeY4m } from './y4m.mjs';

const every = (ms, from, to, value) => Array.from({ length: (to - from) / ms }, (_, i) => value(from + i * ms));
/** The log of a perfect call: joined at 0, first frame at 500, measured from 6500 on. */
const perfect = seconds => ({
  asked: 0, firstFrame: 500, from: 6500, to: 6500 + seconds * 1e3,
  shown: every(33, 500, 6500 + seconds * 1e3, at => at),
  delays: every(33, 500, 6500 + seconds * 1e3, at => [at, 40]),
  rates: every(1000, 1000, 6500 + seconds * 1e3, at => [at, 2500]),
  concealedShare: 0,
  sound: every(100, 500, 6500 + seconds * 1e3, at => [at, 60]),
});
const quality = { psnr: 42, ssim: 0.98, count: 20 };

test('a perfect call misses no target, and a bad one lists what it misses', () => {
  const { clean } = NETWORKS, good = networkStatistics(perfect(20), clean, quality);
  assert.equal(good.joinMs, 500);
  assert.deepEqual(good.lipSyncMs, { p5: -20, p50: -20, p95: -20, within: 1 });
  assert.deepEqual(missed(clean, good, { ...good, psnr: 41 }), []);
  const log = perfect(20);
  log.shown = log.shown.filter(at => at < 10_000 || at > 10_900);
  log.sound = log.sound.map(([at]) => [at, 250]);
  const sentences = missed(clean, networkStatistics(log, clean, quality), { ...good, psnr: 43 });
  assert.deepEqual(sentences.map(sentence => sentence.split(' ')[0]), ['frames', 'frozen', 'mouth', 'lip', 'frames', 'frozen', 'PSNR']);
});

test('a slow call is not broken, and a call without media is', () => {
  const good = networkStatistics(perfect(10), NETWORKS.clean, {});
  assert.deepEqual(brokenCall(good), []);
  assert.deepEqual(brokenCall({ ...good, fps: 12, latencyMs: { p50: 600 } }), []);
  const none = networkStatistics({ ...perfect(10), shown: [], delays: [], sound: [] }, NETWORKS.clean, {});
  assert.equal(brokenCall({ ...none, concealedShare: NaN }).length, 5);
});

test('rate recovery counts from the last change of the link', () => {
  const { drop } = NETWORKS, log = perfect(38);
  log.rates = log.rates.map(([at]) => [at, at > 15_000 && at < 34_000 ? 500 : 2500]);
  assert.equal(networkStatistics(log, drop, quality).recoverySeconds, 4);
  log.rates = log.rates.map(([at]) => [at, 500]);
  assert.equal(networkStatistics(log, drop, quality).recoverySeconds, null);
  assert.match(missed(drop, networkStatistics(log, drop, quality)).join(), /rate recovered after none/);
});

test('audio is matched by RTP time, also where that wraps', () => {
  const start = 0xffffffff - 480;
  const spoken = [0, 1, 2].map(i => ({ t_ms: 1000 + i * 20, rtp_time: (start + i * 960) >>> 0 }));
  const heard = [{ t_ms: 1090, rtp_time: (start + 960 + 480) >>> 0 }, { t_ms: 9000, rtp_time: (start + 960_000) >>> 0 }];
  assert.deepEqual(matchSound(spoken, heard), [[1090, 60]]);
  assert.deepEqual(matchSound([], heard), []);
});

test('frames are written to a Y4M file and picked from it', () => inTemporaryFolder(async folder => {
  const [all, some] = ['all.y4m', 'some.y4m'].map(name => path.join(folder, name));
  const frame = value => ({ format: 'I420', width: 4, height: 2, base64: Buffer.alloc(12, value).toString('base64') });
  await writeY4m(all, [7, 8, 9].map(value => () => frame(value)));
  pickFrames(all, [2, 0], some);
  const frames = fs.readFileSync(some, 'latin1').split('FRAME\n').slice(1).map(planes => planes.charCodeAt(0));
  assert.deepEqual(frames, [9, 7]);
  await assert.rejects(writeY4m(all, [() => ({ ...frame(1), format: 'NV12' })]), /NV12/);
}));

test('the page has a row for each program and the misses, and the plot a line for each program', () => {
  const statistics = networkStatistics(perfect(20), NETWORKS.clean, quality);
  const page = networkTable({ clean: { Chromium: statistics, Maru: statistics } }, { clean: ['all of it'] }, NETWORKS, { rounds: 1 });
  assert.match(page, /\| clean \| Maru \| 500 \| 30\.\d \| 40 \/ 40 \/ 40 \|/);
  assert.match(page, /- clean: all of it\./);
  const drawn = plot('clean', { Chromium: overTime(perfect(20)), Maru: overTime(perfect(20)) });
  assert.equal(drawn.match(/<polyline/g).length, 6);
  assert.doesNotMatch(drawn, /NaN|undefined/);
});
