"""bench/voices: options, the run, and the tables."""
import argparse
import json
import os
import subprocess
import sys
from collections import defaultdict

import numpy as np

from . import judges, processors, scenes

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
ECHO_ONLY = {'far end only, 20 ms', 'far end only, 150 ms', 'far end only, 400 ms', 'clipping loudspeaker',
             'noise at 20 dB SNR', 'drift of 100 ppm', 'path changes'}


def main(cache):
    parser = argparse.ArgumentParser(prog='bench/voices', description=(
        'Plays real speech through simulated rooms into the processing of the voice: Maru\'s, and WebRTC\'s own (C++, from '
        'the livekit wheel), on the same recordings in one run. Prints Markdown tables, then JSON. Needs bench/setup --voices.'))
    parser.add_argument('--scenes', type=int, default=8, help='Scenes of each kind. Single scenes vary by 5 dB and 0.3 MOS. Default: 8.')
    parser.add_argument('--only', nargs='+', choices=list(scenes.KINDS), default=list(scenes.KINDS), help='Kinds of scenes. Default: all.')
    parser.add_argument('--program', help='The example process_voice, already built. Default: it is built.')
    options = parser.parse_args()
    program = options.program or build()
    rows = {kind: measure(kind, cache, program, options.scenes) for kind in options.only}
    print_tables(rows)
    print(json.dumps(rows))


def build():
    subprocess.run(['cargo', 'build', '--release', '--locked', '-p', 'maru', '--example', 'process_voice'], cwd=ROOT, check=True, stdout=sys.stderr)
    return os.path.join(os.environ.get('CARGO_TARGET_DIR', os.path.join(ROOT, 'target')), 'release', 'examples', 'process_voice')


def measure(kind, cache, program, count):
    """Means over `count` scenes: `{processor: {figure: value}}`."""
    if kind.startswith('noise, '):
        contenders = {'unprocessed': None, 'Maru, moderate': processors.maru(program, 'noise'),
                      'Maru, strong': processors.maru(program, 'strong-noise'), 'WebRTC': processors.webrtc(echo=False, noise=True)}
    else:
        contenders = {'unprocessed': None, 'Maru': processors.maru(program, 'echo'), 'WebRTC': processors.webrtc(),
                      'Maru, all on': processors.maru(program, 'on'), 'WebRTC, all on': processors.webrtc(noise=True, gain=True)}
    figures = {name: defaultdict(list) for name in contenders}
    for seed in range(count):
        print(f'{kind}: scene {seed + 1} of {count} ...', file=sys.stderr)
        scene = scenes.make(kind, cache, seed)
        for name, process in contenders.items():
            output, cores = process(scene) if process else (scene.microphone, 0.0)
            for figure, value in judged(scene, output).items():
                figures[name][figure].append(float(value))
            if process:
                figures[name]['cores'].append(cores)
    return {name: {figure: float(np.mean(values)) for figure, values in all_of.items()} for name, all_of in figures.items()}


def judged(scene, output):
    if scene.kind in ECHO_ONLY:
        found = {'1st second, dB': judges.removed_db(scene.microphone, output, 0, 1), '2nd, dB': judges.removed_db(scene.microphone, output, 1, 2),
                 'after, dB': judges.removed_db(scene.microphone, output, 2, scenes.SECONDS)}
        if scene.kind == 'path changes':
            half = scenes.SECONDS / 2
            found = {f'change + {begin} to {end} s, dB': judges.removed_db(scene.microphone, output, half + begin, half + end) for begin, end in ((0, 1), (1, 2), (2, 7))}
        return {**found, 'AECMOS echo': judges.aecmos(scene, output, 'st')[0]}
    found = {'STOI': judges.stoi(scene.near, output, scene.near_from)}
    if scene.kind == 'double talk':
        echo, other = judges.aecmos(scene, output, 'dt')
        return {**found, 'AECMOS echo': echo, 'AECMOS other': other}
    if scene.noise is not None:
        noise_alone = np.where(np.abs(scene.near) < judges.QUIET, scene.microphone, 0)
        found['noise down, dB'] = judges.removed_db(noise_alone, output, 2, scenes.SECONDS)
    else:
        found['near voice lost, dB'] = judges.voice_lost_db(scene.near, output, scene.near_from)
    return {**found, 'P.808': judges.p808(output)}


def print_tables(rows):
    by_figures = defaultdict(list)
    for kind, contenders in rows.items():
        for name, figures in contenders.items():
            titles = tuple(title for title in figures if title != 'cores')
            by_figures[titles].append((kind, name, figures))
    for titles, lines in by_figures.items():
        print(f'| scene | | {" | ".join(titles)} | CPU, % of a core |')
        print(f'| --- | --- |{" ---: |" * (len(titles) + 1)}')
        for kind, name, figures in lines:
            cores = f'{figures["cores"] * 100:.1f}' if 'cores' in figures else ''
            print(f'| {kind} | {name} | {" | ".join(f"{figures[title]:.2f}" for title in titles)} | {cores} |')
        print()
