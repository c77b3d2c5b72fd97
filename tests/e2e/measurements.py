"""Numbers that the tests measure: one table at the end of the run, and build/e2e-measurements.json."""

import datetime
import json
import os
import platform
import statistics

from world import ROOT

PATH = ROOT / "build/e2e-measurements.json"


class Measurements:
    def __init__(self):
        self.rows = []

    def record(self, what, value, unit="s", objects=None, note=""):
        self.rows.append({"what": what, "objects": objects, "value": round(value, 3), "unit": unit, "note": note})

    def record_spread(self, what, values, unit="ms", note=""):
        """Median and 99th percentile."""
        ordered = sorted(values)
        self.record(f"{what}, median", statistics.median(ordered), unit, note=note)
        self.record(f"{what}, p99", ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))], unit, note=note)

    def table(self):
        rows = [("what", "objects", "value", "unit", "note")]
        rows += [(row["what"], str(row["objects"] or ""), f"{row['value']:g}", row["unit"], row["note"]) for row in self.rows]
        widths = [max(len(row[i]) for row in rows) for i in range(5)]
        return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)

    def save(self):
        """Adds to what earlier runs have measured: a newer number replaces that of the same name."""
        known = {}
        if PATH.exists():
            known = {(row["what"], row["objects"]): row for row in json.loads(PATH.read_text())["measurements"]}
        now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
        known |= {(row["what"], row["objects"]): {**row, "time": now} for row in self.rows}
        PATH.parent.mkdir(exist_ok=True)
        machine = f"{os.cpu_count()} CPUs, {platform.system()} {platform.release()}"
        PATH.write_text(json.dumps({"machine": machine, "measurements": list(known.values())}, indent=1) + "\n")
