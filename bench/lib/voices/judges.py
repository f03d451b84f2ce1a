"""Figures of one scene and what was made of it."""
import warnings

import numpy as np
from scipy.signal import resample_poly

RATE = 48_000
QUIET = 1e-4

warnings.filterwarnings('ignore')


def decibel(power):
    return 10 * np.log10(max(power, 1e-12))


def removed_db(before, after, start, end):
    """The power that is gone between two seconds, where there was any before."""
    span = slice(int(start * RATE), int(end * RATE))
    heard = np.abs(before[span]) > QUIET
    return decibel(np.mean(before[span][heard] ** 2)) - decibel(np.mean(after[span][heard] ** 2))


def at_16k(audio):
    return resample_poly(audio, 1, 3).astype(np.float32)


def aecmos(scene, output, talk_type):
    """`(echo, other)`, 1 to 5 (Purin et al., ICASSP 2022)."""
    from speechmos import aecmos as judge
    start = int(3 * RATE)
    sample = {'lpb': at_16k(scene.played[start:]), 'mic': at_16k(scene.microphone[start:]), 'enh': at_16k(output[start:])}
    sample = {name: np.clip(audio, -1, 1) for name, audio in sample.items()}
    scores = judge.run(sample, 16_000, talk_type=talk_type)
    return scores['echo_mos'], scores['deg_mos']


def stoi(near, output, start):
    """Intelligibility, 0 to 1 (Taal et al., 2011), of the near voice from a second on."""
    from pystoi import stoi as judge
    begin = int(start * RATE)
    return judge(at_16k(near[begin:]), at_16k(output[begin:]), 16_000)


def p808(output):
    """DNSMOS P.808, 1 to 5 (Reddy et al., 2021)."""
    from speechmos import dnsmos as judge
    return judge.run(np.clip(at_16k(output), -1, 1), 16_000)['p808_mos']


def voice_lost_db(near, output, start):
    """By how much the near voice is quieter, where there is nothing else: by the power."""
    return removed_db(near, output, start, len(near) / RATE)
