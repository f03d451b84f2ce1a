// The table of bench/compare.

const number = digits => value => value == null ? '' : value.toFixed(digits);
const percentiles = l => l ? [l.p50, l.p95, l.p99].map(number(0)).join(' / ') : '';
const ROWS = [
  ['process start to joined, ms', r => r.startToJoinedMs, number(0)],
  ['join to first frame, ms', r => r.joinMs, number(0)],
  ['frames per second', r => r.fps, number(1)],
  ['frame height', r => r.height, number(0)],
  ['received, kbit/s', r => r.kbps, number(0)],
  ['captured to shown, p50 / p95 / p99, ms', r => r.latencyMs, percentiles],
  ['own preview to shown, p50 / p95 / p99, ms', r => r.latencyFromPreviewMs, percentiles],
  ['longest gap between frames, ms', r => r.longestGapMs, number(0)],
  ['frozen (gaps over 200 ms), s', r => r.freezeSeconds, number(2)],
  ['concealed audio, %', r => r.concealedShare && r.concealedShare * 100, number(2)],
  ['gaps in the played audio', r => r.sound && (r.sound.seconds === null ? 'no audio' :
    `${r.sound.gaps} in ${r.sound.seconds.toFixed(0)} s`), text => text ?? ''],
  ['CPU of both clients, cores', r => r.cpuCores, number(2)],
  ['CPU of the server, cores', r => r.serverCpuCores, number(3)],
  ['memory of both clients (PSS), MB', r => r.memoryMb, number(0)],
  ['memory of the server (PSS), MB', r => r.serverMemoryMb, number(1)],
  ['frames right / wrong', r => r.frames && `${r.frames.right} / ${r.frames.wrong}`, text => text ?? ''],
];

/** `results`: `{ [call]: statistics }`. A row without any value is left out. */
export function table(results, machine) {
  const names = Object.keys(results);
  const lines = [`${machine.date}, ${machine.cpu}, ${machine.memoryGb} GB, ${machine.system}; ${machine.chromium}; ` +
    `Maru ${machine.maru}; ${machine.secondsMeasured} s measured` +
    (machine.rounds > 1 ? `, medians of ${machine.rounds} rounds` : ''), '',
  `| | ${names.join(' | ')} |`, `| --- |${' ---: |'.repeat(names.length)}`];
  for (const [label, value, show] of ROWS) {
    const cells = names.map(name => show(value(results[name])));
    if (cells.some(cell => cell !== '')) lines.push(`| ${label} | ${cells.join(' | ')} |`);
  }
  return lines.join('\n') + '\n';
}
