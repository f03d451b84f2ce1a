// make-sound.mjs OUT.wav: 10 s of four tones in the band of speech, modulated at 4 Hz and never silent, so that any gap in
// the received audio is a fault. The periods are complete, so it loops without a click.
import fs from 'node:fs';
import { encodeWav } from './wav.mjs';

const RATE = 48_000, SECONDS = 10, TONES_HZ = [300, 700, 1100, 1700];
const sound = Float32Array.from({ length: RATE * SECONDS }, (_, i) => {
  const t = i / RATE;
  const swell = 0.75 + 0.25 * Math.sin(2 * Math.PI * 4 * t);
  return 0.12 * swell * TONES_HZ.reduce((sum, hz) => sum + Math.sin(2 * Math.PI * hz * t), 0);
});
fs.writeFileSync(process.argv[2], encodeWav(sound, RATE));
