// make-clip.mjs FILM OUT.y4m: loops FILM to 20 s of 1280x720 at 30 frames per second, with a barcode in each frame.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { cellsOf } from './barcode.mjs';

const WIDTH = 1280, HEIGHT = 720, FPS = 30, SECONDS = 20, ROWS = 32;
const LUMA = WIDTH * HEIGHT, FRAME = LUMA * 3 / 2, CELL = WIDTH / 20;
const [film, out] = process.argv.slice(2);

const ffmpeg = spawn('ffmpeg', ['-v', 'error', '-stream_loop', '-1', '-i', film, '-t', SECONDS, '-vf',
  `fps=${FPS},scale=${WIDTH}:${HEIGHT}`, '-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-'].map(String),
{ stdio: ['ignore', 'pipe', 'inherit'] });
const ended = new Promise(resolve => ffmpeg.on('close', resolve));

const file = fs.openSync(out + '.part', 'w');
fs.writeSync(file, `YUV4MPEG2 W${WIDTH} H${HEIGHT} F${FPS}:1 Ip A1:1 C420jpeg\n`);
let frame = Buffer.alloc(FRAME), filled = 0, number = 0;
for await (let chunk of ffmpeg.stdout) {
  while (chunk.length > 0) {
    const taken = chunk.copy(frame, filled);
    chunk = chunk.subarray(taken);
    filled += taken;
    if (filled < FRAME) continue;
    drawBarcode(frame, number++);
    fs.writeSync(file, 'FRAME\n');
    fs.writeSync(file, frame);
    filled = 0;
  }
}
if (await ended !== 0 || number !== FPS * SECONDS) throw new Error(`FFmpeg produced ${number} frames of ${film}, not ${FPS * SECONDS}`);
fs.closeSync(file);
fs.renameSync(out + '.part', out);

function drawBarcode(frame, number) {
  const row = Buffer.alloc(WIDTH, 16);
  cellsOf(number).forEach((white, cell) => { if (white) row.fill(235, cell * CELL, (cell + 1) * CELL); });
  for (let y = 0; y < ROWS; y++) row.copy(frame, y * WIDTH);
  for (const plane of [LUMA, LUMA * 5 / 4]) frame.fill(128, plane, plane + ROWS / 2 * WIDTH / 2);
}
