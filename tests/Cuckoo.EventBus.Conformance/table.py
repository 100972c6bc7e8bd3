#!/usr/bin/env python3
"""Prints a table of behaviours from the XML report of the conformance tests: table.py REPORT [--markdown FILE]

One line per behaviour and one column per pair of broker and database: a test class is named AREA_on_PAIR, its methods are the
behaviours. Exits non-zero when a behaviour failed, was not shown on every pair, or when there is none at all.
"""
import argparse
import collections
import sys
import xml.etree.ElementTree

RESULTS = {"Pass": "passed", "Fail": "failed", "Skip": "skipped"}
MISSING = "not run"


def read(report):
    """The results as {area: {behaviour: {pair: result}}}, and the pairs in the order of their names."""
    areas = collections.defaultdict(lambda: collections.defaultdict(dict))
    pairs = set()
    for test in xml.etree.ElementTree.parse(report).getroot().iter("test"):
        area, separator, pair = test.get("type").rpartition(".")[2].partition("_on_")
        if not separator:
            continue
        pair = pair.replace("_and_", " + ").replace("_", " ")
        pairs.add(pair)
        areas[area][test.get("method").replace("_", " ")][pair] = RESULTS.get(test.get("result"), MISSING)
    # A small letter first: the embedded broker.
    return areas, sorted(pairs, key=str.swapcase)


def lines(areas, pairs):
    """The table's rows: an area alone, or a behaviour with its results."""
    for area in sorted(areas):
        yield "".join(f" {c.lower()}" if c.isupper() else c for c in area).strip().capitalize(), None
        for behaviour in sorted(areas[area]):
            yield behaviour, [areas[area][behaviour].get(pair, MISSING) for pair in pairs]


def as_text(areas, pairs):
    table = list(lines(areas, pairs))
    width = max(len(name) for name, _ in table) + 2
    heads = [max(len(pair), len("not run")) for pair in pairs]
    rows = [" " * (width + 2) + "  ".join(pair.ljust(head) for pair, head in zip(pairs, heads))]
    for name, results in table:
        if results is None:
            rows += ["", name]
        else:
            rows.append(f"  {name.ljust(width)}" + "  ".join(result.ljust(head) for result, head in zip(results, heads)))
    return "\n".join(row.rstrip() for row in rows)


def as_markdown(areas, pairs):
    rows = [
        "# What the bus does",
        "",
        "Written by `tests/conformance.sh --markdown FILE`: each behaviour is one test, run on both pairs of broker and database.",
    ]
    for name, results in lines(areas, pairs):
        if results is None:
            rows += ["", f"| **{name}** | " + " | ".join(pairs) + " |", "|---" * (len(pairs) + 1) + "|"]
        else:
            rows.append(f"| {name} | " + " | ".join(results) + " |")
    return "\n".join([*rows, "", summary(areas, pairs)]) + "\n"


def summary(areas, pairs):
    results = [results for _, results in lines(areas, pairs) if results]
    counts = collections.Counter(result for line in results for result in line)
    return f"{len(results)} behaviours: " + ", ".join(f"{counts[result]} {result}" for result in [*RESULTS.values(), MISSING] if counts[result] or result != MISSING)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("report")
    parser.add_argument("--markdown", metavar="FILE")
    arguments = parser.parse_args()

    areas, pairs = read(arguments.report)
    if not areas:
        sys.exit(f"{arguments.report} has no behaviour.")
    print(as_text(areas, pairs))
    print()
    print(summary(areas, pairs))
    if arguments.markdown:
        with open(arguments.markdown, "w", encoding="utf-8") as file:
            file.write(as_markdown(areas, pairs))
    bad = {"failed", MISSING}
    sys.exit(any(result in bad for _, results in lines(areas, pairs) for result in results or []))


if __name__ == "__main__":
    main()
