"""What processes the microphone: Maru's own code, and WebRTC's (C++), as the `livekit` wheel carries it."""
import os
import subprocess
import tempfile
import time

import numpy as np

RATE, BLOCK = 48_000, 480


def maru(program, parts):
    """`parts`: as of `maru --voice`. Returns a function of a scene: `(output, cores)`."""
    def process(scene):
        with tempfile.TemporaryDirectory() as folder:
            names = [os.path.join(folder, name) for name in ('played', 'microphone', 'output')]
            scene.played.astype('<f4').tofile(names[0])
            scene.microphone.astype('<f4').tofile(names[1])
            done = subprocess.run([program, parts, *names, str(scene.ppm)], check=True, capture_output=True, text=True)
            return aligned(np.fromfile(names[2], '<f4'), scene.microphone), float(done.stdout)
    return process


def webrtc(echo=True, noise=False, gain=False):
    """The same. The loudspeaker's block is handed over before the microphone's, without a hint at the delay."""
    from livekit import rtc

    def process(scene):
        apm = rtc.AudioProcessingModule(
            echo_cancellation=echo, noise_suppression=noise, high_pass_filter=True, auto_gain_control=gain)
        frame = lambda samples: rtc.AudioFrame(bytearray((np.clip(samples, -1, 1) * 32767).astype('<i2').tobytes()), RATE, 1, BLOCK)
        output, began = [], time.monotonic()
        for at in range(0, len(scene.microphone) // BLOCK * BLOCK, BLOCK):
            if scene.played.any():
                apm.process_reverse_stream(frame(scene.played[at:at + BLOCK]))
            block = frame(scene.microphone[at:at + BLOCK])
            apm.process_stream(block)
            output.append(np.frombuffer(bytes(block.data), '<i2').astype(np.float32) / 32768)
        cores = (time.monotonic() - began) / (len(scene.microphone) / RATE)
        return aligned(np.concatenate(output), scene.microphone), cores
    return process


def aligned(output, microphone):
    """The delay of the filter banks is taken out, so that the output lies over what was recorded."""
    output = np.pad(output, (0, max(0, len(microphone) - len(output))))[:len(microphone)]
    size = 1 << (2 * len(microphone) - 1).bit_length()
    correlation = np.fft.irfft(np.fft.rfft(output, size) * np.conj(np.fft.rfft(microphone, size)), size)
    late = int(np.argmax(correlation[:RATE // 20]))
    return np.concatenate([output[late:], np.zeros(late, np.float32)])
