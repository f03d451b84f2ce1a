"""Pictures with a number in them, sound with a pitch, and how both are recognised after they were sent.

The pictures carry the barcode that Maru's own test picture has: see client/core/src/barcode.rs.
"""

import array
import asyncio
import fractions
import math
import operator
import time

from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame, VideoFrame

RATE_HZ = 48_000
# 20 ms.
WINDOW_SAMPLES = 960
# In a window of this RMS there is sound.
LOUD = 0.04
# A window has a pitch if this share of its power is there. Where one pitch follows another, it has none.
CLEAR_SHARE = 0.7

# Ours, half a second each.
OWN_TONES_HZ = (500, 700, 900)
OWN_TONE_SAMPLES = RATE_HZ // 2
# Maru's: client/core/src/test_sound.rs.
MARU_TONES_HZ = tuple(range(400, 2161, 160))
MARU_MARKER_HZ = 3000

WIDTH, HEIGHT, FPS = 320, 180, 15
WHITE, BLACK = 235, 16
# Columns of the barcode: white, black, 16 bits, parity, and one that stays free.
COLUMNS, CELLS = 20, 19
MIN_CONTRAST = 60


class Pace:
    """Waits for the moment of each frame, by the clock of the wall."""

    def __init__(self, interval_s):
        self._interval_s, self._started, self._number = interval_s, None, -1

    async def next(self):
        """The number of the next frame, when it is due."""
        self._number += 1
        if self._started is None:
            self._started = time.monotonic()
        await asyncio.sleep(max(0, self._started + self._number * self._interval_s - time.monotonic()))
        return self._number


class NumberedPictures(MediaStreamTrack):
    """Pictures with their number as a barcode over a gradient that moves."""

    kind = "video"

    def __init__(self):
        super().__init__()
        self._pace = Pace(1 / FPS)

    async def recv(self):
        number = await self._pace.next()
        if self.readyState != "live":
            raise MediaStreamError
        barcode, gradient = barcode_row(number, WIDTH), bytes(40 + (x + 3 * number) % WIDTH // 2 for x in range(WIDTH))
        rows = [barcode] * barcode_rows(HEIGHT) + [gradient] * (HEIGHT - barcode_rows(HEIGHT))
        frame = VideoFrame(WIDTH, HEIGHT, "yuv420p")
        fill(frame.planes[0], rows)
        for plane in frame.planes[1:]:
            fill(plane, [bytes([128]) * plane.width] * plane.height)
        frame.pts, frame.time_base = number * 90_000 // FPS, fractions.Fraction(1, 90_000)
        return frame


class StepsOfTones(MediaStreamTrack):
    """One tone after the other."""

    kind = "audio"

    def __init__(self):
        super().__init__()
        self._pace = Pace(WINDOW_SAMPLES / RATE_HZ)

    async def recv(self):
        number = await self._pace.next()
        if self.readyState != "live":
            raise MediaStreamError
        first = number * WINDOW_SAMPLES
        tone_hz = OWN_TONES_HZ[first // OWN_TONE_SAMPLES % len(OWN_TONES_HZ)]
        turn = 2 * math.pi * tone_hz / RATE_HZ
        samples = array.array("h", (int(10_000 * math.sin(turn * at)) for at in range(first, first + WINDOW_SAMPLES)))
        frame = AudioFrame("s16", "mono", WINDOW_SAMPLES)
        frame.planes[0].update(samples.tobytes().ljust(frame.planes[0].buffer_size, b"\0"))
        frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, first, fractions.Fraction(1, RATE_HZ)
        return frame


def fill(plane, rows):
    plane.update(b"".join(row.ljust(plane.line_size, b"\0") for row in rows))


def barcode_rows(height):
    return max(2, height * 32 // 720)


def parity(number):
    return number.bit_count() % 2


def barcode_row(number, width):
    number &= 0xFFFF
    cells = [1, 0, *(number >> bit & 1 for bit in range(16)), parity(number)]
    row = bytearray([BLACK]) * width
    for cell, is_white in enumerate(cells):
        if is_white:
            start, end = cell * width // COLUMNS, (cell + 1) * width // COLUMNS
            row[start:end] = bytes([WHITE]) * (end - start)
    return bytes(row)


def read_barcode(luma, width, height, stride):
    """The number in a picture of these luma bytes; `None` where there is none."""
    row = luma[barcode_rows(height) // 2 * stride :][:width]

    def level(cell):
        inner = row[(4 * cell + 1) * width // (4 * COLUMNS) : (4 * cell + 3) * width // (4 * COLUMNS)]
        return sum(inner) / max(1, len(inner))

    levels = [level(cell) for cell in range(CELLS)]
    white, black = levels[:2]
    if white - black < MIN_CONTRAST:
        return None
    shares = [(value - black) / (white - black) for value in levels[2:]]
    if any(0.35 <= share <= 0.65 for share in shares):
        return None
    bits = [share > 0.5 for share in shares]
    number = sum(bit << place for place, bit in enumerate(bits[:16]))
    return number if bits[16] == parity(number) else None


def read_picture(frame):
    luma = frame.planes[0]
    return read_barcode(bytes(luma), frame.width, frame.height, luma.line_size)


def left_channel(frame):
    """Samples of a decoded frame (16 bit, interleaved), -1 to 1."""
    channels = len(frame.layout.channels)
    samples = array.array("h", bytes(frame.planes[0])[: 2 * channels * frame.samples])
    return [sample / 32_768 for sample in samples[::channels]]


def pitches(samples, tones_hz):
    """For each loud window its pitch, or `None` where none of `tones_hz` is clear."""
    waves = [
        [[wave(2 * math.pi * tone_hz * at / RATE_HZ) for at in range(WINDOW_SAMPLES)] for wave in (math.cos, math.sin)]
        for tone_hz in tones_hz
    ]
    found = []
    for start in range(0, len(samples) - WINDOW_SAMPLES + 1, WINDOW_SAMPLES):
        window = samples[start : start + WINDOW_SAMPLES]
        power = sum(map(operator.mul, window, window))
        if math.sqrt(power / WINDOW_SAMPLES) < LOUD:
            continue
        shares = [
            sum(sum(map(operator.mul, window, wave)) ** 2 for wave in pair) * 2 / WINDOW_SAMPLES / power
            for pair in waves
        ]
        loudest = max(range(len(tones_hz)), key=shares.__getitem__)
        found.append(tones_hz[loudest] if shares[loudest] > CLEAR_SHARE else None)
    return found
