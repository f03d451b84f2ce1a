// The command line of a bench: options that are checked, --help, and usage errors of one line.
import { parseArgs } from 'node:util';

const HELP_WIDTH = 100;

/** A command line that cannot be understood. The message says what is allowed. */
export class UsageError extends Error {}

// Kinds of option value. `read` returns undefined for a text that is not `allowed`.

export const wholeNumber = (least, most) => ({
  placeholder: 'N',
  allowed: `a whole number from ${least} to ${most}`,
  read: text => /^\d+$/.test(text) && Number(text) >= least && Number(text) <= most ? Number(text) : undefined,
});

export const listOf = names => ({
  placeholder: 'NAME,...',
  allowed: `one or more of ${names.join(', ')}, separated by commas`,
  read: text => text.split(',').every(name => names.includes(name)) ? [...new Set(text.split(','))] : undefined,
});

export const folderPath = { placeholder: 'DIR', allowed: 'a folder', read: text => text || undefined };

/**
 * The values of the options, by name. Prints the help and exits with 0 for --help; prints one line and exits with 2
 * for a usage error.
 *
 * `command`: `{ name, summary, options, environment, duration }`. An option is `{ kind, help, default, defaultText, alone }`:
 * without `kind` it is a flag, `default` is a value (not a text), and `alone` means that no other option may be given.
 */
export function readOptions(command, args = process.argv.slice(2)) {
  try {
    const values = parseOptions(command.options, args);
    if (!values.help) return values;
    console.log(helpText(command));
    process.exit(0);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`${command.name}: ${error.message}`);
    process.exit(2);
  }
}

/** The values of `options` in `args`, and `help: true` if it is asked for. Throws {@link UsageError}. */
export function parseOptions(options, args) {
  const types = Object.entries(options).map(([name, { kind }]) => [name, { type: kind ? 'string' : 'boolean' }]);
  const known = Object.fromEntries([...types, ['help', { type: 'boolean', short: 'h' }]]);
  // Not strict: the messages of parseArgs do not say what is allowed.
  const { tokens } = parseArgs({ args, options: known, strict: false, allowPositionals: true, tokens: true });
  const given = tokens.filter(token => token.kind === 'option');
  if (given.some(({ name }) => name === 'help')) return { help: true };

  const positional = tokens.find(token => token.kind === 'positional');
  if (positional) throw new UsageError(`unexpected argument "${positional.value}". It takes options only; see --help.`);
  const values = Object.fromEntries(Object.entries(options).map(([name, { kind, default: value }]) => [name, kind ? value : false]));
  for (const token of given) values[token.name] = readValue(options, token);
  const alone = given.find(({ name }) => options[name].alone);
  if (alone && given.some(({ name }) => name !== alone.name)) throw new UsageError(`${alone.rawName} cannot be combined with other options.`);
  return values;
}

function readValue(options, { name, rawName, value, inlineValue }) {
  if (!Object.hasOwn(options, name)) {
    const names = [...Object.keys(options), 'help'].map(name => `--${name}`);
    throw new UsageError(`unknown option ${rawName}. Options: ${names.join(', ')}.`);
  }
  const { kind } = options[name];
  if (!kind) {
    if (value !== undefined) throw new UsageError(`${rawName} takes no value.`);
    return true;
  }
  // parseArgs takes the next argument as the value even if it is an option.
  if (value === undefined || !inlineValue && value.startsWith('-')) throw new UsageError(`${rawName} needs a value: ${kind.allowed}.`);
  const parsed = kind.read(value);
  if (parsed === undefined) throw new UsageError(`${rawName} takes ${kind.allowed}, not "${value}".`);
  return parsed;
}

export function helpText({ name, summary, options, environment, duration }) {
  const optionRows = Object.entries(options).map(([name, { kind, help, default: value, defaultText = value }]) => [
    `--${name}${kind ? ` ${kind.placeholder}` : ''}`,
    [help, kind && `Takes ${kind.allowed}.`, kind && `Default: ${defaultText}.`].filter(Boolean).join(' '),
  ]);
  return [
    `Usage: ${name} [OPTION]...`, '', ...wrap(summary, HELP_WIDTH), '',
    'Options:', ...columns([...optionRows, ['--help', 'Prints this text.']]), '',
    'Environment:', ...columns(Object.entries(environment)), '',
    ...wrap(`Duration: ${duration}`, HELP_WIDTH),
  ].join('\n');
}

/** Rows `[left, right]` as lines: the left column as wide as its widest cell, the right one wrapped. */
function columns(rows) {
  const width = Math.max(...rows.map(([left]) => left.length)) + 4;
  return rows.flatMap(([left, right]) => wrap(right, HELP_WIDTH - width)
    .map((line, i) => (i === 0 ? `  ${left}` : '').padEnd(width) + line));
}

function wrap(text, width) {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line && line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = line ? `${line} ${word}` : word;
  }
  return lines;
}
