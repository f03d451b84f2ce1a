import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { inTemporaryFolder, root } from './setup.mjs';

/** Runs `call` of setup.mjs in a process of its own, since it may exit. */
function run(call, cwd, env) {
  const script = `import { footage, programs } from '${path.join(root, 'bench', 'lib', 'setup.mjs')}'; console.log(${call});`;
  return spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8', cwd, env: { ...process.env, ...env } });
}

test('MARU_BIN is used as it is, and nothing is built', () => inTemporaryFolder(folder => {
  const bin = fs.realpathSync(folder);
  const cargo = path.join(bin, 'cargo');
  fs.writeFileSync(cargo, `#!/bin/sh\ntouch ${bin}/built\n`, { mode: 0o755 });
  const find = () => run(`programs(['maru', 'maru-link'])`, bin, { MARU_BIN: '.', PATH: `${bin}:${process.env.PATH}` });
  fs.writeFileSync(path.join(bin, 'maru'), '');
  const incomplete = find();
  assert.equal(incomplete.status, 1);
  assert.equal(incomplete.stderr, `MARU_BIN names ${bin}, which lacks maru-link.\n`);
  fs.writeFileSync(path.join(bin, 'maru-link'), '');
  assert.equal(find().stdout, `${bin}\n`);
  assert.ok(!fs.existsSync(path.join(bin, 'built')));
}));

test('without the clip, a bench says how to get it', () => inTemporaryFolder(cache => {
  const { status, stderr } = run('footage()', cache, { MARU_BENCH_CACHE: cache });
  assert.equal(status, 1);
  assert.equal(stderr, `The clip is missing in ${cache}. Run bench/setup first.\n`);
}));
