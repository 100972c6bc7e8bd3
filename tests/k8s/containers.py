"""Runs what Docker would run for a compose file or a `docker run` command, with real Kafka in the place of apache/kafka.

A container is a process of container.py; the project's network is machines.Network, and this process is the host. What it
does not: images other than apache/kafka (their services are left out), limits, restarts, interpolation of variables.
"""
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
from pathlib import Path

import yaml

import container
import local_kafka
from machines import PATH, eventually

USER = 1000    # appuser, to whom these of the image's folders belong; the rest is root's
OWNED = ("/opt/kafka", "/var/lib/kafka", "/var/lib/kafka/data", "/mnt/shared/config", "/etc/kafka", "/etc/kafka/secrets", "/etc/kafka/docker")

# What the image's own /etc/kafka/docker/run comes to, said in its public sources (docker/ of apache/kafka): an id by default,
# then KafkaDockerWrapper, a class of the distribution, makes server.properties of KAFKA_* and formats; then the broker.
RUN = """#!/usr/bin/env bash
set -e
export CLUSTER_ID=${CLUSTER_ID:-5L6g3nShT-eMCtK--X86sw}
result=$(/opt/kafka/bin/kafka-run-class.sh kafka.docker.KafkaDockerWrapper setup --default-configs-dir /etc/kafka/docker \\
    --mounted-configs-dir /mnt/shared/config --final-configs-dir /opt/kafka/config 2>&1) ||
    { echo "$result" | grep -i "already formatted" || { echo "$result"; exit 1; }; }
exec /opt/kafka/bin/kafka-server-start.sh /opt/kafka/config/server.properties
"""
LOG4J = {"log4j2.yaml": "Configuration:\n  Appenders:\n    Console:\n      name: c\n      PatternLayout:\n        pattern: '%p %m (%c)%n'\n"
                        "  Loggers:\n    Root:\n      level: WARN\n      AppenderRef:\n        ref: c\n",
         "log4j.properties": "log4j.rootLogger=WARN, c\nlog4j.appender.c=org.apache.log4j.ConsoleAppender\n"
                             "log4j.appender.c.layout=org.apache.log4j.PatternLayout\nlog4j.appender.c.layout.ConversionPattern=%p %m (%c)%n\n"}


class Image:
    """apache/kafka of a distribution: /opt/kafka, the entry point, folders with their owners."""

    made = {}

    def __init__(self, home):
        self.folder = Path(tempfile.mkdtemp(prefix="image-", dir=os.environ.get("EVENTBUS_K8S_INSIDE")))
        self.folder.chmod(0o755)
        subprocess.run(["cp", "-rL", local_kafka.complete(home), self.folder / "kafka"], check=True)
        subprocess.run(["chmod", "-R", "u+w", self.folder / "kafka"], check=True)
        shutil.rmtree(self.folder / "kafka/config")
        (self.folder / "kafka/config").mkdir()
        for file, text in LOG4J.items():
            (self.folder / "kafka/config" / file).write_text(text)
        run_class = self.folder / "kafka/bin/kafka-run-class.sh"
        run_class.write_text(run_class.read_text().replace("log4j2.properties", "log4j2.yaml"))
        docker = self.folder / "docker"
        docker.mkdir()
        for file, text in LOG4J.items():
            (docker / file).write_text(text)
            (docker / f"tools-{file}").write_text(text)
        # Never used as long as anything is set; a broker started with it would answer on no port that a test asks.
        (docker / "server.properties").write_text("process.roles=broker,controller\nnode.id=1\n")
        (docker / "run").write_text(RUN)
        (docker / "run").chmod(0o755)

    @classmethod
    def of(cls, home):
        if home not in cls.made:
            cls.made[home] = cls(home)
        return cls.made[home]


class Container:
    """One service's process, started when the constructor returns."""

    def __init__(self, project, name, service, home):
        self.project, self.name, self.service = project, name, service
        self.folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=os.environ.get("EVENTBUS_K8S_INSIDE")))
        self.address, self.netns, self.log = project.network.address(), self.folder / "net", self.folder / "log"
        project.network.join(self.netns, self.address)
        capabilities = [] if "ALL" in service.get("cap_drop", []) else container.DEFAULT_CAPABILITIES
        command = service.get("command") or ["/etc/kafka/docker/run"]
        (self.folder / "layer").mkdir()
        self.spec = {"netns": str(self.netns), "layer": str(self.folder / "layer"), "mounts": self.mounts(Image.of(home)),
                     "hostname": service.get("hostname", name), "argv": command, "read_only_root": service.get("read_only", False),
                     "env": {"PATH": PATH, "HOME": "/home/appuser", **{key: str(value) for key, value in service.get("environment", {}).items()}},
                     "uid": USER, "gid": USER, "groups": [USER], "capabilities": capabilities, "cwd": "/",
                     "no_new_privileges": "no-new-privileges:true" in service.get("security_opt", [])}
        (self.folder / "spec.json").write_text(json.dumps(self.spec))
        reader, writer = os.pipe()
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(["/usr/bin/python3", container.__file__, str(self.folder / "spec.json"), str(writer)],
                                            pass_fds=[writer], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        os.close(writer)
        with os.fdopen(reader) as report:
            self.pid, problem = int(report.readline() or 0), report.read()
        if problem or not self.pid:
            raise AssertionError(f"{name} did not start: {problem}")
        project.network.members.append(self)
        project.network.name(self.address, [name, *({service.get("hostname"), service.get("container_name")} - {None, name})])
        for port in service.get("ports", []):
            project.relays.append(Relay(port, self.address))

    def mounts(self, image):
        mounts = [{"source": str(image.folder / "kafka"), "target": "/opt/kafka", "writable": False}]
        # Per container, as a container's own layer would have it.
        for part, target in (("kafka/config", "/opt/kafka/config"), ("docker", "/etc/kafka/docker")):
            own = self.folder / part.replace("/", "-")
            shutil.copytree(image.folder / part, own)
            self.give(own)
            mounts.append({"source": str(own), "target": target, "writable": True})
        for target in ("/var/lib/kafka", "/mnt/shared/config", "/opt/kafka/logs"):
            own = self.folder / target.replace("/", "-")
            own.mkdir()
            if target == "/opt/kafka/logs":
                (image.folder / "kafka/logs").mkdir(exist_ok=True)
            self.give(own)
            mounts.append({"source": str(own), "target": target, "writable": True})
        (self.folder / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files\n")
        (self.folder / "hosts").write_text("")
        for file in ("nsswitch.conf", "hosts"):
            mounts.append({"source": str(self.folder / file), "target": f"/etc/{file}", "writable": True})
        for each in self.service.get("tmpfs", []):
            own = self.folder / f"tmpfs{len(mounts)}"
            own.mkdir()
            own.chmod(0o1777)
            mounts.append({"source": str(own), "target": each.split(":")[0], "writable": True})
        for each in self.service.get("volumes", []):
            source, target, *mode = each.split(":")
            source = self.project.volume(source, target) if not source.startswith((".", "/")) else (self.project.base / source).resolve()
            mounts.append({"source": str(source), "target": target, "writable": mode != ["ro"]})
        return mounts

    @staticmethod
    def give(folder):
        for path, folders, files in os.walk(folder):
            for each in ("", *folders, *files):
                os.chown(os.path.join(path, each), USER, USER)

    def execute(self, command, limit=60, stdin="", env=None):
        """As `docker exec`: the service's user and environment."""
        command = ["env", *(f"{key}={value}" for key, value in (env or {}).items()), *map(str, command)]
        return subprocess.run(["/usr/bin/python3", container.__file__, "exec", str(self.folder / "spec.json"), str(self.pid), *command],
                              input=stdin, capture_output=True, text=True, timeout=limit)

    def healthy(self):
        test = self.service["healthcheck"]["test"]
        assert test[0] == "CMD", test
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} ended with {self.process.returncode}:\n{self.tail()}")
        return self.execute(test[1:]).returncode == 0

    def know(self, hosts):
        (self.folder / "hosts").write_text(hosts)

    def tail(self, lines=40):
        return "\n".join(self.log.read_text(errors="replace").rstrip().split("\n")[-lines:])

    def wait(self, limit=300):
        """Its exit code, for a service that ends."""
        try:
            return self.process.wait(limit)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end within {limit} s:\n{self.tail()}") from None

    def stop(self, limit=60):
        """As `docker stop`, which gives it time. Its exit code."""
        os.kill(self.pid, 15)
        code = self.wait(limit)
        self.close()
        return code

    def close(self):
        if self.process.poll() is None:
            os.kill(self.pid, 9)
        self.process.wait()
        self.project.network.leave(self)
        shutil.rmtree(self.folder, ignore_errors=True)


class Relay:
    """A published port, `[ADDRESS:]HOST:CONTAINER`, on this process's side."""

    def __init__(self, port, address):
        *where, published, target = port.split(":")
        self.listener = socket.create_server((where[0] if where else "0.0.0.0", int(published)))
        self.target = (address, int(target))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(self.target)
            except OSError:
                near.close()
                continue
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self.pump, args=(source, sink), daemon=True).start()

    @staticmethod
    def pump(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        # Wakes accept, which closing alone does not.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Project:
    """A compose file, or containers one by one."""

    def __init__(self, network, homes, file=None):
        """homes: image → distribution."""
        self.network, self.homes, self.base = network, homes, Path(file).parent if file else Path("/")
        self.services = yaml.safe_load(Path(file).read_text())["services"] if file else {}
        self.containers, self.volumes, self.relays = {}, {}, []

    def volume(self, name, target):
        """A named volume: as new as it is, it belongs to whom its place in the image belongs, or to root."""
        if name not in self.volumes:
            self.volumes[name] = Path(tempfile.mkdtemp(prefix=f"volume-{name}-", dir=os.environ.get("EVENTBUS_K8S_INSIDE")))
            self.volumes[name].chmod(0o755)
            if target in OWNED:
                os.chown(self.volumes[name], USER, USER)
        return self.volumes[name]

    def run(self, name, service):
        self.containers[name] = Container(self, name, service, self.homes[service["image"]])
        return self.containers[name]

    def up(self, limit=180):
        """`docker compose up -d`, with services whose image is known, in the order of their dependencies."""
        waiting = {name: service for name, service in self.services.items() if service["image"] in self.homes}
        while waiting:
            for name, service in list(waiting.items()):
                if not set(service.get("depends_on", {})) & set(waiting):
                    for other, how in service.get("depends_on", {}).items():
                        if how["condition"] == "service_healthy":
                            there = self.containers[other]
                            eventually(lambda there=there: f"{there.name} is healthy:\n{there.tail()}", there.healthy, limit)
                    self.run(name, waiting.pop(name))

    def down(self):
        """Stops all, the last first; volumes stay. Exit codes by name."""
        codes = {name: each.stop() if each.process.poll() is None else each.wait() for name, each in reversed(self.containers.items())}
        self.close()
        return codes

    def close(self):
        for each in self.containers.values():
            each.close()
        for relay in self.relays:
            relay.close()
        self.containers, self.relays = {}, []
