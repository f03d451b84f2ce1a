#!/usr/bin/env python3
"""Members of a room who attack one of the others, over a real association (docs/upstream/rtc-sctp.md).

Two of `maru --headless` are in a call. One after the other, hostile members join and send one of them what its stack
cannot digest. Checked: its connection to them is given up, and the two go on seeing and writing to each other; memory
stays bounded; the program ends at once even while the stack computes. Everything stays on 127.0.0.1.
"""

import asyncio
import pathlib
import signal
import struct
import sys
import tempfile
import time
from functools import partial

from aiortc.rtcsctptransport import Chunk, DataChunk, ForwardTsnChunk

from client import Client
from programs import read_arguments, start_maru, start_server
from scene import Failure, Scene, expect

ROOM, VICTIM, FRIEND = "hostile", "victim", "friend"
# Between two pictures of the friend. Without an attack about 60 ms.
MAX_GAP_MS = 700
PICTURES = 45
MAX_GROWTH_MB = 40
MAX_ENDING_S = 2
TSNS = 1 << 32


class FalseErrorChunk(Chunk):
    """An ERROR chunk whose cause is longer than the chunk."""

    type = 9

    def __init__(self):
        super().__init__(body=struct.pack("!HH", 1, 60_000))


def forward_tsn(sctp, ahead):
    """The receiver is to forget all packets up to `ahead` packets after the last one that we have sent (RFC 3758)."""
    chunk = ForwardTsnChunk()
    chunk.cumulative_tsn = (sctp._local_tsn - 1 + ahead) % TSNS
    sctp._local_tsn = (chunk.cumulative_tsn + 1) % TSNS
    return chunk


async def send_false_error(sctp):
    await sctp._send_chunk(FalseErrorChunk())


async def send_forward_tsn(sctp):
    await sctp._send_chunk(forward_tsn(sctp, (1 << 31) - 1))


async def send_forward_tsns_in_bursts(sctp):
    for _ in range(100):
        await sctp._send_chunk(forward_tsn(sctp, 1 << 27))
        await asyncio.sleep(0.05)


async def send_a_message_without_an_end(sctp):
    for number in range(20_000):
        chunk = DataChunk(flags=2 if number == 0 else 0)
        chunk.tsn, chunk.protocol, chunk.user_data = sctp._local_tsn, 51, bytes(1_000)
        sctp._local_tsn = (sctp._local_tsn + 1) % TSNS
        await sctp._send_chunk(chunk)
        if number % 20 == 0:
            await asyncio.sleep(0.001)


ATTACKS = [
    ("an ERROR chunk with a false length", send_false_error),
    ("a message without an end", send_a_message_without_an_end),
    ("FORWARD-TSN in bursts", send_forward_tsns_in_bursts),
    ("FORWARD-TSN by 2^31", send_forward_tsn),
]


def rss_mb(process):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1_024


async def join_as(name, url, scene):
    """A hostile member that is connected with the victim. Gives its client and what carries its channel."""
    client = Client(name, dict, lambda *_: scene.changed())
    client.sends = []
    await client.join(url, ROOM)
    serving = asyncio.ensure_future(client.serve())
    await scene.until(
        f"{name} is heard", lambda: scene.reported("peer-state", peer=name), lambda: scene.reported("peer-joined")
    )
    victim = next(peer for peer in client.peers.values() if peer.name == VICTIM)
    return client, serving, victim.sctp


async def attack(name, send, url, victim, scene, friend):
    before_mb, first = rss_mb(victim), len(scene.reported("presented", peer=FRIEND))
    client, serving, sctp = await join_as(name, url, scene)
    sending = asyncio.ensure_future(send(sctp))
    try:
        await scene.until(
            "the connection to the attacker is given up",
            lambda: any(name in event["message"] for event in scene.reported("error")),
            lambda: scene.reported("error"),
        )
        await write(friend, f"after {name}", scene)
        await scene.until(
            "more pictures of the friend",
            lambda: len(scene.reported("presented", peer=FRIEND)) - first >= PICTURES,
            lambda: len(scene.reported("presented", peer=FRIEND)) - first,
        )
    finally:
        sending.cancel()
        serving.cancel()
        await asyncio.gather(*(peer.close() for peer in client.peers.values()), return_exceptions=True)
    seen = scene.reported("presented", peer=FRIEND)[first:]
    gaps = [b["t_ms"] - a["t_ms"] for a, b in zip(seen, seen[1:])]
    expect("longest gap between them, ms", max(gaps), at_most=MAX_GAP_MS)
    expect("growth of memory, MB", rss_mb(victim) - before_mb, at_most=MAX_GROWTH_MB)


async def write(friend, text, scene):
    friend.stdin.write(f"{text}\n".encode())
    await friend.stdin.drain()
    await scene.until(
        f"the victim reads {text!r}", lambda: f"{FRIEND}: {text}" in scene.printed, lambda: scene.printed
    )


async def check(arguments):
    scene = Scene(arguments.seconds)
    with tempfile.TemporaryDirectory(prefix="maru-hostile-") as folder:
        folder = pathlib.Path(folder)
        server, url = await start_server(arguments.programs)
        async with server:
            start = partial(start_maru, arguments.programs, ROOM, url=url, saves=False)
            other, watching_other = await start(FRIEND, folder=folder / FRIEND, scene=Scene(arguments.seconds))
            program, watching = await start(VICTIM, folder=folder / VICTIM, scene=scene)
            async with other as friend, program as victim:
                await scene.until(
                    "the victim has seen the friend for a while, and has the memory that a call needs",
                    lambda: len(scene.reported("presented", peer=FRIEND)) > 240,
                    lambda: scene.told,
                )
                for number, (what, send) in enumerate(ATTACKS, 1):
                    print(f"{what}:")
                    await attack(f"attacker-{number}", send, url, victim, scene, friend)
                print("The end, while the stack computes:")
                client, serving, sctp = await join_as("last", url, scene)
                await send_forward_tsn(sctp)
                # It has arrived, and takes seconds.
                await asyncio.sleep(0.3)
                started = time.monotonic()
                victim.send_signal(signal.SIGTERM)
                await asyncio.wait_for(watching, MAX_ENDING_S + 10)
                expect("seconds until it has ended", time.monotonic() - started, at_most=MAX_ENDING_S)
                expect("exit status", victim.returncode, at_least=0, at_most=0)
                serving.cancel()
                watching_other.cancel()
                await asyncio.gather(*(peer.close() for peer in client.peers.values()), return_exceptions=True)


def main():
    try:
        asyncio.run(check(read_arguments(__doc__, 120, "how long it may take")))
    except Failure as failure:
        sys.exit(str(failure))


if __name__ == "__main__":
    main()
