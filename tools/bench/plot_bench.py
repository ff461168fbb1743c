#!/usr/bin/env python3
"""Draws a file that `varlen bench --json` wrote: GFLOP/s of every workload against what the machine allows.

usage: plot_bench.py [JSON PICTURE]     without words: only looks whether matplotlib is there
"""

import json
import sys

try:
    import matplotlib
except ImportError:
    sys.exit("matplotlib is missing: install it with apt-get install python3-matplotlib, or\n"
             "python3 -m pip install matplotlib")


def ceiling(result):
    """GFLOP/s that the floor allows. None where no floor is known."""
    return result["gflops"] * result["over_floor"] if result["over_floor"] else None


def draw(bench, picture):
    matplotlib.use("Agg")
    from matplotlib import pyplot

    results = [result for result in bench["results"] if "median_ms" in result]
    if not results:
        sys.exit("nothing was measured, so there is nothing to draw")
    labels = [f"{result['workload']}\n{result['dtype']} {result['pass']}" for result in results]
    figure, axes = pyplot.subplots(figsize=(9, 1.2 + 0.55 * len(results)), layout="constrained")
    bars = axes.barh(labels, [result["gflops"] for result in results], color="#4878a8", label="measured")
    shares = [f"{result['share']:.0%}" if result["share"] else "" for result in results]
    axes.bar_label(bars, shares, padding=3, fontsize=8)
    for position, result in enumerate(results):
        top = ceiling(result)
        if top:
            axes.plot([top, top], [position - 0.42, position + 0.42], color="#b03030", linewidth=2,
                      label="floor" if position == 0 else None)
    device = bench["device"]
    threads = f", {device['threads']} threads" if device["threads"] else ""
    name = f"{device['backend']}:{device['device']}"
    axes.set_title(f"{name} ({device['name']}, {device['architecture']}{threads})", fontsize=9)
    axes.set_xlabel("GFLOP/s (visible pairs only)")
    axes.tick_params(labelsize=8)
    axes.invert_yaxis()
    axes.legend(fontsize=8, loc="best")
    figure.savefig(picture)


if len(sys.argv) == 3:
    with open(sys.argv[1], encoding="utf-8") as stream:
        measured = json.load(stream)
    try:
        draw(measured, sys.argv[2])
    except (OSError, ValueError) as error:
        sys.exit(str(error))
elif len(sys.argv) != 1:
    sys.exit(__doc__)
