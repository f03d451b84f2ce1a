// An SVG plot of calls over time: bitrate, delay and frame rate in each second, a line for each program.

const WIDTH = 760, PANEL = 130, LEFT = 56, RIGHT = 12, TOP = 34, GAP = 30;
const COLOURS = { Chromium: '#b36b00', Maru: '#0b6e4f' };

/** A call's log as `{ kbps, delayMs, fps }`, each `[[seconds since the second side began to join, value]]`. */
export function overTime({ asked, to, shown, delays, rates }) {
  const seconds = Array.from({ length: Math.ceil((to - asked) / 1e3) }, (_, i) => i);
  const during = (second, at) => at >= asked + second * 1e3 && at < asked + (second + 1) * 1e3;
  return {
    kbps: rates.map(([at, kbps]) => [(at - asked) / 1e3, kbps]).filter(([s]) => s < seconds.length),
    delayMs: seconds.flatMap(s => {
      const ms = delays.filter(([at]) => during(s, at)).map(([, ms]) => ms);
      return ms.length ? [[s + 0.5, Math.max(...ms)]] : [];
    }),
    fps: seconds.slice(0, -1).map(s => [s + 0.5, shown.filter(at => during(s, at)).length]),
  };
}

export function plot(title, series) {
  const end = Math.max(...Object.values(series).flatMap(({ fps }) => fps.map(([s]) => s)), 1) + 0.5;
  const x = second => LEFT + second / end * (WIDTH - LEFT - RIGHT);
  const panels = [['received, kbit/s', 'kbps'], ['longest captured to shown, ms', 'delayMs'], ['frames per second', 'fps']];
  const parts = panels.map(([label, key], index) => {
    const top = TOP + index * (PANEL + GAP), values = Object.values(series).flatMap(one => one[key].map(([, value]) => value));
    const most = roundUp(Math.max(...values, 1));
    const y = value => top + PANEL - Math.min(value, most) / most * PANEL;
    const grid = [0, 0.5, 1].map(share => `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(share * most)}" y2="${y(share * most)}" stroke="#ddd"/>` +
      `<text x="${LEFT - 6}" y="${y(share * most) + 4}" text-anchor="end">${share * most}</text>`).join('');
    const lines = Object.entries(series).map(([name, one]) => `<polyline fill="none" stroke="${COLOURS[name]}" stroke-width="2" points="` +
      `${one[key].map(([s, value]) => `${x(s).toFixed(1)},${y(value).toFixed(1)}`).join(' ')}"/>`).join('');
    return `<text x="${LEFT}" y="${top - 6}">${label}</text>${grid}${lines}`;
  });
  const bottom = TOP + panels.length * (PANEL + GAP) - GAP;
  const marks = Array.from({ length: Math.floor(end / 5) + 1 }, (_, i) => i * 5)
    .map(second => `<text x="${x(second)}" y="${bottom + 16}" text-anchor="middle">${second} s</text>`).join('');
  const key = Object.keys(series).map((name, i) => `<rect x="${WIDTH - 200 + i * 100}" y="8" width="12" height="4" fill="${COLOURS[name]}"/>` +
    `<text x="${WIDTH - 184 + i * 100}" y="14">${name}</text>`).join('');
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${bottom + 26}" font-family="sans-serif" font-size="11">` +
    `<title>${title}</title><rect width="100%" height="100%" fill="#fff"/>${key}${parts.join('')}${marks}</svg>\n`;
}

/** The next 1, 2 or 5 times a power of ten. */
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].find(step => step * power >= value) * power;
}
