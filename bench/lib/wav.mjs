// Reads and writes WAV files, and analyses audio: gaps, and power at given tones.

/** A 16-bit mono WAV file of `samples` (-1 to 1). */
export function encodeWav(samples, rate) {
  const file = Buffer.alloc(44 + samples.length * 2);
  file.write('RIFF', 0); file.writeUInt32LE(file.length - 8, 4); file.write('WAVEfmt ', 8);
  file.writeUInt32LE(16, 16); file.writeUInt16LE(1, 20); file.writeUInt16LE(1, 22);
  file.writeUInt32LE(rate, 24); file.writeUInt32LE(rate * 2, 28); file.writeUInt16LE(2, 32); file.writeUInt16LE(16, 34);
  file.write('data', 36); file.writeUInt32LE(samples.length * 2, 40);
  samples.forEach((sample, i) => file.writeInt16LE(Math.round(sample * 32767), 44 + i * 2));
  return file;
}

/** The first channel of a WAV file of 16-bit or float samples. If the header gives no length, reads to the end. */
export function decodeWav(file) {
  let at = 12, format;
  while (at + 8 <= file.length) {
    const id = file.toString('latin1', at, at + 4), size = file.readUInt32LE(at + 4), start = at + 8;
    if (id === 'fmt ') {
      format = { channels: file.readUInt16LE(start + 2), rate: file.readUInt32LE(start + 4), bits: file.readUInt16LE(start + 14) };
    } else if (id === 'data') {
      const step = format.channels * format.bits / 8;
      const open = size === 0 || size === 0xffffffff;
      const count = Math.floor(Math.min(open ? Infinity : size, file.length - start) / step);
      const read = format.bits === 32 ? i => file.readFloatLE(start + i * step) : i => file.readInt16LE(start + i * step) / 32768;
      return { rate: format.rate, samples: Float32Array.from({ length: count }, (_, i) => read(i)) };
    }
    at = start + size + size % 2;
  }
  throw new Error('this WAV file has no data chunk');
}

/**
 * Gaps: 5 ms blocks whose level is below a tenth of the median level, between the first and the last block above that.
 * Returns `{ seconds, gaps, longestMs, totalMs }`; `seconds` is null if all is silent.
 */
export function findGaps({ rate, samples }) {
  const size = Math.round(rate / 200), levels = [];
  for (let start = 0; start + size <= samples.length; start += size) {
    let sum = 0;
    for (let i = start; i < start + size; i++) sum += samples[i] * samples[i];
    levels.push(Math.sqrt(sum / size));
  }
  const audible = levels.filter(level => level > 0.001).sort((a, b) => a - b);
  if (audible.length === 0) return { seconds: null, gaps: 0, longestMs: 0, totalMs: 0 };
  const limit = audible[audible.length >> 1] / 10;
  const first = levels.findIndex(level => level >= limit), last = levels.findLastIndex(level => level >= limit);
  let gaps = 0, run = 0, longest = 0, total = 0;
  for (const level of levels.slice(first, last + 1)) {
    run = level < limit ? run + 1 : 0;
    if (run === 1) gaps++;
    if (run > 0) total++;
    longest = Math.max(longest, run);
  }
  return { seconds: (last + 1 - first) / 200, gaps, longestMs: longest * 5, totalMs: total * 5 };
}

/** Share of the power of `samples` at `tonesHz`, 0 to 1, by the Goertzel algorithm in windows of 100 ms. */
export function shareOfTones({ rate, samples }, tonesHz) {
  const size = Math.round(rate / 10);
  let tones = 0, all = 0;
  for (let start = 0; start + size <= samples.length; start += size) {
    for (let i = start; i < start + size; i++) all += samples[i] * samples[i];
    for (const toneHz of tonesHz) {
      const coefficient = 2 * Math.cos(2 * Math.PI * toneHz / rate);
      let last = 0, before = 0;
      for (let i = start; i < start + size; i++) [last, before] = [samples[i] + coefficient * last - before, last];
      tones += 2 * (last * last + before * before - coefficient * last * before) / size;
    }
  }
  return all === 0 ? 0 : tones / all;
}
