// The quality of the frames that were shown, against those that were sent.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { BARCODE_ROWS, CLIP } from './barcode.mjs';
import { frameNumbers, pickFrames } from './y4m.mjs';

/**
 * Mean PSNR (dB, of luma and chroma) and SSIM (0 to 1) of the frames in the Y4M files `shown`, by FFmpeg. Each is compared
 * with the frame of `clip` that has its number, at the clip's size and without the barcode rows.
 * Returns `{ psnr, ssim, count }`, or `{ count: 0 }` if no number can be read.
 */
export function frameQuality(shown, clip, folder) {
  const scores = [];
  for (const file of shown) {
    const numbers = [...frameNumbers(file)], readable = numbers.flatMap((number, index) => number === null ? [] : [index]);
    if (readable.length === 0) continue;
    const [ours, source] = ['compared.y4m', 'source.y4m'].map(name => path.join(folder, name));
    pickFrames(file, readable, ours);
    pickFrames(clip, readable.map(index => numbers[index]), source);
    const stats = { psnr: path.join(folder, 'psnr.txt'), ssim: path.join(folder, 'ssim.txt') };
    const content = `setpts=N/${CLIP.fps}/TB,crop=iw:${CLIP.height - BARCODE_ROWS}:0:${BARCODE_ROWS}`;
    execFileSync('ffmpeg', ['-v', 'error', '-i', ours, '-i', source, '-lavfi',
      `[0:v]scale=${CLIP.width}:${CLIP.height}:flags=bicubic,${content},split[a][b];[1:v]${content},split[c][d];` +
      `[a][c]psnr=stats_file=${stats.psnr}[p];[b][d]ssim=stats_file=${stats.ssim}[s]`,
      '-map', '[p]', '-f', 'null', '-', '-map', '[s]', '-f', 'null', '-'], { stdio: ['ignore', 'ignore', 'inherit'] });
    const read = (file, pattern) => fs.readFileSync(file, 'utf8').trim().split('\n').map(line => Number(pattern.exec(line)[1]));
    const ssim = read(stats.ssim, /All:([\d.]+)/);
    read(stats.psnr, /mse_avg:([\d.]+)/).forEach((mse, i) => scores.push({ mse, ssim: ssim[i] }));
  }
  if (scores.length === 0) return { count: 0 };
  const mean = of => scores.reduce((sum, score) => sum + of(score), 0) / scores.length;
  // The PSNR of identical frames is infinite: 60 dB is the most that counts.
  const psnr = mean(({ mse }) => Math.min(60, 10 * Math.log10(255 ** 2 / Math.max(mse, 1e-9))));
  return { psnr, ssim: mean(({ ssim }) => ssim), count: scores.length };
}
