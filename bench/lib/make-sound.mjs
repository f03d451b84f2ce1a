// make-sound.mjs OUT.wav: writes 10 s of the sound.
import fs from 'node:fs';
import { tones } from './tones.mjs';
import { encodeWav } from './wav.mjs';

const RATE = 48_000, SECONDS = 10;
fs.writeFileSync(process.argv[2], encodeWav(tones(RATE, SECONDS), RATE));
