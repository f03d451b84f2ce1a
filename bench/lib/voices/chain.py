"""The speech of bench/speech, and the judgement of what arrived. Run as a program by bench/speech."""
import json
import sys

import numpy as np
import soundfile

from .judges import at_16k
from .speech import RATE, talk

SECONDS = 20
"""PESQ is made for pieces of 8 to 12 s."""
PIECE_SECONDS = 10


def make(cache, path):
    """Writes a loop of speech, SECONDS long."""
    soundfile.write(path, talk(cache, 'allison', SECONDS, np.random.default_rng(1)), RATE, subtype='PCM_16')


def judge(source, heard, own, late_ms):
    """`own`: what the far microphone gave, whose recording began `late_ms` before that of `heard`, if there is such a recording."""
    original, played = at_16k(soundfile.read(source, dtype='float32')[0]), at_16k(np.fromfile(heard, '<f4'))
    result = {'pesq': pesq(original, played)}
    if own:
        result['delaysMs'] = delays_ms(np.fromfile(own, '<f4'), np.fromfile(heard, '<f4'), float(late_ms))
    return result


def pesq(original, played):
    """PESQ, wideband (ITU-T P.862.2), 1 to 4.6: the mean of the pieces."""
    from pesq import NoUtterancesError, pesq as score
    count = len(played) // (PIECE_SECONDS * 16_000)
    scores = []
    for piece in range(count):
        part = played[piece * PIECE_SECONDS * 16_000:][:PIECE_SECONDS * 16_000]
        # Where in the loop the piece begins.
        size = len(original)
        padded = np.pad(part, (0, size - len(part)))
        begin = int(np.argmax(np.fft.irfft(np.fft.rfft(original) * np.conj(np.fft.rfft(padded)), size)))
        reference = np.roll(original, -begin)[:len(part)]
        try:
            scores.append(float(score(16_000, reference, part, 'wb')))
        except NoUtterancesError:
            scores.append(1.0)  # Nothing was heard.
    return float(np.mean(scores))


def delays_ms(own, heard, late_ms):
    """The delay of each two seconds, where there is speech."""
    window, most = 2 * RATE, RATE
    found = []
    for begin in range(0, len(own) - window - most, RATE):
        spoken = own[begin:begin + window]
        first = begin - int(late_ms * RATE / 1000)
        if first < 0 or first + window + most > len(heard) or np.max(np.abs(spoken)) < 0.1:
            continue
        around = heard[first:first + window + most]
        size = 1 << (len(around) + window).bit_length()
        correlation = np.fft.irfft(np.fft.rfft(around, size) * np.conj(np.fft.rfft(spoken, size)), size)[:most]
        found.append(int(np.argmax(correlation)) * 1000 / RATE)
    return found


if __name__ == '__main__':
    what, *arguments = sys.argv[1:]
    if what == 'make':
        make(*arguments)
    else:
        source, heard, own, late_ms = (arguments + ['', '0'])[:4]
        print(json.dumps(judge(source, heard, own, late_ms)))
