"""The table at the end of a run."""


def table(outcome):
    rows = [["writes to main objects", f"{outcome.written}"]]
    rows += [[f"injected: {fault}", f"{count}"] for fault, count in sorted(outcome.injected.items())]
    rows.append(["injected in all", f"{sum(outcome.injected.values())}"])
    if outcome.missed:
        rows.append(["not injected, as there was nothing to hit or no time", f"{len(outcome.missed)}"])
    for result in outcome.results:
        name = f"ring {result.ring}: "
        rows += [
            [name + "objects", f"{result.objects}"],
            [name + "handovers", f"{result.handovers}"],
            [name + "handover, drain to acknowledgement", _spread(result.handover_seconds)],
            [name + "times without owner", f"{result.unowned_seconds.count}"],
            [name + "time without owner, outages included", _spread(result.unowned_seconds)],
            [name + "writes judged", f"{result.judged} ({len(result.unjudged)} could not be)"],
            [name + "writes by a non-owner", f"{len(result.violations)}"],
            [name + "too long without owner", f"{len(result.unowned)}"],
            [name + "children created twice", f"{len(result.surplus)}"],
        ]
    width = max(len(row[0]) for row in rows)
    return "\n".join(f"{what:<{width}}  {value}" for what, value in rows)


def findings(outcome):
    """What has to be explained; empty if nothing."""
    lines = [result.explain() for result in outcome.results if result.faults]
    return "\n".join(lines + outcome.problems)


def _spread(spread):
    if not spread.count:
        return "none"
    return f"p50 {spread.quantile(0.5):.2f} s, p99 {spread.quantile(0.99):.2f} s, longest {spread.longest:.2f} s"
