"""Scenes: who talks when, and what the room does to what the loudspeaker plays."""
from dataclasses import dataclass

import numpy as np
from scipy.signal import fftconvolve

from .speech import RATE, talk

SECONDS = 14
"""Kinds of scenes. In all but `near` and `noise` the far end talks the whole time."""
KINDS = {
    'far end only, 20 ms': dict(delay_ms=20),
    'far end only, 150 ms': dict(delay_ms=150),
    'far end only, 400 ms': dict(delay_ms=400),
    'clipping loudspeaker': dict(delay_ms=60, clips=True),
    'noise at 20 dB SNR': dict(delay_ms=60, noise_db=20),
    'drift of 100 ppm': dict(delay_ms=60, ppm=100),
    'path changes': dict(delay_ms=60, changes=True),
    'double talk': dict(delay_ms=60, near=True),
    'headphones': dict(delay_ms=60, echo=False, near=True),
    'near end only': dict(far=False, near=True, echo=False),
    'noise, 10 dB SNR': dict(far=False, near=True, echo=False, noise_db=10, steady=True),
}


@dataclass
class Scene:
    kind: str
    """What the loudspeaker plays, what the microphone records, and the near voice alone."""
    played: np.ndarray
    microphone: np.ndarray
    near: np.ndarray
    """The near voice is there from this second on: the canceller has settled."""
    near_from: float
    noise: np.ndarray = None
    ppm: float = 0.0


def room(random, reverberation_s=0.3, gain=0.35):
    """An impulse response: direct sound and exponentially decaying reflections."""
    count = int(reverberation_s * RATE)
    tail = random.standard_normal(count) * np.exp(-6.9 * np.arange(count) / count)
    # Walls take the high tones first.
    tail = np.convolve(tail, [0.25, 0.5, 0.25], mode='same') * 0.06
    tail[0] = 1.0
    return (gain * tail).astype(np.float32)


def make(kind, cache, seed):
    options = {'far': True, 'echo': True, 'near': False, 'delay_ms': 60, 'noise_db': None, 'ppm': 0, **KINDS[kind]}
    # The same words and rooms for every kind with this seed.
    random = np.random.default_rng(seed)
    far = talk(cache, 'allison', SECONDS, random) if options['far'] else np.zeros(SECONDS * RATE, np.float32)
    near_voice = talk(cache, 'librivox', SECONDS, random)
    rooms = [room(random), room(random)]
    noise = random.standard_normal(SECONDS * RATE).astype(np.float32)

    near_from = 5.0 if options['far'] else 0.0
    near = near_voice * 0.6 if options['near'] else np.zeros_like(far)
    near[:int(near_from * RATE)] = 0
    microphone = near.copy()
    if options['echo']:
        source = np.clip(far * 3, -0.6, 0.6) / 1.5 if options.get('clips') else far
        if options['ppm']:
            # The loudspeaker is faster than the microphone.
            at = np.arange(len(far)) * (1 + options['ppm'] * 1e-6)
            source = np.interp(at, np.arange(len(far)), source, right=0).astype(np.float32)
        delayed = np.concatenate([np.zeros(options['delay_ms'] * RATE // 1000, np.float32), source])[:len(far)]
        echo = fftconvolve(delayed, rooms[0])[:len(far)]
        if options.get('changes'):
            half = len(far) // 2
            echo[half:] = fftconvolve(delayed, rooms[1])[half:len(far)]
        microphone = microphone + echo.astype(np.float32)
    added = None
    if options['noise_db'] is not None:
        loud = near if options['near'] else microphone
        power = np.mean(loud[np.abs(loud) > 1e-4] ** 2)
        # A fan: more low than high tones.
        colour = fftconvolve(noise, np.exp(-np.arange(24) / 6.0), mode='same') if options.get('steady') else noise
        added = colour / np.sqrt(np.mean(colour ** 2)) * np.sqrt(power / 10 ** (options['noise_db'] / 10))
        added = added.astype(np.float32)
        microphone = microphone + added
    return Scene(kind, far, np.clip(microphone, -1, 1).astype(np.float32), near.astype(np.float32), near_from, added,
                 options['ppm'])
