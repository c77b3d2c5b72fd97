"""The tables at the end: objects per shard, what moved and how long it took, and who wrote."""

from checker import Ring, replay

from .guide import Failed
from .ring import RING


def show(guide):
    guide.terminal.heading_of_summary("Summary")
    guide.terminal.say("\nSecrets and ConfigMaps per shard")
    guide.terminal.output(_distribution(guide.columns))
    guide.terminal.say("\nWhat moved, and how long it took")
    guide.terminal.output(table([["", "moved", "seconds", ""], *(
        [row.what, str(row.moved), f"{row.seconds:.1f}", row.of_what] for row in guide.changes)]))
    guide.terminal.say("")
    _writes(guide)


def table(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)


def _distribution(columns):
    shards = dict.fromkeys(shard for counts in columns.values() for shard in sorted(counts))
    rows = [["", *columns]]
    rows += [[shard, *(str(counts.get(shard, "-")) for counts in columns.values())] for shard in shards]
    return table(rows)


def _writes(guide):
    if not guide.cluster.own:
        guide.terminal.say("Writes by a non-owner: not counted, as this cluster's audit log is out of reach.")
        return
    result = replay(guide.cluster.audit_events(), Ring.of_text(f"{RING}=secrets+configmaps"))
    if result.violations:
        raise Failed("summary", "no write by a non-owner", result.explain())
    if not result.judged:
        raise Failed("summary", "writes by the controller's pods in the audit log", result.explain())
    guide.terminal.say(f"Writes by a non-owner: 0 (of {result.judged} writes by the controller's pods to objects of the ring, "
                       "from the API server's audit log)")
