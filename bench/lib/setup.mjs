// What a bench needs before it can begin: the footage that bench/setup fetched, and Maru's programs.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));

/** `{ cache, clip, sound }`; ends the program with a sentence where they are missing. */
export function footage() {
  const cache = process.env.MARU_BENCH_CACHE ??
    path.join(process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'maru-bench');
  const clip = path.join(cache, 'clip720.y4m'), sound = path.join(cache, 'sound.wav');
  if (![clip, sound].every(file => fs.existsSync(file))) {
    console.error('The clip is missing. Run bench/setup first.');
    process.exit(1);
  }
  return { cache, clip, sound };
}

/** The folder with `maru` and `signal-server`: what MARU_BIN names, or what is built now. */
export function programs() {
  if (process.env.MARU_BIN) return process.env.MARU_BIN;
  execFileSync('cargo', ['build', '--release', '--locked', '-p', 'maru', '-p', 'signal-server'], { cwd: root, stdio: 'inherit' });
  return path.join(path.resolve(root, process.env.CARGO_TARGET_DIR ?? 'target'), 'release');
}
