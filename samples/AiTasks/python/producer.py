#!/usr/bin/env python3
"""Puts AI tasks into the queue: plain JSON in snake_case, no headers. Needs kafka-python (2.0.2 or newer)."""
import argparse
import json
import time
import uuid

from kafka import KafkaProducer

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--bootstrap-servers", default="localhost:9092")
parser.add_argument("--topic", default="ai-task-queue")
parser.add_argument("--count", type=int, default=3, help="how many tasks (default: %(default)s)")
parser.add_argument("--model", default="llama-3", help="the model they are for (default: %(default)s)")
args = parser.parse_args()

producer = KafkaProducer(
    bootstrap_servers=args.bootstrap_servers,
    acks="all",
    key_serializer=str.encode,
    value_serializer=lambda value: json.dumps(value).encode(),
)
for number in range(1, args.count + 1):
    task = {
        "task_id": str(uuid.uuid4()),
        "model": args.model,
        "input": f"input number {number}",
        "timestamp": time.time(),  # datetime.now(timezone.utc).isoformat() is understood as well
    }
    # .get() waits for the acknowledgement and raises what went wrong.
    producer.send(args.topic, key=task["task_id"], value=task).get(timeout=30)
    print(f"task_id={task['task_id']} model={task['model']} input={task['input']}", flush=True)
producer.close()
