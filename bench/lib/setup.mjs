// What a bench needs before it can begin: the footage that bench/setup fetched, Maru's programs, and what machine this is.
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

/** Those of `names` that this machine does not have, as sentences. */
export function missingPrograms(names) {
  return names.filter(name => output('which', name) === 'unknown')
    .map(name => `The program ${name} is missing. bench/setup installs it.`);
}

/** The folder with `maru`, `signal-server` and `maru-link`: what MARU_BIN names, or what is built now. */
export function programs() {
  if (process.env.MARU_BIN) return process.env.MARU_BIN;
  const packages = ['maru', 'signal-server', 'maru-link'].flatMap(name => ['-p', name]);
  execFileSync('cargo', ['build', '--release', '--locked', ...packages], { cwd: root, stdio: 'inherit' });
  return path.join(path.resolve(root, process.env.CARGO_TARGET_DIR ?? 'target'), 'release');
}

/** What figures depend on. */
export function machine() {
  return {
    date: new Date().toISOString(),
    cpu: `${os.cpus().length} x ${os.cpus()[0].model}`,
    memoryGb: Math.round(os.totalmem() / 2 ** 30),
    system: `${os.type()} ${os.release()}`,
    chromium: output('chromium', '--version'),
    maru: output('git', '-C', root, 'describe', '--always', '--dirty'),
  };
}

function output(program, ...args) {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch { return 'unknown'; }
}
