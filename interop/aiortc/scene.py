"""What has been seen so far in one call, and what to do when something is missing."""

import asyncio
import time


class Failure(Exception):
    """Something was not as expected."""


class Scene:
    """What has been seen so far in one call, and a way to wait for more."""

    def __init__(self, deadline_s):
        self.events, self.printed, self.told = [], [], []
        self.numbers, self.unreadable, self.sound = [], 0, []
        self.hellos, self.chat, self.delivered, self.ends = [], [], [], []
        self.over = None
        self._deadline, self._changed = time.monotonic() + deadline_s, asyncio.Event()

    def changed(self):
        self._changed.set()

    def reported(self, kind, **fields):
        """Events of this kind in Maru's report, with these fields."""
        return [
            event
            for event in self.events
            if event["event"] == kind and all(event.get(key) == value for key, value in fields.items())
        ]

    async def until(self, expected, is_there, seen):
        """Waits. `seen` gives what to show if it does not come."""
        while not is_there():
            left = self._deadline - time.monotonic()
            if left <= 0 or self.over:
                raise Failure(f"expected: {expected}\nseen:     {seen()}\n{self.over or 'Time is up.'}\n{self._told()}")
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), left)
            except asyncio.TimeoutError:
                pass

    def _told(self):
        kinds = [event["event"] for event in self.events]
        counts = ", ".join(f"{kinds.count(kind)} × {kind}" for kind in dict.fromkeys(kinds))
        return "\n".join([f"Maru's report has: {counts}", "Maru told:", *self.told[-20:]])


def expect(what, seen, at_least=float("-inf"), at_most=float("inf")):
    if not at_least <= seen <= at_most:
        wanted = f"at most {at_most}" if at_least == float("-inf") else f"at least {at_least}"
        raise Failure(f"expected: {what}: {wanted}\nseen:     {seen}")
    print(f"  {what}: {seen:.4g}")
