// networks.md: the statistics of calls over networks.

const number = digits => value => Number.isFinite(value) ? value.toFixed(digits) : '';
const COLUMNS = [
  ['first frame, ms', r => number(0)(r.joinMs)],
  ['frames per second', r => number(1)(r.fps)],
  ['captured to shown p50 / p95 / p99, ms', r => [r.latencyMs.p50, r.latencyMs.p95, r.latencyMs.p99].map(number(0)).join(' / ')],
  ['frozen, s', r => number(2)(r.freezeSeconds)],
  ['kbit/s', r => number(0)(r.kbps)],
  ['PSNR, dB', r => number(1)(r.psnr)],
  ['SSIM', r => number(3)(r.ssim)],
  ['concealed audio, %', r => number(2)(r.concealedShare * 100)],
  ['mouth to ear p50 / p95, ms', r => r.mouthToEarMs ? [r.mouthToEarMs.p50, r.mouthToEarMs.p95].map(number(0)).join(' / ') : ''],
  ['video behind audio p5 / p50 / p95, ms', r => r.lipSyncMs ? [r.lipSyncMs.p5, r.lipSyncMs.p50, r.lipSyncMs.p95].map(number(0)).join(' / ') : ''],
  ['CPU steal, %', r => number(1)(r.stealShare * 100)],
];

/** `results`: `{ [network]: { [program]: statistics } }`; `misses`: `{ [network]: sentences }`. */
export function networkTable(results, misses, networks, machine) {
  const lines = [`# Calls over bad networks\n`, `Written by \`bench/networks\`; [bench/README.md](../README.md) says what each column means. ` +
    `${machine.date}, ${machine.cpu}, ${machine.memoryGb} GB, ${machine.system}; ${machine.chromium}; Maru ${machine.maru}` +
    (machine.rounds > 1 ? `; medians of ${machine.rounds} rounds.` : '.'), '',
  `| network | | ${COLUMNS.map(([name]) => name).join(' | ')} |`, `| --- | --- |${' ---: |'.repeat(COLUMNS.length)}`];
  for (const [name, programs] of Object.entries(results)) {
    for (const [program, statistics] of Object.entries(programs)) {
      lines.push(`| ${name} | ${program} | ${COLUMNS.map(([, show]) => show(statistics)).join(' | ')} |`);
    }
  }
  lines.push('', '## Missed targets', '');
  for (const [name, sentences] of Object.entries(misses)) {
    lines.push(`- ${name}: ${sentences.length ? sentences.join('; ') : 'none'}.`);
  }
  lines.push('', '## Over time', '');
  for (const name of Object.keys(results)) {
    const { settings, changes = [] } = networks[name];
    const course = [settings, ...changes.map(([seconds, settings]) => `at ${seconds} s \`${settings}\``)];
    lines.push(`### ${name}`, '', `Link: \`${course[0]}\`${course.slice(1).map(part => `, ${part}`).join('')}.`, '', `![Bitrate, delay and frame rate over time](${name}.svg)`, '');
  }
  return lines.join('\n');
}
