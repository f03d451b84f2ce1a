// The sound that both sides send: four tones in the band of speech, modulated at 4 Hz and never silent, so that any gap in
// the received audio is a fault.

export const TONES_HZ = [300, 700, 1100, 1700];

/** Samples from -1 to 1. With whole seconds all periods are complete, and the sound loops without a click. */
export function tones(rate, seconds) {
  return Float32Array.from({ length: rate * seconds }, (_, i) => {
    const t = i / rate;
    const envelope = 0.75 + 0.25 * Math.sin(2 * Math.PI * 4 * t);
    return 0.12 * envelope * TONES_HZ.reduce((sum, hz) => sum + Math.sin(2 * Math.PI * hz * t), 0);
  });
}
