#!/usr/bin/env python3
"""Holds calls between Maru and aiortc, and compares what each side sent with what the other one saw, heard and read.

It starts a signal server and `maru --headless` with its test picture and test sound, and joins with client.py: once
as the first in the room, so that Maru offers, and once as the second, so that aiortc offers. Everything stays on
127.0.0.1.
"""

import asyncio
import pathlib
import signal
import sys
import tempfile
import time

import media
from client import VERSION, Client
from programs import only, read_arguments, read_wav, read_y4m, start_maru, start_server
from scene import Failure, Scene, expect

ROOM, MARU, AIORTC = "상호 운용 🤝", "마루", "aiortc-파이썬"
# Written as JSON escapes, these are 48 KB.
LONG_CHAT = "😀" * 4_000
CHAT_TO_MARU = ["안녕하세요 👋🏽 <b>굵게</b>", LONG_CHAT]
CHAT_FROM_MARU = ["반가워요 👨‍👩‍👧‍👦 — hello", LONG_CHAT]
PICTURES, SECONDS_OF_SOUND = 40, 3
# Maru takes two at most.
ENDING_S = 30


def hello_of_maru():
    streams = [{"id": 1, "source": "microphone"}, {"id": 2, "source": "camera"}]
    return {"type": "hello", "version": VERSION, "name": MARU, "muted": False, "cameraOn": True, "streams": streams}


def new_client(scene, tasks):
    """A client whose tracks and messages go into the scene."""

    async def watch_pictures(track):
        while True:
            number = media.read_picture(await track.recv())
            if number is None:
                scene.unreadable += 1
            else:
                scene.numbers.append(number)
            scene.changed()

    async def listen(track):
        while True:
            scene.sound += media.left_channel(await track.recv())
            scene.changed()

    def observe(event, peer, value):
        if event == "track":
            tasks.append(asyncio.ensure_future({"video": watch_pictures, "audio": listen}[value.kind](value)))
        elif event == "hello":
            scene.hellos.append(value)
        elif event == "chat":
            scene.chat.append(value)
        elif event == "delivered":
            scene.delivered.append(value)
        elif event in ("bye", "left"):
            scene.ends.append((event, value))
        elif event == "error":
            scene.over = f"The signal server answers {value}."
        scene.changed()

    return Client(AIORTC, lambda: {"audio": media.StepsOfTones(), "video": media.NumberedPictures()}, observe)


async def call(programs, aiortc_is_first, deadline_s):
    """One call, from joining to leaving."""
    scene, tasks = Scene(deadline_s), []
    client = new_client(scene, tasks)
    with tempfile.TemporaryDirectory(prefix="maru-interop-") as folder:
        folder = pathlib.Path(folder)
        server, url = await start_server(programs)
        async with server:
            if aiortc_is_first:
                await client.join(url, ROOM)
            program, watching = await start_maru(programs, ROOM, MARU, url, folder, scene)
            async with program as maru:
                if not aiortc_is_first:
                    await scene.until("Maru joins the room", lambda: scene.reported("joined"), lambda: scene.told)
                    await client.join(url, ROOM)
                tasks.append(asyncio.ensure_future(serve(client, scene)))
                try:
                    await converse(scene, client, maru)
                    await part(scene, client, maru, watching, aiortc_is_first)
                finally:
                    for task in tasks:
                        task.cancel()
                    await asyncio.gather(*(peer.close() for peer in client.peers.values()))
        check_what_aiortc_got(scene)
        check_what_maru_got(folder / "saved")


async def serve(client, scene):
    try:
        await client.serve()
    except Exception as error:
        scene.over = f"client.py failed: {error!r}"
        scene.changed()
        raise


async def converse(scene, client, maru):
    """Greetings, chat, enough of picture and sound, and a change of what aiortc sends."""
    await scene.until(
        "Maru is connected", lambda: scene.reported("connected", peer=AIORTC), lambda: scene.reported("error")
    )
    await scene.until(
        "Maru's hello",
        lambda: hello_of_maru() in scene.hellos,
        lambda: scene.hellos,
    )
    await scene.until(
        "aiortc's hello is understood",
        lambda: scene.reported("peer-state", peer=AIORTC, muted=False, camera_on=True),
        lambda: scene.reported("peer-state"),
    )
    for text in CHAT_TO_MARU:
        number = client.write(text)
        await scene.until(
            f"Maru prints {text[:40]!r}", lambda: f"{AIORTC}: {text}" in scene.printed, lambda: short(scene.printed)
        )
        await scene.until(
            f"Maru acknowledges message {number}", lambda: number in scene.delivered, lambda: scene.delivered
        )
    for number, text in enumerate(CHAT_FROM_MARU, 1):
        maru.stdin.write(f"{text}\n".encode())
        await maru.stdin.drain()
        await scene.until(f"aiortc reads {text[:40]!r}", lambda: text in scene.chat, lambda: short(scene.chat))
        await scene.until(
            f"Maru is told that its message {number} was delivered",
            lambda: scene.reported("chat-delivered", peer=AIORTC, id=number),
            lambda: scene.reported("chat-delivered"),
        )
    await scene.until(
        f"{PICTURES} pictures and {SECONDS_OF_SOUND} s of sound at aiortc",
        lambda: len(scene.numbers) >= PICTURES and len(scene.sound) >= SECONDS_OF_SOUND * media.RATE_HZ,
        lambda: f"{len(scene.numbers)} pictures, {scene.unreadable} unreadable, {len(scene.sound)} samples",
    )
    await scene.until(
        f"{PICTURES} pictures presented and {SECONDS_OF_SOUND} s heard by Maru",
        lambda: len(scene.reported("presented", peer=AIORTC)) >= PICTURES and heard_for_s(scene) >= SECONDS_OF_SOUND,
        lambda: f"{len(scene.reported('presented'))} pictures, {heard_for_s(scene):.1f} s of sound",
    )
    client.set_presence(muted=True, camera_on=False)
    await scene.until(
        "aiortc's second hello is understood",
        lambda: scene.reported("peer-state", peer=AIORTC, muted=True, camera_on=False),
        lambda: scene.reported("peer-state"),
    )


def heard_for_s(scene):
    heard = scene.reported("heard")
    return (heard[-1]["t_ms"] - heard[0]["t_ms"]) / 1_000 if heard else 0


def short(texts):
    return [text if len(text) < 80 else f"{text[:40]}… ({len(text)} characters)" for text in texts]


async def part(scene, client, maru, watching, aiortc_leaves):
    """One side leaves, the other one notices. Maru has written its files when it has ended."""
    if aiortc_leaves:
        await client.leave()
        await scene.until(
            "Maru knows that aiortc has left",
            lambda: scene.reported("peer-left", peer=AIORTC, lost=False),
            lambda: scene.reported("peer-left"),
        )
    maru.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(watching, ENDING_S)
    except asyncio.TimeoutError:
        raise Failure(f"expected: Maru ends when it is told to\nseen:     it has not, after {ENDING_S} s") from None
    if maru.returncode != 0:
        raise Failure(f"expected: Maru ends with status 0\nseen:     {maru.returncode}")
    if not aiortc_leaves:
        scene.over = None
        await scene.until(
            "Maru says goodbye, and the server that it has left",
            lambda: {("bye", None), ("left", "left")} <= set(scene.ends),
            lambda: scene.ends,
        )


def check_what_aiortc_got(scene):
    expect("aiortc: different pictures", len(set(scene.numbers)), at_least=PICTURES // 2)
    expect("aiortc: pictures without a readable number", scene.unreadable, at_most=len(scene.numbers) // 20)
    steps = forward_steps(scene.numbers)
    expect("aiortc: share of pictures that follow the one before", steps, at_least=0.95)
    tones = (*media.MARU_TONES_HZ, media.MARU_MARKER_HZ)
    check_sound("aiortc", scene.sound, tones, media.MARU_TONES_HZ)


def check_what_maru_got(saved):
    numbers, unreadable = [], 0
    for luma, width, height in read_y4m(only(saved.glob("*.y4m"))):
        number = media.read_barcode(luma, width, height, width)
        if number is None:
            unreadable += 1
        else:
            numbers.append(number)
    expect("Maru: different pictures", len(set(numbers)), at_least=PICTURES // 2)
    expect("Maru: pictures without a readable number", unreadable, at_most=len(numbers) // 20)
    expect("Maru: share of pictures that follow the one before", forward_steps(numbers), at_least=0.95)
    check_sound("Maru", read_wav(only(saved.glob("*.wav"))), media.OWN_TONES_HZ, media.OWN_TONES_HZ)


def check_sound(who, samples, tones_hz, order_hz):
    """Nearly every loud window has one of `tones_hz`, and those of `order_hz` come one after the other."""
    found = media.pitches(samples, tones_hz)
    expect(f"{who}: seconds of sound", len(found) * media.WINDOW_SAMPLES / media.RATE_HZ, at_least=SECONDS_OF_SOUND / 2)
    clear = sum(pitch is not None for pitch in found) / len(found)
    expect(f"{who}: share of the sound with a pitch that was sent", clear, at_least=0.7)
    places = [order_hz.index(pitch) for pitch in found if pitch in order_hz]
    changes = [(a, b) for a, b in zip(places, places[1:]) if a != b]
    in_order = sum(b == (a + 1) % len(order_hz) for a, b in changes)
    expect(f"{who}: changes of pitch", len(changes), at_least=3)
    expect(f"{who}: share of those changes in the order sent", in_order / len(changes), at_least=0.75)


def forward_steps(numbers):
    """The share of numbers that are a little above the one before: up to two seconds."""
    steps = [(b - a) % 65_536 for a, b in zip(numbers, numbers[1:])]
    return sum(1 <= step <= 60 for step in steps) / max(1, len(steps))


async def check(arguments):
    for name, aiortc_is_first in [("Maru offers", True), ("aiortc offers", False)]:
        started = time.monotonic()
        print(f"{name}:")
        try:
            await asyncio.wait_for(
                call(arguments.programs, aiortc_is_first, arguments.seconds), arguments.seconds + 2 * ENDING_S
            )
        except Failure as failure:
            print(failure)
            sys.exit(f"{name}: failed")
        except asyncio.TimeoutError:
            sys.exit(f"{name}: failed: it does not come to an end")
        print(f"{name}: as it should be, after {time.monotonic() - started:.0f} s")


def main():
    asyncio.run(check(read_arguments(__doc__, 90, "how long one call may take")))


if __name__ == "__main__":
    main()
