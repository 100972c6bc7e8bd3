"""Images that only some suites need, for the node of the tests."""
import os
import unittest
from pathlib import Path


def with_exporter(node, name, version):
    """What k8s/kafka/image/Dockerfile builds: Kafka, and the JMX exporter where the component metrics expects it."""
    home = Path(os.environ["KAFKA_ZK_HOME" if version.startswith("3") else "KAFKA_HOME"]).resolve()
    jars = sorted(home.parent.glob("jmx_prometheus_javaagent-*.jar"))
    if not jars:
        raise unittest.SkipTest(f"no jmx_prometheus_javaagent-*.jar beside {home}")
    known = node.images[f"apache/kafka:{version}"]
    node.image(f"{name}:{version}", {**known.binds, "/opt/jmx-exporter/jmx_prometheus_javaagent.jar": jars[-1]}, known.env, user=known.user)
