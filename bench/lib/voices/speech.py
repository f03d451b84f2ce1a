"""Real speech, as arrays of float32 at 48 kHz, mono, peaks at 0.5."""
import glob
import os

import numpy as np
import soundfile
from scipy.signal import resample_poly

RATE = 48_000


def load(path):
    audio, rate = soundfile.read(path, dtype='float32')
    audio = audio if audio.ndim == 1 else audio.mean(axis=1)
    return resample_poly(audio, RATE, rate).astype(np.float32) if rate != RATE else audio


def sentences(cache, voice):
    """`voice`: `allison` (a woman, 16 kHz sentences) or `librivox` (a man reads a novel, 16 kHz)."""
    return [load(path) for path in sorted(glob.glob(os.path.join(cache, 'speech', voice, '*.wav')))]


def talk(cache, voice, seconds, random, pause=(0.3, 0.9)):
    """Sentences in random order with pauses, `seconds` long."""
    parts, length = [], 0
    available = sentences(cache, voice)
    if not available:
        raise SystemExit(f'There is no speech of {voice} in {cache}. Run bench/setup --voices.')
    while length < seconds * RATE:
        sentence = available[random.integers(len(available))]
        parts += [sentence / max(np.abs(sentence).max(), 1e-6) * 0.5, np.zeros(int(random.uniform(*pause) * RATE), np.float32)]
        length += len(parts[-1]) + len(parts[-2])
    return np.concatenate(parts)[:int(seconds * RATE)].astype(np.float32)
