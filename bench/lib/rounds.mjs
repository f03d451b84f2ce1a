// Repeated measurements: a shared machine is faster in one minute than in the next.
import { wholeNumber } from './options.mjs';
import { medians } from './statistics.mjs';

export const ROUNDS = { kind: wholeNumber(1, 100), default: 1, help: 'Repeats everything and prints the medians.' };

/**
 * Calls `measure(announce)` `count` times. `announce(what, seconds)` prints what comes next and how long it takes.
 * Returns `{ results, rounds }`: the medians, and what each call returned.
 */
export async function measureRounds(count, measure) {
  const rounds = [];
  for (let round = 1; round <= count; round++) {
    rounds.push(await measure((what, seconds) => console.error(`round ${round} of ${count}: ${what}: about ${seconds} s ...`)));
  }
  return { results: medians(rounds), rounds };
}
