"""What the demo prints: headings, commands, their output, what it means, and progress while it waits."""

import os
import shutil
import sys
import textwrap
import time

_QUIET_SECONDS = 2   # waiting is not worth a word before
_EVERY_SECONDS = 10  # between lines of progress where a line cannot be overwritten


class Terminal:
    def __init__(self, out=sys.stdout):
        self._out = out
        self._tty = out.isatty()
        self._colour = self._tty and "NO_COLOR" not in os.environ
        self._width = min(shutil.get_terminal_size((100, 24)).columns, 110)
        self._step = 0

    def say(self, text=""):
        print(text, file=self._out, flush=True)

    def heading(self, title):
        self._step += 1
        self.say("\n" + self._styled("1", f"== {self._step}. {title} ".ljust(self._width, "=")))

    def heading_of_summary(self, title):
        self.say("\n" + self._styled("1", f"== {title} ".ljust(self._width, "=")))

    @property
    def step(self):
        return self._step

    def command(self, line):
        self.say("\n" + self._styled("36", f"$ {line}"))

    def output(self, text):
        if text.strip():
            self.say(text.rstrip("\n"))

    def meaning(self, text):
        for line in textwrap.wrap(" ".join(text.split()), self._width - 4):
            self.say(self._styled("32", f"  | {line}"))

    def failure(self, error):
        self.say("\n" + self._styled("31", f"demo: {error}"))

    def progress(self, what):
        return _Progress(self._out, self._tty, what)

    def _styled(self, code, text):
        return f"\033[{code}m{text}\033[0m" if self._colour else text


class _Progress:
    """A context manager around waiting; tick() tells that it goes on."""

    def __init__(self, out, tty, what):
        self._out, self._tty, self._what = out, tty, what
        self._began = time.monotonic()
        self._next = _QUIET_SECONDS
        self._shown = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._shown and self._tty:
            print("\r\033[K", end="", file=self._out, flush=True)

    def tick(self):
        waited = time.monotonic() - self._began
        if waited < self._next:
            return
        line = f"  ... {self._what} ({waited:.0f} s)"
        if self._tty:
            print(f"\r\033[K{line}", end="", file=self._out, flush=True)
        else:
            print(line, file=self._out, flush=True)
        self._shown = True
        self._next = waited + (1 if self._tty else _EVERY_SECONDS)
