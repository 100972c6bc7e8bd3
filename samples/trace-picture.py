#!/usr/bin/python3
"""Draws a trace as Jaeger's API answers it: curl -sS localhost:16686/api/traces/TRACE | samples/trace-picture.py | rsvg-convert >trace.png

The spans of requests and of the bus, each below its parent; a database's are left out. Bars are where the time went.
"""
import json
import sys
from html import escape

WIDTH, LEFT, ROW, TOP = 1280, 560, 24, 64       # pixels: the picture, where time begins, a span, what stands above the first
COLORS = {"orders": "#3b6fb6", "payments": "#2f8f5b", "inventory": "#b7791f", "notifications": "#8a4fbf"}
OTHER, FAILED = "#666666", "#c62828"
FONT = 'font-family="DejaVu Sans, Arial, sans-serif"'


def read(trace):
    spans = []
    for each in trace["spans"]:
        tags = {tag["key"]: tag["value"] for tag in each["tags"]}
        if "messaging.system" in tags or tags.get("span.kind") == "server":
            references = sorted(each["references"], key=lambda reference: reference["refType"])      # CHILD_OF before FOLLOWS_FROM
            parent = references[0]["spanID"] if references else None
            spans.append({"id": each["spanID"], "parent": parent, "name": each["operationName"], "tags": tags, "start": each["startTime"],
                          "end": each["startTime"] + each["duration"], "service": trace["processes"][each["processID"]]["serviceName"],
                          "failures": [log["timestamp"] for log in each["logs"] if {"key": "event", "type": "string", "value": "attempt failed"} in log["fields"]]})
    return sorted(spans, key=lambda span: span["start"])


def in_order(spans, parent=None, depth=0):
    """Each span with its depth, children by their beginning."""
    ids = {span["id"] for span in spans}
    for span in spans:
        if span["parent"] == parent or (parent is None and span["parent"] not in ids):
            yield span, depth
            yield from in_order(spans, span["id"], depth + 1)


def text(x, y, words, color="#222222", size=13, anchor="start", weight="normal"):
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{color}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}" {FONT}>{escape(words)}</text>'


def draw(trace):
    spans = read(trace)
    begin, end = min(span["start"] for span in spans), max(span["end"] for span in spans)
    at = lambda time: LEFT + (time - begin) / (end - begin) * (WIDTH - LEFT - 90)       # noqa: E731
    height = TOP + ROW * len(spans) + 14
    yield f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}">'
    yield f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>'
    services = len({span["service"] for span in spans})
    yield text(14, 24, f"trace {trace['traceID']}: {services} services, {(end - begin) / 1000:.0f} ms", size=15, weight="bold")
    for tick in range(6):
        time = begin + (end - begin) * tick / 5
        yield f'<line x1="{at(time):.1f}" y1="{TOP - 10}" x2="{at(time):.1f}" y2="{height - 8}" stroke="#e3e3e3"/>'
        yield text(at(time), TOP - 16, f"{(time - begin) / 1000:.0f} ms", "#777777", 11, "middle")
    for row, (span, depth) in enumerate(in_order(spans)):
        y, color = TOP + row * ROW, COLORS.get(span["service"], OTHER)
        if row % 2:
            yield f'<rect x="0" y="{y}" width="{WIDTH}" height="{ROW}" fill="#000000" fill-opacity="0.025"/>'
        consumer, outcome = span["tags"].get("cuckoo.eventbus.consumer"), span["tags"].get("cuckoo.eventbus.outcome")
        yield f'<rect x="{14 + depth * 16}" y="{y + 7}" width="9" height="9" rx="2" fill="{color}"/>'
        yield text(29 + depth * 16, y + 16, f"{span['service']}: {span['name']}" + (f" by {consumer}" if consumer else ""), size=12.5)
        yield f'<rect x="{at(span["start"]):.1f}" y="{y + 5}" width="{max(2, at(span["end"]) - at(span["start"])):.1f}" height="{ROW - 10}" rx="2" fill="{color}"/>'
        for failure in span["failures"]:
            yield f'<rect x="{at(failure) - 2:.1f}" y="{y + 3}" width="4" height="{ROW - 6}" fill="{FAILED}"/>'
        words = f"{(span['end'] - span['start']) / 1000:.1f} ms" + (f", attempts failed: {len(span['failures'])}" if span["failures"] else "") + (f", {outcome}" if outcome else "")
        # On the other side of the bar where it would not fit behind it.
        fits = at(span["end"]) + 7 * len(words) < WIDTH
        yield text(at(span["end"]) + 6 if fits else at(span["start"]) - 6, y + 16, words, FAILED if span["failures"] else "#777777", 11, "start" if fits else "end")
    yield "</svg>"


def main():
    print("\n".join(draw(json.load(sys.stdin)["data"][0])))


if __name__ == "__main__":
    main()
