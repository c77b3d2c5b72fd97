"""What a step of the guide is given: run a command and show it, say what it means, expect, wait, measure."""

import collections
import pathlib
import time

from . import ring
from .clusters import ROOT, CommandError
from .watch import Watch

_POLL_SECONDS = 0.15
LOGS = pathlib.Path("build/demo/logs")


class Failed(Exception):
    """An expectation of a step does not hold."""

    def __init__(self, step, expected, seen):
        super().__init__(f"step {step} failed\n  expected: {expected}\n  seen:     {seen}")


class Guide:
    def __init__(self, terminal, cluster):
        self.terminal, self.cluster = terminal, cluster
        self.changes = []
        self.columns = collections.OrderedDict()  # moment -> objects by shard
        self.killed = None                        # the pod whose controller was killed
        self.released_lease = None                # that of the scale-down, and when it was released
        self.installed = False
        self.on_install = lambda folder: None

    def run(self, line, input=None, show=True):
        """Runs a kubectl line as the user would type it and shows what it prints."""
        self.terminal.command(line)
        output = self.cluster.shell(line, input)
        if show:
            self.terminal.output(output)
        return output

    def own_command(self, *arguments):
        """A command of tests/cluster."""
        line, output = self.cluster.run_cli(*arguments)
        self.terminal.command(line)
        self.terminal.output(output)

    def apply(self, folder):
        self.installed = True
        folder = self.cluster.kustomization(folder)
        self.on_install(folder)
        self.run(f"kubectl apply -k {folder}")

    def meaning(self, text):
        self.terminal.meaning(text)

    def expect(self, condition, expected, seen):
        if not condition:
            raise Failed(self.terminal.step, expected, seen)

    def until(self, what, seconds, expected, probe):
        """Waits until probe() returns (True, anything) and returns that; (False, what is seen) goes on."""
        deadline = time.monotonic() + seconds
        with self.terminal.progress(what) as progress:
            while True:
                done, seen = probe()
                if done:
                    return seen
                if time.monotonic() > deadline:
                    raise Failed(self.terminal.step, f"{expected}, within {seconds} s", seen)
                progress.tick()
                time.sleep(_POLL_SECONDS)

    def snapshot(self):
        return ring.snapshot(self.cluster)

    def settle(self, shards, moment=None, seconds=60, but=None):
        """Waits until `shards` shards are available and every object is where the hash ring says. -> Snapshot"""
        def probe():
            now = self.snapshot()
            faults = now.faults(shards)
            if not faults and but and but in now.available:
                faults = [f"{but} is still available"]
            return (False, "; ".join(faults[:3])) if faults else (True, now)
        settled = self.until("until every object is where it belongs", seconds,
                             f"{shards} shards, all objects and their ConfigMaps where the hash ring says, none draining", probe)
        if moment:
            self.columns[moment] = settled.count_by_shard()
        return settled

    def watch(self, resource):
        try:
            return Watch(self.cluster, resource)
        except TimeoutError as error:
            raise CommandError(str(error)) from error

    def save_logs(self):
        """Puts the logs of all parts into build/demo/logs, as far as they can be had."""
        if not self.installed:
            return
        folder = ROOT / LOGS
        folder.mkdir(parents=True, exist_ok=True)
        wanted = {"sharder": "-n sharding-system -l app.kubernetes.io/component=sharder",
                  "injector": "-n sharding-system -l app.kubernetes.io/component=injector",
                  "controllers": f"-l app.kubernetes.io/component={ring.RING} -c checksum-controller",
                  "sidecars": f"-l app.kubernetes.io/component={ring.RING} -c ringside-sidecar"}
        for name, selection in wanted.items():
            try:
                text = self.cluster.shell(f"kubectl logs --prefix --tail=-1 {selection}")
            except CommandError as error:
                text = str(error)
            (folder / f"{name}.log").write_text(text)
        self.terminal.say(f"The logs are in {LOGS}.")
