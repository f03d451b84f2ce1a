// make-clip.mjs FILM OUT.y4m: loops FILM to the length of the clip, and draws a barcode into each frame.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { BARCODE_ROWS, CELLS_PER_WIDTH, cellsOf, CLIP } from './barcode.mjs';

const { width: WIDTH, height: HEIGHT, fps: FPS, seconds: SECONDS } = CLIP;
const LUMA = WIDTH * HEIGHT, FRAME = LUMA * 3 / 2, CELL = WIDTH / CELLS_PER_WIDTH;
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
  for (let y = 0; y < BARCODE_ROWS; y++) row.copy(frame, y * WIDTH);
  for (const plane of [LUMA, LUMA * 5 / 4]) frame.fill(128, plane, plane + BARCODE_ROWS / 2 * WIDTH / 2);
}
