// Markdown tables of statistics. A value that is missing is an empty cell.

/** A function that formats a number with `digits` decimals. A missing one gives an empty text. */
export const number = (digits = 0) => value => Number.isFinite(value) ? value.toFixed(digits) : '';

export const percent = (digits = 0) => share => number(digits)(share == null ? undefined : share * 100);

/** `ms`: an object of percentiles, such as `{ p50, p95 }`. */
export const percentiles = ms => ms ? Object.entries(ms).flatMap(([name, value]) => /^p\d+$/.test(name) ? [number()(value)] : []).join(' / ') : '';

/** A table with the columns `header`, of which the first `texts` are aligned left, and `rows` of cells. */
export function markdownTable(header, rows, texts = 1) {
  const row = cells => `| ${cells.join(' | ')} |`;
  return [row(header), row(header.map((_, i) => i < texts ? '---' : '---:')), ...rows.map(row)].join('\n');
}

/** A table with a column for each call in `results` and a row `[label, show(statistics)]` unless all its cells are empty. */
export function resultsTable(results, rows) {
  const names = Object.keys(results);
  const cells = rows.map(([label, show]) => [label, ...names.map(name => show(results[name]))]);
  return markdownTable(['', ...names], cells.filter(([, ...values]) => values.some(value => value !== '')));
}

/** `about`: of setup.mjs' machine(), and `rounds`. */
export function aboutRun({ date, cpu, memoryGb, system, chromium, maru, rounds }) {
  return `${date}, ${cpu}, ${memoryGb} GB, ${system}; ${chromium}; Maru ${maru}` + (rounds > 1 ? `; medians of ${rounds} rounds` : '');
}
