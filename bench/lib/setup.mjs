// What a bench needs before it starts: the clip and the sound, Maru's programs, and a description of this machine.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));

/** `{ cache, clip, sound }` of bench/setup. Exits with a message if they are missing. */
export function footage() {
  const cache = process.env.MARU_BENCH_CACHE ??
    path.join(process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'maru-bench');
  const clip = path.join(cache, 'clip720.y4m'), sound = path.join(cache, 'sound.wav');
  if (![clip, sound].every(file => fs.existsSync(file))) fail(`The clip is missing in ${cache}. Run bench/setup first.`);
  return { cache, clip, sound };
}

/** The environment that every bench reads, for its --help. `names`: of the programs that it needs. */
export const environment = names => ({
  MARU_BIN: `A folder with ${names}: these programs are measured and nothing is built. Without it, the programs are built ` +
    'first. For a comparison of two versions, run the bench with each folder in turn.',
  MARU_BENCH_CACHE: 'Where bench/setup puts the clip, the sound and playwright-core. Default: maru-bench in the user\'s cache folder.',
});

/** As sentences: those of the programs `names` that this machine does not have. */
export function missingPrograms(names) {
  return names.filter(name => output('which', name) === 'unknown')
    .map(name => `The program ${name} is missing. bench/setup installs it.`);
}

/** The folder with the programs `names`: MARU_BIN, or where cargo builds them now. Exits with a message if one is missing. */
export function programs(names) {
  const folder = process.env.MARU_BIN ? path.resolve(process.env.MARU_BIN) : build(names);
  const missing = names.filter(name => !fs.existsSync(path.join(folder, name)));
  if (missing.length) fail(`MARU_BIN names ${folder}, which lacks ${missing.join(', ')}.`);
  return folder;
}

function build(names) {
  execFileSync('cargo', ['build', '--release', '--locked', ...names.flatMap(name => ['-p', name])], { cwd: root, stdio: 'inherit' });
  return builtPrograms();
}

const builtPrograms = () => path.join(path.resolve(root, process.env.CARGO_TARGET_DIR ?? 'target'), 'release');

/** What the results depend on. `programs`: the folder of the programs that were measured. */
export function machine(programs) {
  const revision = output('git', '-C', root, 'describe', '--always', '--dirty');
  return {
    date: new Date().toISOString(),
    cpu: `${os.cpus().length} x ${os.cpus()[0].model}`,
    memoryGb: Math.round(os.totalmem() / 2 ** 30),
    system: `${os.type()} ${os.release()}`,
    chromium: output('chromium', '--version'),
    maru: !programs || programs === builtPrograms() ? revision : `from ${programs}`,
  };
}

export async function inTemporaryFolder(work) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'maru-bench-'));
  try {
    return await work(folder);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

export function fail(message) {
  console.error(message);
  process.exit(1);
}

function output(program, ...args) {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch { return 'unknown'; }
}
