"""The results as a table, as CSV and as a plot: an SVG is a few lines of text, which need no plotting library."""

import csv
import html

COLORS = {"sidecar": "#1f6feb", "haproxy": "#8b949e", "nghttpx": "#a5adb6", "envoy": "#c0c6cd", "go": "#d8dce1"}


def form(value):
    return "-" if value is None else f"{value:.2f}" if value < 10 else f"{value:.1f}"


def show(rows, names):
    """`rows`: (name, unit, budget, {peer: value})."""
    print(f"\n{'':<42}{'unit':>6}" + "".join(f"{name:>10}" for name in names) + f"{'budget':>10}")
    for name, unit, budget, values in rows:
        over = " over" if values.get("sidecar") is not None and values["sidecar"] > budget else ""
        print(f"{name:<42}{unit:>6}" + "".join(f"{form(values.get(peer)):>10}" for peer in names) + f"{budget:>10}{over}")


def write_csv(path, rows, names):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["row", "unit", *names, "budget"])
        for name, unit, budget, values in rows:
            writer.writerow([name, unit, *(form(values.get(peer)) for peer in names), budget])


def write_svg(path, rows, names):
    """A group of bars for each row, as a share of its longest; the budget is a line across the group."""
    left, width, bar = 260, 420, 14
    y, parts = 30, []
    for name, unit, budget, values in rows:
        longest = max([budget, *(value for value in values.values() if value is not None)])
        top = y
        label = f"{html.escape(name)}, {unit}"
        parts.append(f'<text x="{left - 10}" y="{y + bar * len(names) / 2 + 4}" text-anchor="end">{label}</text>')
        for peer in names:
            value = values.get(peer)
            if value is not None:
                length, color = value / longest * width, COLORS.get(peer, "#888")
                parts.append(f'<rect x="{left}" y="{y}" width="{length:.1f}" height="{bar - 2}" fill="{color}"/>')
                parts.append(f'<text x="{left + length + 4:.1f}" y="{y + bar - 4}">{html.escape(peer)} {form(value)}</text>')
            y += bar
        x = left + budget / longest * width
        parts.append(f'<line x1="{x:.1f}" y1="{top - 3}" x2="{x:.1f}" y2="{y}" stroke="#cf222e" stroke-dasharray="3 2"/>')
        y += bar
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 140}" height="{y}" font-family="sans-serif" '
            f'font-size="11"><rect width="100%" height="100%" fill="white"/>'
            f'<text x="10" y="16" font-size="13">CPU time and memory of proxies; dashed: the budget of the sidecar</text>')
    path.write_text(head + "".join(parts) + "</svg>\n", encoding="utf-8")
