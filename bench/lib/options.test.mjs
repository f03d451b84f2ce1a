import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import test from 'node:test';
import { folderPath, helpText, listOf, parseOptions, UsageError, wholeNumber } from './options.mjs';
import { root } from './setup.mjs';

const OPTIONS = {
  rounds: { kind: wholeNumber(1, 100), default: 1, help: 'Rounds.' },
  only: { kind: listOf(['clean', 'slow']), default: ['clean', 'slow'], defaultText: 'all', help: 'Networks.' },
  output: { kind: folderPath, default: 'results', help: 'Folder.' },
  check: { help: 'Checks.' },
  smoke: { help: 'Short.', alone: true },
};
const parse = (...args) => parseOptions(OPTIONS, args);
const bench = (name, ...args) => spawnSync(path.join(root, 'bench', name), args, { encoding: 'utf8' });

test('options that are not given have their default values', () => {
  assert.deepEqual(parse(), { rounds: 1, only: ['clean', 'slow'], output: 'results', check: false, smoke: false });
});

test('values are read by their kind, after a space or an equals sign', () => {
  const values = parse('--rounds', '3', '--only=slow,slow', '--output', '/tmp/x', '--check');
  assert.deepEqual(values, { rounds: 3, only: ['slow'], output: '/tmp/x', check: true, smoke: false });
});

test('a wrong value is answered with what is allowed', () => {
  for (const value of ['0', '101', '1.5', 'many', '']) {
    assert.throws(() => parse(`--rounds=${value}`), { constructor: UsageError, message: `--rounds takes a whole number from 1 to 100, not "${value}".` });
  }
  for (const value of ['fast', 'clean,', '', 'toString']) {
    assert.throws(() => parse('--only', value), { message: `--only takes one or more of clean, slow, separated by commas, not "${value}".` });
  }
  assert.throws(() => parse('--check=yes'), { message: '--check takes no value.' });
});

test('a value that is missing is not taken from the next option', () => {
  for (const args of [['--rounds'], ['--rounds', '--check']]) {
    assert.throws(() => parse(...args), { message: '--rounds needs a value: a whole number from 1 to 100.' });
  }
  assert.throws(() => parse('--output', '--check'), { message: '--output needs a value: a folder.' });
});

test('an unknown option is answered with the known ones', () => {
  const message = option => `unknown option ${option}. Options: --rounds, --only, --output, --check, --smoke, --help.`;
  for (const option of ['--round', '--toString', '-x']) assert.throws(() => parse(option), { message: message(option) });
  assert.throws(() => parse('slow'), { message: 'unexpected argument "slow". It takes options only; see --help.' });
});

test('an option that stands alone is not combined with others', () => {
  assert.equal(parse('--smoke').smoke, true);
  assert.throws(() => parse('--rounds', '2', '--smoke'), { message: '--smoke cannot be combined with other options.' });
});

test('help names every option with what it takes and its default', () => {
  assert.deepEqual(parse('--unknown', '-h'), { help: true });
  const text = helpText({ name: 'bench/x', summary: 'Measures.', options: OPTIONS, environment: { MARU_BIN: 'Folder.' }, duration: 'a minute' });
  assert.match(text, /^Usage: bench\/x \[OPTION\]\.\.\.\n\nMeasures\.\n/);
  assert.match(text, /^ {2}--rounds N +Rounds\. Takes a whole number from 1 to 100\. Default: 1\.$/m);
  assert.match(text, /^ {2}--only NAME,\.\.\. +Networks\..*\n? +.*Default: all\.$/m);
  assert.match(text, /^ {2}--check +Checks\.$/m);
  assert.match(text, /^ {2}MARU_BIN +Folder\.$/m);
  for (const line of text.split('\n')) assert.ok(line.length <= 100, line);
});

for (const name of ['compare', 'guest', 'networks', 'setup']) {
  test(`bench/${name} prints its help, and answers a wrong option with one line and status 2`, () => {
    const help = bench(name, '--help');
    assert.equal(help.status, 0);
    assert.match(help.stdout, new RegExp(`^Usage: bench/${name}`));
    assert.equal(help.stderr, '');
    const wrong = bench(name, '--nonsense');
    assert.equal(wrong.status, 2);
    assert.match(wrong.stderr, new RegExp(`^bench/${name}: unknown option --nonsense\\. .*\\n$`));
    assert.equal(wrong.stdout, '');
  });
}
