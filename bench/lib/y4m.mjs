// Reads and writes Y4M files (I420).
import fs from 'node:fs';
import { BARCODE_ROWS, CELLS_PER_WIDTH, CLIP, numberOf } from './barcode.mjs';

const MARKER = 'FRAME\n';

/** From the header of an open file: its frame size, and `positionOf(index)`, the offset of a frame's planes. */
function shapeOf(file) {
  const head = Buffer.alloc(256);
  fs.readSync(file, head, 0, head.length, 0);
  const header = head.toString('latin1', 0, head.indexOf(0x0a) + 1);
  const [width, height] = ['W', 'H'].map(tag => Number(new RegExp(` ${tag}(\\d+)`).exec(header)[1]));
  const size = width * height + 2 * Math.ceil(width / 2) * Math.ceil(height / 2), step = MARKER.length + size;
  const frames = Math.floor((fs.fstatSync(file).size - header.length) / step);
  return { width, height, header, size, frames, positionOf: index => header.length + index * step + MARKER.length };
}

/** The barcode number of each frame of `path`, null if it has none. Reads only one row of each frame. */
export function* frameNumbers(path) {
  const file = fs.openSync(path);
  try {
    const { width, height, frames, positionOf } = shapeOf(file);
    const row = Buffer.alloc(width), middle = Math.floor(height * BARCODE_ROWS / 2 / CLIP.height) * width;
    for (let index = 0; index < frames; index++) {
      fs.readSync(file, row, 0, width, positionOf(index) + middle);
      yield numberOf(cell => row[Math.floor((cell + 0.5) * width / CELLS_PER_WIDTH)] > 128);
    }
  } finally {
    fs.closeSync(file);
  }
}

/** Writes the frames `{ format, width, height, base64 }` that the functions `readers` return. All have one size. */
export async function writeY4m(path, readers) {
  const file = fs.openSync(path, 'w');
  try {
    for (const [index, read] of readers.entries()) {
      const { format, width, height, base64 } = await read();
      if (format !== 'I420') throw new Error(`a frame is ${format}, not I420`);
      if (index === 0) fs.writeSync(file, `YUV4MPEG2 W${width} H${height} F30:1 Ip A1:1 C420jpeg\n`);
      fs.writeSync(file, MARKER);
      fs.writeSync(file, Buffer.from(base64, 'base64'));
    }
  } finally {
    fs.closeSync(file);
  }
}

/** Copies the frames of the Y4M file `source` with these indices, in this order, to the Y4M file `path`. */
export function pickFrames(source, indices, path) {
  const from = fs.openSync(source), to = fs.openSync(path, 'w');
  try {
    const { header, size, positionOf } = shapeOf(from), planes = Buffer.alloc(size);
    fs.writeSync(to, header);
    for (const index of indices) {
      fs.readSync(from, planes, 0, size, positionOf(index));
      fs.writeSync(to, MARKER);
      fs.writeSync(to, planes);
    }
  } finally {
    fs.closeSync(from);
    fs.closeSync(to);
  }
}

/** Writes the first `count` frames of `source` to `path`, with half the width and height: of each two pixels and rows the first. */
export function halve(source, count, path) {
  const from = fs.openSync(source), to = fs.openSync(path, 'w');
  try {
    const { width, height, header, size, positionOf } = shapeOf(from), planes = Buffer.alloc(size);
    fs.writeSync(to, header.replace(/ W\d+ H\d+/, ` W${width / 2} H${height / 2}`));
    const sizes = [[width, height], [width / 2, height / 2], [width / 2, height / 2]];
    for (let index = 0; index < count; index++) {
      fs.readSync(from, planes, 0, size, positionOf(index));
      fs.writeSync(to, MARKER);
      let offset = 0;
      for (const [columns, rows] of sizes) {
        const half = Buffer.alloc(columns / 2 * (rows / 2));
        for (let y = 0, next = 0; y < rows; y += 2) for (let x = 0; x < columns; x += 2) half[next++] = planes[offset + y * columns + x];
        fs.writeSync(to, half);
        offset += columns * rows;
      }
    }
  } finally {
    fs.closeSync(from);
    fs.closeSync(to);
  }
}
