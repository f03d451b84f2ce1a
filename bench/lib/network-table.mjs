// networks.md: the statistics of calls over networks.
import { aboutRun, markdownTable, number, percent, percentiles } from './markdown.mjs';

const COLUMNS = [
  ['first frame, ms', r => number()(r.joinMs)],
  ['frames per second', r => number(1)(r.fps)],
  ['captured to shown p50 / p95 / p99, ms', r => percentiles(r.latencyMs)],
  ['frozen, s', r => number(2)(r.freezeSeconds)],
  ['kbit/s', r => number()(r.kbps)],
  ['PSNR, dB', r => number(1)(r.psnr)],
  ['SSIM', r => number(3)(r.ssim)],
  ['concealed audio, %', r => percent(2)(r.concealedShare)],
  ['mouth to ear p50 / p95, ms', r => r.mouthToEarMs ? percentiles({ p50: r.mouthToEarMs.p50, p95: r.mouthToEarMs.p95 }) : ''],
  ['video behind audio p5 / p50 / p95, ms', r => percentiles(r.lipSyncMs)],
  ['CPU steal, %', r => percent(1)(r.stealShare)],
];

/** `results`: `{ [network]: { [program]: statistics } }`; `misses`: `{ [network]: sentences }`; `about`: the machine and `rounds`. */
export function networkTable(results, misses, networks, about) {
  const rows = Object.entries(results).flatMap(([network, programs]) => Object.entries(programs)
    .map(([program, statistics]) => [network, program, ...COLUMNS.map(([, show]) => show(statistics))]));
  const lines = [
    '# Calls over bad networks', '',
    `Written by \`bench/networks\`; [bench/README.md](../README.md) says what each column means. ${aboutRun(about)}.`, '',
    markdownTable(['network', '', ...COLUMNS.map(([name]) => name)], rows, 2), '',
    '## Missed targets', '',
    ...Object.entries(misses).map(([name, sentences]) => `- ${name}: ${sentences.length ? sentences.join('; ') : 'none'}.`), '',
    '## Over time', '',
  ];
  for (const name of Object.keys(results)) {
    const { settings, changes = [] } = networks[name];
    const course = [`\`${settings}\``, ...changes.map(([seconds, changed]) => `at ${seconds} s \`${changed}\``)];
    lines.push(`### ${name}`, '', `Link: ${course.join(', ')}.`, '', `![Bitrate, delay and frame rate over time](${name}.svg)`, '');
  }
  return lines.join('\n');
}
