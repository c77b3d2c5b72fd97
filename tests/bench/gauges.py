"""What a phase of a measurement costs: memory of a process, CPU seconds of it and of the API server, requests."""

import contextlib
import dataclasses
import re
import threading
import time

SAMPLE = 0.1  # seconds


@dataclasses.dataclass
class Phase:
    name: str
    seconds: float = 0
    rss_peak: int = 0  # KiB, sampled
    rss_after: int = 0
    central_cpu: float = 0  # seconds
    api_server_cpu: float = 0
    writes: int = 0  # requests of central, without those of the measurement itself
    lists: int = 0
    note: str = ""


class Gauges:
    """phase() measures what happens within it; the phases are collected in `phases`."""

    def __init__(self, api, central):
        self._api, self._central = api, central
        self.phases = []
        self.own_writes = lambda: 0  # PATCHes of Secrets that are not central's, so far

    @contextlib.contextmanager
    def phase(self, name):
        phase = Phase(name)
        before = self._now()
        try:
            with self._peak(phase):
                yield phase
        except BaseException:
            phase.note = "not finished"
            raise
        finally:
            self._complete(phase, before, self._now())

    def _complete(self, phase, before, after):
        if not phase.seconds:
            phase.seconds = after["time"] - before["time"]
        phase.rss_after = self._central.memory_kib()
        for field in ("central_cpu", "api_server_cpu", "writes", "lists"):
            setattr(phase, field, after[field] - before[field])
        self.phases.append(phase)
        print(f"  {phase.name}: {phase.seconds:.1f} s{', ' if phase.note else ''}{phase.note}", flush=True)

    @contextlib.contextmanager
    def _peak(self, phase):
        ended = threading.Event()

        def sample():
            while not ended.wait(SAMPLE):
                phase.rss_peak = max(phase.rss_peak, self._central.memory_kib())

        thread = threading.Thread(target=sample)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            phase.rss_peak = max(phase.rss_peak, self._central.memory_kib())

    def _now(self):
        series = self._api.text("/metrics")

        def total(verb):
            line = rf'^apiserver_request_total{{[^}}]*resource="secrets"[^}}]*verb="{verb}"[^}}]*}} (\S+)$'
            found = re.findall(line, series, re.MULTILINE)
            return int(sum(map(float, found)))
        cpu = float(re.search(r"^process_cpu_seconds_total (\S+)$", series, re.MULTILINE)[1])
        return {"time": time.monotonic(), "central_cpu": self._central.cpu_seconds(), "api_server_cpu": cpu,
                "writes": total("PATCH") - self.own_writes(), "lists": total("LIST")}


def show(count, phases):
    print(f"\n{count:,} objects")
    print(f"  {'':<42}{'time':>9}{'central':>9}{'API server':>12}{'patches':>9}{'lists':>7}{'RSS peak':>11}{'after':>9}")
    for phase in phases:
        print(f"  {phase.name:<42}{phase.seconds:>7.1f} s{phase.central_cpu:>7.2f} s{phase.api_server_cpu:>10.1f} s"
              f"{phase.writes:>9,}{phase.lists:>7,}{phase.rss_peak / 1024:>7.1f} MiB{phase.rss_after / 1024:>5.1f} MiB"
              f"  {phase.note}")
