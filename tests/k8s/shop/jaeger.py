#!/usr/bin/python3
"""Starts a Jaeger 1 by the configuration of a Jaeger 2: jaeger.py --config=FILE… ; each setting becomes the flag of that meaning.

A setting without such a flag is an error here, so that none is passed over unseen: IGNORED lists those that change nothing of
what the tests look at. Jaeger 1 answers /status, as any other path, on its admin port.
"""
import os
import re
import sys

import yaml

PROGRAM = os.environ["JAEGER_1"]
FLAGS = {
    "receivers.otlp.protocols.grpc.endpoint": "collector.otlp.grpc.host-port",
    "receivers.otlp.protocols.http.endpoint": "collector.otlp.http.host-port",
    "extensions.jaeger_query.http.endpoint": "query.http-server.host-port",
    "extensions.jaeger_query.grpc.endpoint": "query.grpc-server.host-port",
    "extensions.healthcheckv2.http.endpoint": "admin.http.host-port",
    "extensions.jaeger_storage.backends.traces.memory.max_traces": "memory.max-traces",
    "extensions.jaeger_storage.backends.traces.badger.ephemeral": "badger.ephemeral",
    "extensions.jaeger_storage.backends.traces.badger.directories.keys": "badger.directory-key",
    "extensions.jaeger_storage.backends.traces.badger.directories.values": "badger.directory-value",
    "extensions.jaeger_storage.backends.traces.badger.ttl.spans": "badger.span-store-ttl",
    "extensions.jaeger_storage.backends.traces.badger.consistency": "badger.consistency",
    "service.telemetry.logs.level": "log-level",
}
IGNORED = re.compile(r"service\.(extensions|pipelines\..*)|service\.telemetry\.(resource|metrics)\..*|processors\..*|"
                     r"exporters\.jaeger_storage_exporter\.trace_storage|extensions\.jaeger_query\.storage\.traces|extensions\.healthcheckv2\.use_v2")


def merge(onto, more):
    for key, value in more.items():
        onto[key] = merge(onto.get(key) or {}, value) if isinstance(value, dict) else value
    return onto


def settings(tree, path=""):
    """`a.b.c`, value of everything that a configuration says."""
    for key, value in tree.items():
        name = f"{path}.{key}" if path else key
        if isinstance(value, dict) and value:
            yield from settings(value, name)
        else:
            yield name, value


def flags(tree):
    for name, value in settings(tree):
        if name in FLAGS:
            yield f"--{FLAGS[name]}={str(value).lower() if isinstance(value, bool) else value}"
        elif not IGNORED.fullmatch(name):
            sys.exit(f"error: {name} has no counterpart in Jaeger 1: add it to FLAGS or IGNORED")


def main():
    tree = {}
    for argument in sys.argv[1:]:
        name, _, file = argument.partition("=")
        if name != "--config":
            sys.exit(f"error: unknown flag {name}")
        with open(file, encoding="utf-8") as text:
            merge(tree, yaml.safe_load(text))
    store, = tree["extensions"]["jaeger_storage"]["backends"]["traces"]
    os.execve(PROGRAM, [PROGRAM, "--collector.otlp.enabled=true", *flags(tree)], {**os.environ, "SPAN_STORAGE_TYPE": store})


if __name__ == "__main__":
    main()
