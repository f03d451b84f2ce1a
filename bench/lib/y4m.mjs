// Reads the frame numbers of a Y4M file.
import fs from 'node:fs';
import { numberOf } from './barcode.mjs';

/** The number in each frame of `path`, null where it has none. Reads one row of each frame only. */
export function* framesOf(path) {
  const file = fs.openSync(path);
  try {
    const head = Buffer.alloc(256);
    fs.readSync(file, head, 0, head.length, 0);
    const header = head.toString('latin1', 0, head.indexOf(0x0a));
    const [width, height] = ['W', 'H'].map(tag => Number(new RegExp(` ${tag}(\\d+)`).exec(header)[1]));
    const marker = 'FRAME\n'.length, size = width * height + 2 * Math.ceil(width / 2) * Math.ceil(height / 2);
    const row = Buffer.alloc(width), middle = Math.floor(height * 16 / 720) * width;
    const { size: end } = fs.fstatSync(file);
    for (let at = header.length + 1; at + marker + size <= end; at += marker + size) {
      fs.readSync(file, row, 0, width, at + marker + middle);
      yield numberOf(cell => row[Math.floor((cell + 0.5) * width / 20)] > 128);
    }
  } finally {
    fs.closeSync(file);
  }
}
