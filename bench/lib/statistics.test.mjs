import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { cellsOf, numberOf } from './barcode.mjs';
import { delaysByNumber } from './chromium.mjs';
import { inTemporaryFolder } from './setup.mjs';
import { latency, medians, pace, percentile, timeToRecover } from './statistics.mjs';
import { checkFrames, matchFrames, meanOfStats, Report } from './report.mjs';
import { decodeWav, encodeWav, findGaps, shareOfTones } from './wav.mjs';
import { frameNumbers } from './y4m.mjs';

test('a frame number survives its barcode, and one flipped cell does not', () => {
  for (const number of [0, 1, 599, 0xffff]) {
    assert.equal(numberOf(i => cellsOf(number)[i] === 1), number);
    for (let flipped = 0; flipped < 19; flipped++) {
      assert.equal(numberOf(i => (cellsOf(number)[i] === 1) !== (i === flipped)), null);
    }
  }
});

test('the median of each number over all rounds', () => {
  const rounds = [{ fps: 30, sound: { gaps: 0 }, name: 'a', none: null }, { fps: 10, sound: { gaps: 2 }, name: 'a', none: null },
    { fps: 20, sound: { gaps: 9 }, name: 'a', none: null }];
  assert.deepEqual(medians(rounds), { fps: 20, sound: { gaps: 2 }, name: 'a', none: null });
  assert.deepEqual(medians([{ fps: 7 }]), { fps: 7 });
});

test('recovery ends with the longest gap, which may begin after buffered frames were shown', () => {
  const every = (from, to) => Array.from({ length: (to - from) / 20 }, (_, i) => from + i * 20);
  const outage = { from: 1000, to: 1300 };
  assert.equal(timeToRecover([...every(0, 1100), ...every(1500, 4000)], outage), 200);
  assert.equal(timeToRecover([...every(0, 1400), ...every(1800, 4000)], outage), 500);
  assert.equal(timeToRecover(every(0, 4000), outage), 0);
  assert.equal(timeToRecover(every(0, 1100), outage), Infinity);
});

test('frame numbers are read from a Y4M file, without its unfinished last frame', () => inTemporaryFolder(folder => {
  const file = path.join(folder, 'clip.y4m'), WIDTH = 320, HEIGHT = 180;
  const frame = number => {
    const planes = Buffer.alloc(WIDTH * HEIGHT * 3 / 2, 16);
    cellsOf(number).forEach((white, i) => {
      for (let y = 0; y < 8; y++) if (white) planes.fill(235, y * WIDTH + i * 16, y * WIDTH + (i + 1) * 16);
    });
    return Buffer.concat([Buffer.from('FRAME\n'), planes]);
  };
  const unfinished = frame(9).subarray(0, 1000);
  fs.writeFileSync(file, Buffer.concat([Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F30:1\n`), frame(7), frame(300), unfinished]));
  assert.deepEqual([...frameNumbers(file)], [7, 300]);
}));

test('percentiles of delays', () => {
  assert.equal(percentile([], 0.5), null);
  const values = Array.from({ length: 101 }, (_, i) => 100 - i);
  assert.deepEqual(latency(values), { p50: 50, p95: 95, p99: 99, count: 101 });
});

test('gaps at both ends of the window count as freezes', () => {
  assert.deepEqual(pace([900, 1100, 1200, 1300, 2100], 1000, 2000), { fps: 3, longestGapMs: 700, freezeSeconds: 0.7 });
  assert.deepEqual(pace([], 0, 1000), { fps: 0, longestGapMs: 1000, freezeSeconds: 1 });
});

test('a delay by frame number counts from the latest time that the looping clip showed the frame', () => {
  const began = [[5, 1000], [5, 21_000], [6, 21_033]];
  assert.deepEqual(delaysByNumber(began, [[5, 21_050], [6, 21_100], [7, 21_100]]), [50, 67]);
});

test('frames are matched by RTP time', () => {
  const captured = [0, 1, 2].map(i => ({ t_ms: i * 33, source_frame: i, rtp_time: 0xffffffff - i }));
  const presented = [{ t_ms: 90, rtp_time: 0xfffffffe }];
  assert.deepEqual(matchFrames(captured, presented), [{ number: 1, capturedMs: 33, presentedMs: 90 }]);
  assert.throws(() => matchFrames(captured, [{ t_ms: 90, rtp_time: 5 }]), /0 of 1 presented/);
});

test('saved frames are compared with the captured ones, without those that could not be saved', () => {
  const events = [1, 2, 3, 4].map(i => ({ t_ms: i * 33, event: 'presented', rtp_time: i }));
  events.push({ t_ms: 70, event: 'error', what: 'save-remote', rtp_time: 2 });
  const matched = events.slice(0, 4).map(e => ({ number: e.rtp_time + 100, presentedMs: e.t_ms }));
  assert.deepEqual(checkFrames([101, 103, 104], events, matched), { right: 3, wrong: 0, presented: 4 });
  assert.deepEqual(checkFrames([101, 102, null], events, matched), { right: 1, wrong: 2, presented: 4 });
  assert.deepEqual(checkFrames([101, 103], events, matched.slice(1)), { right: 1, wrong: 0, presented: 4 });
});

test('an incomplete last line of a report is ignored', () => inTemporaryFolder(folder => {
  const report = new Report(path.join(folder, 'report.jsonl'));
  assert.deepEqual(report.events(), []);
  fs.writeFileSync(report.file, '{"t_ms":1,"event":"started"}\n{"t_ms":2,"ev');
  assert.equal(report.find('started').t_ms, 1);
  assert.equal(report.events().length, 1);
}));

test('the mean of a field of `stats` over the window', () => {
  const stats = (t_ms, value) => ({ t_ms, event: 'stats', peers: [{ received_bitrate_bps: value }] });
  const events = [stats(0, 9), stats(1000, 10), stats(2000, 20), stats(3000, 90), { t_ms: 1500, event: 'stats', peers: [] }];
  assert.equal(meanOfStats(events, 1000, 3000, 'received_bitrate_bps'), 15);
  assert.equal(meanOfStats([], 0, 1, 'received_bitrate_bps'), null);
});

test('gaps in audio are counted and measured', () => {
  const RATE = 48_000;
  const tone = Float32Array.from({ length: RATE * 2 }, (_, i) => i < RATE / 2 ? 0 : 0.3 * Math.sin(i * 0.1));
  const whole = findGaps(decodeWav(encodeWav(tone, RATE)));
  assert.deepEqual(whole, { seconds: 1.5, gaps: 0, longestMs: 0, totalMs: 0 });
  tone.fill(0, RATE, RATE + RATE / 50);
  assert.deepEqual(findGaps(decodeWav(encodeWav(tone, RATE))), { seconds: 1.5, gaps: 1, longestMs: 20, totalMs: 20 });
  assert.equal(findGaps({ rate: RATE, samples: new Float32Array(RATE) }).seconds, null);
});

test('the share of power at a tone distinguishes it from another tone', () => {
  const tone = hz => ({ rate: 48_000, samples: Float32Array.from({ length: 48_000 }, (_, i) => Math.sin(2 * Math.PI * hz * i / 48_000)) });
  assert.ok(shareOfTones(tone(700), [300, 700]) > 0.99);
  assert.ok(shareOfTones(tone(700), [300, 800]) < 0.01);
  assert.equal(shareOfTones({ rate: 48_000, samples: new Float32Array(48_000) }, [300]), 0);
});
