import assert from 'node:assert/strict';
import test from 'node:test';
import { compareTable } from './compare-table.mjs';
import { guestTable } from './guest-table.mjs';
import { markdownTable, number, percent, percentiles } from './markdown.mjs';
import { measureRounds } from './rounds.mjs';

const MACHINE = { date: 'today', cpu: '2 x CPU', memoryGb: 8, system: 'Linux', chromium: 'Chromium 1', maru: 'v1', rounds: 2 };

test('values are formatted, and missing ones are empty', () => {
  assert.deepEqual([1.26, 0, null, undefined, NaN].map(number(1)), ['1.3', '0.0', '', '', '']);
  assert.deepEqual([0.5, 0, null, undefined].map(percent()), ['50', '0', '', '']);
  assert.equal(percentiles({ p50: 1.4, p95: 2, count: 7, within: 0.5 }), '1 / 2');
  assert.equal(percentiles(undefined), '');
});

test('a Markdown table aligns numbers right', () => {
  assert.equal(markdownTable(['a', 'b'], [[1, 2]]), '| a | b |\n| --- | ---: |\n| 1 | 2 |');
});

test('the table of bench/compare has a column for each call and no empty rows', () => {
  const latencyMs = { p50: 40, p95: 50, p99: 60, count: 9 };
  const results = { Chromium: { fps: 29, latencyMs, concealedShare: 0 }, Maru: { fps: 30, latencyMs, sound: { seconds: null } } };
  assert.equal(compareTable(results, { ...MACHINE, secondsMeasured: 20 }), `today, 2 x CPU, 8 GB, Linux; Chromium 1; Maru v1; medians of 2 rounds; 20 s measured

|  | Chromium | Maru |
| --- | ---: | ---: |
| frames per second | 29.0 | 30.0 |
| captured to shown, p50 / p95 / p99, ms | 40 / 50 / 60 | 40 / 50 / 60 |
| concealed audio, % | 0.00 |  |
| gaps in the played audio |  | no audio |
`);
});

test('the table of bench/guest says if frames never came back', () => {
  const table = guestTable({ guest: { recoveryMs: 120, sound: { longestMs: 5, seconds: 20.4 } }, app: { recoveryMs: Infinity } }, MACHINE);
  assert.match(table, /^\| recovery after a 300 ms outage, ms \| 120 \| never \|$/m);
  assert.match(table, /^\| longest gap in the audio, ms \| 5 in 20 s \| {2}\|$/m);
});

test('the results of several rounds are their medians', async () => {
  const fps = [30, 10, 20];
  const { results, rounds } = await measureRounds(3, async () => ({ fps: fps.shift() }));
  assert.deepEqual(results, { fps: 20 });
  assert.deepEqual(rounds, [{ fps: 30 }, { fps: 10 }, { fps: 20 }]);
});
