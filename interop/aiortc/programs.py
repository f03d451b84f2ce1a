"""The programs of Maru as child processes, and the files that they write."""

import argparse
import asyncio
import json
import os
import pathlib
import wave

import aioice.ice

import media
from scene import Failure

MAX_LINE_BYTES = 1 << 20


def read_arguments(description, seconds, seconds_help):
    """The options of a check: where the programs are, and how long it may take."""
    # aioice offers no loopback addresses, and the test machine may have no others.
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    programs = os.environ.get("MARU_BIN", pathlib.Path(__file__).resolve().parents[2] / "target" / "debug")
    parser.add_argument(
        "--programs", type=pathlib.Path, default=programs, metavar="DIR",
        help="where maru and signal-server are ($MARU_BIN, or %(default)s)",
    )  # fmt: skip
    parser.add_argument("--seconds", type=float, default=seconds, metavar="N", help=f"{seconds_help} (%(default)s)")
    return parser.parse_args()


class Program:
    """A child process that is ended with its block."""

    def __init__(self, process):
        self.process = process

    async def __aenter__(self):
        return self.process

    async def __aexit__(self, *_):
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()


async def start_server(programs):
    """The program and its address."""
    server = await asyncio.create_subprocess_exec(
        programs / "signal-server", "--listen", "127.0.0.1:0",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    line = (await server.stdout.readline()).decode()
    return Program(server), line.removeprefix("listening on ").strip()


async def start_maru(programs, room, name, url, folder, scene, saves=True):
    """Maru without devices. What it says goes into `scene`; the task that reads it ends with the program."""
    report, report_end = os.pipe()
    maru = await asyncio.create_subprocess_exec(
        programs / "maru", "--headless", room, "--name", name, "--server", url, "--address", "127.0.0.1",
        "--camera", "test", "--microphone", "test", "--speaker", "none",
        *(["--save-remote", folder / "saved"] if saves else []), "--report", f"/dev/fd/{report_end}",
        pass_fds=[report_end],
        # A backtrace would load the symbols, which take more memory than all else.
        env={**os.environ, "MARU_CONFIG_DIR": str(folder / "config"), "LC_ALL": "C.UTF-8", "RUST_BACKTRACE": "0"},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        limit=MAX_LINE_BYTES,
    )  # fmt: skip
    os.close(report_end)
    events = asyncio.StreamReader(limit=MAX_LINE_BYTES)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(events), os.fdopen(report, "rb")
    )

    async def read(source, to, parse):
        async for line in source:
            to.append(parse(line))
            scene.changed()

    async def watch():
        await asyncio.gather(
            read(events, scene.events, json.loads),
            read(maru.stdout, scene.printed, lambda line: line.decode().rstrip("\n")),
            read(maru.stderr, scene.told, lambda line: line.decode().rstrip("\n")),
        )
        scene.over = f"Maru has ended with status {await maru.wait()}."
        scene.changed()

    return Program(maru), asyncio.ensure_future(watch())


def only(paths):
    paths = list(paths)
    if len(paths) != 1:
        raise Failure(f"expected: one file of this kind saved by Maru\nseen:     {paths}")
    return paths[0]


def read_y4m(path):
    """The luma bytes, width and height of each picture (I420)."""
    with open(path, "rb") as file:
        fields = file.readline().split()
        width, height = (int(next(field[1:] for field in fields if field[:1] == key)) for key in (b"W", b"H"))
        chroma_bytes = 2 * ((width + 1) // 2) * ((height + 1) // 2)
        while file.readline().startswith(b"FRAME"):
            yield file.read(width * height), width, height
            file.read(chroma_bytes)


def read_wav(path):
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (1, media.RATE_HZ, 2)
        data = file.readframes(file.getnframes())
    return [sample / 32_768 for sample in memoryview(data).cast("h")]
