"""Kafka as plain local processes, from an unpacked distribution (KAFKA_HOME, KAFKA_ZK_HOME).

What it does not: know about pods (see node.py), or about security beyond passing on properties.
"""
import os
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile
import time
import zipfile
from pathlib import Path

# Programs of the official distribution, and their classes. Trimmed distributions may lack some of their scripts.
TOOLS = {name: f"org.apache.kafka.tools.{tool}" for name, tool in {
    "broker-api-versions": "BrokerApiVersionsCommand", "client-metrics": "ClientMetricsCommand", "cluster": "ClusterTool", "console-share-consumer": "consumer.ConsoleShareConsumer",
    "consumer-perf-test": "ConsumerPerformance", "delegation-tokens": "DelegationTokenCommand",
    "delete-records": "DeleteRecordsCommand", "dump-log": "DumpLogSegments", "e2e-latency": "EndToEndLatency",
    "features": "FeatureCommand", "groups": "GroupsCommand", "jmx": "JmxTool", "log-dirs": "LogDirsCommand",
    "replica-verification": "ReplicaVerificationTool", "share-groups": "consumer.group.ShareGroupCommand",
    "streams-application-reset": "StreamsResetter", "streams-groups": "streams.StreamsGroupCommand",
    "transactions": "TransactionsCommand", "verifiable-consumer": "VerifiableConsumer",
    "verifiable-producer": "VerifiableProducer"}.items()}
MOVED = {"dump-log": "kafka.tools.DumpLogSegments", "broker-api-versions": "kafka.admin.BrokerApiVersionsCommand"}    # before 4.0

# What the official script does with the variables that users set; the trimmed one knows KAFKA_HEAP_OPTS and KAFKA_OPTS only.
RUN_CLASS = """#!/usr/bin/env bash
set -euo pipefail
home="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
if [[ ${JMX_PORT:-} ]]; then
    KAFKA_JMX_OPTS="${KAFKA_JMX_OPTS:--Dcom.sun.management.jmxremote=true -Dcom.sun.management.jmxremote.authenticate=false -Dcom.sun.management.jmxremote.ssl=false} -Dcom.sun.management.jmxremote.port=$JMX_PORT"
fi
log4j="-Dlog4j2.configurationFile=$home/config/log4j2.properties -Dlog4j.configuration=file:$home/config/log4j.properties"
# shellcheck disable=SC2086 # lists of options
exec "${JAVA_HOME:+$JAVA_HOME/bin/}java" ${KAFKA_HEAP_OPTS:--Xmx256m} \\
    ${KAFKA_JVM_PERFORMANCE_OPTS:--XX:+UseSerialGC -XX:TieredStopAtLevel=${KAFKA_JIT_LEVEL:-4}} -Djava.awt.headless=true \\
    ${KAFKA_JMX_OPTS:-} ${KAFKA_LOG4J_OPTS:-$log4j} ${KAFKA_OPTS:-} -cp "${CLASSPATH:+$CLASSPATH:}$home/libs/*" "$@"
"""

# Starting is most of what these processes do: no optimising compiler.
QUICK = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"

_complete = {}


def complete(home):
    """The distribution with every script of the official one: a folder of links to it, and of scripts it lacks."""
    home = Path(home).resolve()
    if home not in _complete:
        folder = Path(tempfile.mkdtemp(prefix="kafka-home-", dir=os.environ.get("EVENTBUS_K8S_INSIDE")))
        folder.chmod(0o755)
        for each in home.iterdir():
            if each.name != "bin":
                (folder / each.name).symlink_to(each)
        shutil.copytree(home / "bin", folder / "bin")
        (folder / "bin").chmod(0o755)
        if "JMX_PORT" not in (folder / "bin/kafka-run-class.sh").read_text():
            _script(folder / "bin/kafka-run-class.sh", RUN_CLASS)
        classes = {name for jar in (home / "libs").glob("kafka*.jar") for name in zipfile.ZipFile(jar).namelist()}
        for tool, java_class in TOOLS.items():
            found = next((each for each in (java_class, MOVED.get(tool, "")) if each.replace(".", "/") + ".class" in classes), None)
            script = folder / f"bin/kafka-{tool}.sh"
            # One that is there may still name the class of another version.
            if found and (not script.exists() or found not in script.read_text()):
                _script(script, f'#!/usr/bin/env bash\nexec "$(dirname "${{BASH_SOURCE[0]}}")/kafka-run-class.sh" {found} "$@"\n')
        _complete[home] = folder
    return _complete[home]


def _script(path, text):
    path.unlink(missing_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def cli(home, tool, *args, stdin="", limit=60, opts=""):
    """Runs a command-line tool (`kafka-topics`, …) and returns what it prints, or raises with it."""
    command = [str(complete(home) / f"bin/{tool}.sh"), *map(str, args)]
    env = {**os.environ, "KAFKA_HEAP_OPTS": "-Xmx128m", "KAFKA_JVM_PERFORMANCE_OPTS": QUICK, "KAFKA_OPTS": opts}
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=limit, env=env)
    if done.returncode:
        raise AssertionError(f"exit code {done.returncode}: {' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


def free_port():
    """A port of 127.0.0.1 that nothing listens on. The tests' network namespace has no other users."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def brokers_known(host, port, tls=False):
    """How many brokers the node at an address names in a metadata answer: 0 while it doesn't serve yet."""
    body = _ask(host, port, 3, 1, struct.pack(">i", 0), tls)    # Metadata, version 1, no topics
    return struct.unpack_from(">i", body)[0] if body else 0


def answers(host, port, tls=False):
    """Whether the node at an address answers ApiVersions, which controllers and SASL listeners do too."""
    body = _ask(host, port, 18, 0, b"", tls)
    return bool(body) and struct.unpack_from(">h", body)[0] == 0


def _ask(host, port, api, version, payload, tls):
    client = b"tests"
    request = struct.pack(">hhih", api, version, 1, len(client)) + client + payload
    try:
        with socket.create_connection((host, port), timeout=5) as connection:
            if tls:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
                connection = context.wrap_socket(connection)
            with connection, connection.makefile("rb") as answer:
                connection.sendall(struct.pack(">i", len(request)) + request)
                return answer.read(struct.unpack(">i", answer.read(4))[0])[4:]
    except (OSError, struct.error):
        return b""


class LocalBroker:
    """One node as a process, up and answering when the constructor returns.

    folder keeps its properties and log; log.dirs defaults to a folder in it. A KRaft node is formatted when it isn't yet,
    with format_args (`["--add-scram", "SCRAM-SHA-256=[name=a,password=b]"]`). opts is KAFKA_OPTS.
    """

    def __init__(self, home, properties, folder, opts="", format_args=(), cluster_id="aGFybmVzcy1jbHVzdGVyMQ", heap="-Xmx256m", limit=90):
        self.home, self.folder = complete(home), Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.properties = {"log.dirs": str(self.folder / "data"), **properties}
        self.file, self.log = self.folder / "server.properties", self.folder / "server.log"
        self.file.write_text("".join(f"{key}={value}\n" for key, value in self.properties.items()))
        self.env = {**os.environ, "KAFKA_HEAP_OPTS": heap, "KAFKA_JVM_PERFORMANCE_OPTS": QUICK, "KAFKA_OPTS": opts}
        if "process.roles" in self.properties:
            cli(home, "kafka-storage", "format", "--ignore-formatted", "-t", cluster_id, "-c", self.file, *format_args, opts=opts)
        self.process = None
        self.start(limit)

    @property
    def bootstrap(self):
        """host:port of the first listener."""
        return self.properties["listeners"].split(",")[0].split("://")[1]

    def start(self, limit=90):
        """Starts it (again) and waits for its answer."""
        with self.log.open("a") as log:
            self.process = subprocess.Popen([self.home / "bin/kafka-server-start.sh", self.file], env=self.env,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        until = time.monotonic() + limit
        while not self.serves():
            if self.process.poll() is not None:
                raise AssertionError(f"The broker ended with {self.process.returncode}:\n{self.log_tail()}")
            if time.monotonic() > until:
                raise AssertionError(f"The broker did not answer within {limit} s:\n{self.log_tail()}")
            time.sleep(0.1)

    def serves(self):
        """Whether its first listener answers as far as it can be asked without credentials."""
        name, address = self.properties["listeners"].split(",")[0].split("://")
        host, port = address.rsplit(":", 1)
        protocols = dict(pair.split(":") for pair in self.properties.get("listener.security.protocol.map", "").split(",") if pair)
        protocol, controller = protocols.get(name, name), self.properties.get("process.roles") == "controller"
        ask = answers if controller or protocol.startswith("SASL") else brokers_known
        return ask(host or "127.0.0.1", int(port), tls=protocol.endswith("SSL"))

    def stop(self, limit=60):
        """A clean stop; killed, and an error, when that takes too long."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(limit)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"The broker did not stop within {limit} s:\n{self.log_tail()}") from None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def log_tail(self, lines=30):
        return "\n".join(self.log.read_text(errors="replace").split("\n")[-lines:])


def single_node(home, folder, properties=None, **more):
    """One KRaft node on free ports of 127.0.0.1, with what a test wants: small, quick, no topics by accident."""
    port, controller = free_port(), free_port()
    return LocalBroker(home, {
        "process.roles": "broker,controller", "node.id": "1", "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}", "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL",
        "offsets.topic.replication.factor": "1", "offsets.topic.num.partitions": "5",
        "transaction.state.log.replication.factor": "1", "transaction.state.log.min.isr": "1",
        "group.initial.rebalance.delay.ms": "0", "auto.create.topics.enable": "false", **(properties or {})}, folder, **more)
