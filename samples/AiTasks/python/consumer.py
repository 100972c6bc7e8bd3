#!/usr/bin/env python3
"""Prints AI tasks as an AI worker would take them. Needs kafka-python (2.0.2 or newer).

Reads ai-task-queue; with --topic model-events, what became of the tasks.
"""
import argparse
import json
import sys

from kafka import KafkaConsumer

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--bootstrap-servers", default="localhost:9092")
parser.add_argument("--topic", default="ai-task-queue")
parser.add_argument("--group", default="ai-task-processor")
parser.add_argument("--count", type=int, default=0, help="stop after so many; 0, the default, goes on until Ctrl-C")
parser.add_argument("--timeout", type=float, default=0, help="fail after so many seconds without a record; 0 waits for ever")
args = parser.parse_args()

consumer = KafkaConsumer(
    args.topic,
    bootstrap_servers=args.bootstrap_servers,
    group_id=args.group,
    auto_offset_reset="earliest",
    enable_auto_commit=False,
    max_poll_records=1,  # commit() commits what was fetched, so fetch what is worked on
    consumer_timeout_ms=args.timeout * 1000 if args.timeout else float("inf"),
)
read = 0
try:
    for record in consumer:
        task = json.loads(record.value)
        print(f"task_id={task['task_id']} model={task['model']} input={task['input']}", flush=True)
        consumer.commit()  # after the work, so that a crash repeats a task and loses none
        read += 1
        if read == args.count:
            break
except KeyboardInterrupt:
    pass
finally:
    consumer.close(autocommit=False)
if read < args.count:
    sys.exit(f"only {read} of {args.count} came")
