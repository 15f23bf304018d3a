"""Calls that take turns, so that a busy machine slows all of them alike."""

from __future__ import annotations

import pathlib
import statistics
import subprocess
import time
from collections.abc import Callable
from typing import NamedTuple

# What makes int8 fast, by its name in /proc/cpuinfo.
INT8_FLAGS = ("avx512_vnni", "avx_vnni", "amx_int8")


class Time(NamedTuple):
    """Seconds by the clock, and of all processor cores together."""

    clock: float
    processor: float

    @classmethod
    def now(cls) -> Time:
        return cls(time.perf_counter(), time.process_time())

    def until(self, end: Time) -> Time:
        return Time(end.clock - self.clock, end.processor - self.processor)


def processor() -> str:
    """The processor's name, and which instructions for int8 it has."""
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    found = {key.strip(): value.strip() for key, value in pairs}
    flags = [flag for flag in INT8_FLAGS if flag in found["flags"].split()]
    numbers = f"family {found['cpu family']}, model {found['model']}"
    return f"{found['model name']} ({numbers}; {', '.join(flags) or 'no VNNI'})"


def in_turn(calls: dict[str, Callable], turns: int, warm_up: int = 2) -> dict:
    """{name: ``Time`` of a call}, the medians of its turns.

    A call that returns a ``Time`` has measured itself.
    """
    found: dict[str, list[Time]] = {name: [] for name in calls}
    for turn in range(warm_up + turns):
        for name, call in calls.items():
            start = Time.now()
            own = call()
            own = own if isinstance(own, Time) else start.until(Time.now())
            if turn >= warm_up:
                found[name].append(own)
    return {
        name: Time(*map(statistics.median, zip(*times, strict=True)))
        for name, times in found.items()
    }


class Rival:
    """A script in another interpreter that waits for its turns.

    It prints a line when it is ready, and then, for each line that it reads, the
    seconds of a call named so: by the clock, and of all cores.

    Args:
        python: the other interpreter.
        script: with its arguments.
    """

    def __init__(self, python: str, *script):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._process = subprocess.Popen([python, *map(str, script)], **pipes)
        self.about = self._process.stdout.readline().strip()

    def call(self, name: str) -> Time:
        """The time of a call."""
        self._process.stdin.write(name + "\n")
        self._process.stdin.flush()
        return Time(*map(float, self._process.stdout.readline().split()))

    def close(self) -> None:
        """Ends the script."""
        self._process.stdin.close()
        self._process.wait()


def print_table(times: dict[str, Time], ours: str, unit: str = "ms") -> None:
    """Prints each call's times, and how many times that of ``ours`` they are."""
    print(processor())
    print(f"{'':<46}{unit:>9}{'ratio':>7}{unit + ' of cores':>14}{'ratio':>7}")
    factor = {"ms": 1000, "s": 1}[unit]
    for name, found in times.items():
        columns = [
            f"{factor * one:{width}.1f}{one / base:7.2f}"
            for one, base, width in zip(found, times[ours], (9, 14), strict=True)
        ]
        print(f"{name:<46}{''.join(columns)}", flush=True)
    print(f"ratio: the time divided by that of {ours}")
