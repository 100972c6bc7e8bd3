"""Kafka outside of Kubernetes: the guides' commands, units, compose files and Helm values, on machines (machines.py) and in
containers (containers.py) with real brokers of KAFKA_HOME and KAFKA_ZK_HOME.

What needs a chart runs where EVENTBUS_TEST_CHARTS names a folder of unpacked ones.
"""
import http.server
import os
import re
import shlex
import signal
import ssl
import struct
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

import yaml

import containers
import docs
import local_kafka
import machines
from cluster import K8S, ROOT, needs, pick, render, run, work_folder
from machines import eventually

SUITE = "without_kubernetes"
HERE = K8S / "without-kubernetes"
RELEASES = {"4.3.1": "KAFKA_HOME", "3.9.2": "KAFKA_ZK_HOME"}
# Tools and services of tests: small, and quick to start.
SMALL = {"KAFKA_HEAP_OPTS": "-Xmx128m", "KAFKA_JVM_PERFORMANCE_OPTS": local_kafka.QUICK}
SERVICE_ENV = f"KAFKA_HEAP_OPTS=-Xmx256m\nKAFKA_JVM_PERFORMANCE_OPTS={local_kafka.QUICK}\n"
BIN = "/opt/kafka/bin"
TASK = '{"task_id": "12345"}'


def home(release):
    return Path(os.environ[RELEASES[release]])


def by_heading(blocks):
    """Blocks of one guide by the heading above them."""
    found = {}
    for block in blocks:
        above = block.path.read_text(encoding="utf-8").split("\n")[:block.line - 1]
        found.setdefault(next(line for line in reversed(above) if line.startswith("##")).lstrip("# "), []).append(block)
    return found


def advertised(address, port):
    """host:port of each broker, as the listener at an address tells it to clients."""
    body = local_kafka._ask(address, port, 3, 1, struct.pack(">i", 0), False)
    count, at, found = struct.unpack_from(">i", body)[0], 4, []
    for _ in range(count):
        length = struct.unpack_from(">h", body, at + 4)[0]
        name = body[at + 6:at + 6 + length].decode()
        at += 6 + length
        found.append(f"{name}:{struct.unpack_from('>i', body, at)[0]}")
        at += 4
        rack = struct.unpack_from(">h", body, at)[0]
        at += 2 + max(rack, 0)
    return found


class Downloads:
    """downloads.apache.org and archive.apache.org as a network's gateway serves them: https, checksums, signatures.

    Only 4.3.1 stands at the first, as only current releases do.
    """

    def __init__(self, network):
        self.folder, self.network = work_folder("downloads"), network
        self.keys = self.folder / "gpg"
        self.keys.mkdir(mode=0o700)
        self._gpg("--quick-gen-key", "Release Manager <release@example.org>", "ed25519", "sign")
        for host in ("downloads.apache.org", "archive.apache.org"):
            (self.folder / host).mkdir()
        (self.folder / "downloads.apache.org/kafka").mkdir()
        (self.folder / "downloads.apache.org/kafka/KEYS").write_text(self._gpg("--armor", "--export"))
        self._serve()

    def _gpg(self, *arguments, cwd=None):
        return subprocess.run(["gpg", "--homedir", self.keys, "--batch", "--quiet", "--passphrase", "", *arguments], cwd=cwd, check=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout

    def add(self, release):
        """Offers a release, made of its distribution with files that belong to somebody else, as the real ones do."""
        host = "downloads.apache.org/kafka" if release == "4.3.1" else "archive.apache.org/dist/kafka"
        folder, name = self.folder / host / release, f"kafka_2.13-{release}.tgz"
        if not folder.exists():
            source = local_kafka.complete(home(release))
            folder.mkdir(parents=True)
            subprocess.run(["tar", "-C", source, "-ch", "--owner=501", "--group=20", "--transform", f"s,^\\.,kafka_2.13-{release},",
                            "-I", "gzip -1", "-f", folder / name, "."], check=True)
            (folder / f"{name}.sha512").write_text(self._gpg("--print-md", "sha512", name, cwd=folder))
            self._gpg("--armor", "--detach-sign", name, cwd=folder)
        return folder

    def _serve(self):
        def openssl(*arguments):
            subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)
        names = "subjectAltName=DNS:downloads.apache.org,DNS:archive.apache.org"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=downloads.apache.org",
                "-addext", names, "-keyout", "server.key", "-out", "server.crt", "-days", "2")
        folder = self.folder

        class Handler(http.server.SimpleHTTPRequestHandler):
            def translate_path(self, path):
                return str(folder / self.headers["Host"] / path.lstrip("/"))

            def log_message(self, *_):
                pass

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "server.crt", self.folder / "server.key")
        self.server = http.server.ThreadingHTTPServer((self.network.gateway, 443), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.network.name(self.network.gateway, ["downloads.apache.org", "archive.apache.org"])

    def trust(self, machine):
        bundle = "/etc/ssl/certs/ca-certificates.crt"
        machine.write(bundle, machine.read(bundle) + (self.folder / "server.crt").read_text())

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class OnNetwork(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if machines.why_no_network():
            raise unittest.SkipTest(machines.why_no_network())
        cls.network = machines.Network()
        cls.addClassCleanup(cls.network.close)

    def tearDown(self):
        for member in list(self.network.members):
            member.close()


@needs("KAFKA_HOME", "KAFKA_ZK_HOME", "systemctl", "gpg", "curl")
class OnMachines(OnNetwork):
    """A network that offers downloads, and the guide's blocks."""

    @classmethod
    def setUpClass(cls):
        if machines.why_no_machines():
            raise unittest.SkipTest(machines.why_no_machines())
        super().setUpClass()
        cls.downloads = Downloads(cls.network)
        cls.addClassCleanup(cls.downloads.close)
        cls.guide = by_heading(docs.blocks(HERE / "systemd/README.md", SUITE))

    def machine(self, name, aliases=(), release="4.3.1"):
        """A machine with the clone in /srv, on which nothing of Kafka is installed; its services will be small."""
        folder = self.downloads.add(release)
        machine = machines.Machine(self.network, name, aliases, {K8S: "/srv/k8s", folder: "/srv/release"})
        self.downloads.trust(machine)
        machine.run("! getent passwd kafka && rm -rf /opt/kafka* /etc/kafka /var/lib/kafka /root/kafka && mkdir -p /etc/kafka")
        for service in ("kafka", "zookeeper"):
            machine.write(f"/etc/kafka/{service}.env", SERVICE_ENV)
        return machine

    def blocks(self, machine, heading, first=0, last=None):
        """Runs blocks of the guide as root on a machine, in the guide's folder, and returns what they print."""
        printed = ""
        for block in self.guide[heading][first:last]:
            done = machine.try_run(block.text, env=SMALL, cwd="/srv/k8s/without-kubernetes/systemd", limit=180)
            self.assertEqual(0, done.returncode, f"{block} on {machine.name}\n{block.text}\n{done.stdout}{done.stderr}\n{machine.tail()}")
            printed += done.stdout + done.stderr
        return printed

    def step(self, machine, number):
        return self.blocks(machine, next(heading for heading in self.guide if heading.startswith(f"{number}. ")))

    def provide(self, machine, release):
        """The archive where the guide's steps 1 to 3 put it."""
        machine.run(f"mkdir -p /root/kafka && cp /srv/release/* /root/kafka && ls /root/kafka/kafka_2.13-{release}.tgz.sha512")

    def serves(self, *members, brokers=1, port=9092):
        def known():
            return [local_kafka.brokers_known(member.address, port) for member in members]
        eventually(lambda: f"{brokers} brokers known to each of {[member.name for member in members]}, but {known()}:\n" + "".join(
            f"{member.name}:\n{member.try_run('systemctl status --no-pager kafka zookeeper').stdout}\n{member.tail()}\n" for member in members),
            lambda: known() == [brokers] * len(members), 120)

    def produce(self, machine, topic, text, bootstrap="localhost:9092", *arguments):
        return machine.run([f"{BIN}/kafka-console-producer.sh", "--bootstrap-server", bootstrap, "--topic", topic, "--producer-property",
                            "acks=all", "--producer-property", "delivery.timeout.ms=60000", *arguments], stdin=text + "\n", env=SMALL)

    def consume(self, machine, topic, count, bootstrap="localhost:9092", *arguments):
        printed = machine.run([f"{BIN}/kafka-console-consumer.sh", "--bootstrap-server", bootstrap, "--topic", topic, "--from-beginning",
                               "--max-messages", str(count), "--timeout-ms", "60000", *arguments], env=SMALL)
        # Lines of the tool's log, about nodes that are down, come between the records.
        return [line for line in printed.split("\n")[:-1] if not line.startswith("[")]


def files_of(machine):
    """Owner, mode and kind of everything that an installation makes, and the text of what it configures."""
    return machine.run("find /opt /etc/kafka /etc/systemd/system /var/lib/kafka /var/log/kafka -maxdepth 3 -printf '%u:%g %m %y %p %l\\n' | sort; "
                       "cat /etc/kafka/*.properties /etc/systemd/system/*.service")


class DirectInstallation(OnMachines):
    def test_the_guides_steps_install_one_node_that_survives_a_crash_and_stops_cleanly(self):
        machine = self.machine("kafka1")
        for number in range(1, 9):
            printed = self.step(machine, number)
            if number == 3:
                self.assertIn("kafka_2.13-4.3.1.tgz: OK", printed)
                self.assertIn("Good signature", printed)
        verified = self.step(machine, 9)
        self.assertIn("LeaderId:", verified)
        self.assertRegex(verified, r"Topic: ai-task-queue\s.*PartitionCount: 16\s+ReplicationFactor: 1\s.*retention.ms=604800000")
        self.assertIn(TASK, verified)

        with self.subTest("clients elsewhere get an address that they reach"):
            self.assertEqual(["kafka1:9092"], advertised(machine.address, 9092))
            self.assertFalse(local_kafka.answers(machine.address, 9094), "the controller is open to the network")

        with self.subTest("the service owns its data and nothing else"):
            for path in ("/opt/kafka", "/opt/kafka/bin/kafka-server-start.sh", "/opt/kafka/libs", "/etc/kafka", "/etc/kafka/server.properties"):
                self.assertNotEqual(0, machine.try_run(["runuser", "-u", "kafka", "--", "test", "-w", path]).returncode, path)
            self.assertEqual(0, machine.try_run(["runuser", "-u", "kafka", "--", "test", "-r", "/etc/kafka/server.properties"]).returncode)
            self.assertIn("/usr/sbin/nologin", machine.run("getent passwd kafka"))
            self.assertNotEqual(0, machine.try_run(["runuser", "-u", "nobody", "--", "cat", "/etc/kafka/server.properties"]).returncode)

        with self.subTest("the unit is hardened"):
            status = machine.run("cat /proc/$(systemctl show -P MainPID kafka)/status")
            self.assertRegex(status, r"CapBnd:\s0000000000000000")
            self.assertRegex(status, r"NoNewPrivs:\s1")
            self.assertRegex(status, r"Seccomp:\s2")
            for folder in ("/etc", "/opt/kafka/bin", "/usr", "/var/lib/zookeeper", "/home"):
                machine.run(f"mkdir -p {folder}")
                self.assertNotEqual(0, machine.try_run(f"nsenter -t $(systemctl show -P MainPID kafka) -m touch {folder}/intruder").returncode, folder)
            machine.run("nsenter -t $(systemctl show -P MainPID kafka) -m touch /var/lib/kafka/intruder && rm /var/lib/kafka/intruder")

        self.clean_units(machine, "kafka")

        with self.subTest("install.sh finds nothing to do where the steps were followed"):
            before = files_of(machine)
            printed = self.blocks(machine, "The same by one command")
            self.assertNotIn("kept", printed)
            self.assertEqual(before, files_of(machine))

        with self.subTest("a crash is followed by another start, with the records"):
            first = machine.run("systemctl show -P MainPID kafka").strip()
            machine.run("sed -i 's/^RestartSec=.*/RestartSec=1/' /etc/systemd/system/kafka.service && systemctl daemon-reload")
            machine.run(["kill", "-KILL", first])
            eventually("systemd starts it again", lambda: machine.run("systemctl show -P MainPID kafka").strip() not in ("0", first))
            self.serves(machine)
            self.assertEqual([TASK], self.consume(machine, "ai-task-queue", 1))

        with self.subTest("a stop is clean"):
            machine.run("systemctl stop kafka")
            self.assertEqual("success", machine.run("systemctl show -P Result kafka").strip())
            self.assertEqual("inactive", machine.try_run("systemctl is-active kafka").stdout.strip())
            self.assertIn(".kafka_cleanshutdown", machine.run("ls -a /var/lib/kafka/data"))

        with self.subTest("an exit code is a failure too, after which it is started again"):
            machine.run("echo 'num.partitions=none' >>/etc/kafka/server.properties && systemctl start kafka")
            eventually("systemd tries again", lambda: int(machine.run("systemctl show -P NRestarts kafka")) > 0)
            machine.run("systemctl stop kafka")

        with self.subTest("a disk that is not mounted is not formatted"):
            machine.run("mv /var/lib/kafka/data/meta.properties /root/")
            done = machine.try_run("systemctl start kafka")
            self.assertNotEqual(0, done.returncode)
            self.assertIn("Assertion failed", done.stderr)

    def clean_units(self, machine, *units):
        """Without a complaint of systemd's own checks, and as little exposed as the guide says."""
        said = (HERE / "systemd/README.md").read_text()
        for unit in units:
            with self.subTest(f"systemd's checks of {unit}"):
                done = machine.try_run(["systemd-analyze", "verify", f"/etc/systemd/system/{unit}.service"])
                self.assertEqual((0, "", ""), (done.returncode, done.stdout, done.stderr))
                level = re.search(r"Overall exposure level for .*: ([\d.]+)", machine.run(
                    ["systemd-analyze", "security", "--no-pager", "--offline=true", f"/etc/systemd/system/{unit}.service"]))[1]
                self.assertIn(f"rates both {level},", said)

    def test_install_sh_says_what_is_wrong_before_it_changes_anything(self):
        machine = self.machine("kafka1")
        self.provide(machine, "4.3.1")
        before = machine.run("ls -A /opt /etc/kafka /var/lib; getent passwd | sort")
        archive = "/root/kafka/kafka_2.13-4.3.1.tgz"
        machine.run("cp /root/kafka/kafka_2.13-4.3.1.tgz.sha512 /root/kafka/kafka_2.13-3.9.2.tgz.sha512; "
                    "cp /root/kafka/kafka_2.13-4.3.1.tgz /root/kafka/kafka_2.13-3.9.2.tgz; mkdir /root/broken; "
                    "echo more | cat /root/kafka/kafka_2.13-4.3.1.tgz - >/root/broken/kafka_2.13-4.3.1.tgz; "
                    "cp /root/kafka/*4.3.1.tgz.sha512 /root/broken; cp /root/kafka/kafka_2.13-4.3.1.tgz /root/kafka_2.13-4.3.1.tgz")
        java11 = "mkdir -p /root/java11 && printf '#!/bin/sh\\necho \"openjdk version \\\\\"11.0.2\\\\\"\" >&2' >/root/java11/java && chmod +x /root/java11/java"
        machine.run(java11)
        cases = [
            ("", "--archive is missing"),
            (f"--archive {archive}", "--host is missing"),
            (f"--archive {archive} --host", "--host needs a value"),
            (f"--archive {archive} --host kafka1 --port 1", "There is no option --port"),
            ("--archive /root/none.tgz --host kafka1", "There is no archive /root/none.tgz"),
            ("--archive /root/kafka_2.13-4.3.1.tgz --host kafka1", "There is no /root/kafka_2.13-4.3.1.tgz.sha512"),
            ("--archive /root/broken/kafka_2.13-4.3.1.tgz --host kafka1", "is not what /root/broken/kafka_2.13-4.3.1.tgz.sha512 says"),
            (f"--archive {archive} --host kafka1 --variant none", "There is no variant none"),
            (f"--archive {archive} --host 'a b'", "a b is not a host's name"),
            (f"--archive {archive} --host kafka1 --node-id one", "--node-id one is not a number"),
            (f"--archive {archive} --host kafka1 --variant zookeeper-single", "Kafka 4.3.1 has no ZooKeeper"),
            ("--archive /root/kafka/kafka_2.13-3.9.2.tgz --host kafka1", "The kraft variants are for Kafka 4, and this is 3.9.2"),
            (f"--archive {archive} --host kafka1 --variant kraft-three-nodes", "--cluster-id is missing"),
        ]
        for arguments, message in cases:
            with self.subTest(message):
                done = machine.try_run(f"/srv/k8s/without-kubernetes/systemd/install.sh {arguments}")
                self.assertEqual(1, done.returncode, done.stdout)
                self.assertIn("error: ", done.stderr)
                self.assertIn(message, done.stderr)
        with self.subTest("Java 11"):
            done = machine.try_run(f"/srv/k8s/without-kubernetes/systemd/install.sh --archive {archive} --host kafka1",
                                   env={"PATH": f"/root/java11:{machines.PATH}"})
            self.assertIn("Java 11 is too old", done.stderr)
        with self.subTest("somebody who is not root"):
            machine.run("chmod 755 /root && chmod -R a+rX /root/kafka")
            done = machine.try_run(["runuser", "-u", "nobody", "--", "/srv/k8s/without-kubernetes/systemd/install.sh", "--archive", archive, "--host", "kafka1"])
            self.assertIn("has to be run by root", done.stderr)
        self.assertEqual(before, machine.run("ls -A /opt /etc/kafka /var/lib; getent passwd | sort"))

    def test_three_nodes_go_on_without_any_one_of_them_and_lose_nothing(self):
        nodes = [self.machine(f"kafka{number}") for number in (1, 2, 3)]
        for node in nodes:
            self.provide(node, "4.3.1")
        maker = nodes[0]
        maker.run("mkdir /opt/kafka-4.3.1 && tar -xzf /root/kafka/kafka_2.13-4.3.1.tgz -C /opt/kafka-4.3.1 --strip-components=1 --no-same-owner && ln -s kafka-4.3.1 /opt/kafka")
        self.blocks(maker, "Three nodes", 0, 1)
        for node in nodes:
            node.write("/root/kafka/cluster-id", maker.read("/root/kafka/cluster-id"))
            self.blocks(node, "Three nodes", 1, 2)
        self.serves(*nodes, brokers=3)
        printed = self.blocks(maker, "Three nodes", 2, 3)
        self.assertRegex(printed, r"PartitionCount: 16\s+ReplicationFactor: 3\s+Configs: .*min.insync.replicas=2")
        self.assertRegex(printed, r"CurrentVoters:\s+\[.*kafka1:9094.*kafka2:9094.*kafka3:9094")
        self.assertIn(TASK, printed)
        self.assertEqual("", self.blocks(maker, "Three nodes", 3).strip())

        self.pull_the_plug(nodes, "ai-task-queue", "kafka1:9092,kafka2:9092,kafka3:9092")

    def pull_the_plug(self, nodes, topic, bootstrap):
        """One node goes as in a power cut; the others have all, and take more."""
        nodes[2].close()
        others = nodes[:2]
        self.produce(others[0], topic, "after the power cut", bootstrap)
        self.assertEqual({TASK, "after the power cut"}, set(self.consume(others[1], topic, 2, bootstrap)))

    def test_kafka_39_and_its_zookeeper_run_as_two_services(self):
        machine = self.machine("kafka1", release="3.9.2")
        self.provide(machine, "3.9.2")
        self.blocks(machine, "Kafka 3.9 with ZooKeeper", 0, 1)
        self.serves(machine)
        machine.run([f"{BIN}/kafka-topics.sh", "--bootstrap-server", "localhost:9092", "--create", "--topic", "ai-task-queue", "--partitions", "16"], env=SMALL)
        self.produce(machine, "ai-task-queue", TASK)
        self.assertEqual([TASK], self.consume(machine, "ai-task-queue", 1))

        with self.subTest("ZooKeeper is nobody else's business"):
            self.assertEqual("imok", machine.run("exec 3<>/dev/tcp/127.0.0.1/2181; printf ruok >&3; cat <&3"))
            self.assertNotEqual(0, machine.try_run("exec 3<>/dev/tcp/kafka1/2181").returncode)
            status = machine.run("cat /proc/$(systemctl show -P MainPID zookeeper)/status")
            self.assertRegex(status, r"CapBnd:\s0000000000000000")
            self.assertNotEqual(0, machine.try_run("nsenter -t $(systemctl show -P MainPID zookeeper) -m touch /var/lib/kafka/intruder").returncode)

        self.clean_units(machine, "kafka", "zookeeper")

        with self.subTest("ZooKeeper is restarted under a running broker"):
            broker = machine.run("systemctl show -P MainPID kafka")
            machine.run("systemctl restart zookeeper")
            self.assertEqual(broker, machine.run("systemctl show -P MainPID kafka"))
            self.produce(machine, "ai-task-queue", "two")

        with self.subTest("install.sh again changes nothing"):
            before = files_of(machine)
            self.assertNotIn("kept", self.blocks(machine, "Kafka 3.9 with ZooKeeper", 0, 1))
            self.assertEqual(before, files_of(machine))

        with self.subTest("both stop cleanly, the broker first"):
            # Held by the target that a boot reaches, they stay loaded and can be asked when they have stopped.
            machine.run("systemctl start multi-user.target && systemctl stop kafka zookeeper")
            for service in ("kafka", "zookeeper"):
                self.assertEqual("success", machine.run(f"systemctl show -P Result {service}").strip())
            stopped = [int(machine.run(f"systemctl show -P InactiveEnterTimestampMonotonic {service}")) for service in ("kafka", "zookeeper")]
            self.assertLess(*stopped)
            self.assertIn(".kafka_cleanshutdown", machine.run("ls -a /var/lib/kafka/data"))

    def test_an_ensemble_of_three_and_three_brokers_go_on_without_any_machine(self):
        nodes = [self.machine(f"kafka{number}", [f"zk{number}"], "3.9.2") for number in (1, 2, 3)]
        for node in nodes:
            self.provide(node, "3.9.2")
            self.blocks(node, "Kafka 3.9 with ZooKeeper", 1, 2)
        self.serves(*nodes, brokers=3)
        modes = self.blocks(nodes[0], "Kafka 3.9 with ZooKeeper", 2)
        self.assertEqual(["follower", "follower", "leader"], sorted(re.findall(r"zk\d: Mode: (\w+)", modes)))
        nodes[0].run([f"{BIN}/kafka-topics.sh", "--bootstrap-server", "localhost:9092", "--create", "--topic", "ai-task-queue", "--partitions", "16"], env=SMALL)
        described = nodes[0].run([f"{BIN}/kafka-topics.sh", "--bootstrap-server", "localhost:9092", "--describe", "--topic", "ai-task-queue"], env=SMALL)
        self.assertRegex(described, r"PartitionCount: 16\s+ReplicationFactor: 3\s+Configs: .*min.insync.replicas=2")
        self.produce(nodes[0], "ai-task-queue", TASK)
        # Makes __consumer_offsets too, which takes all three.
        self.assertEqual([TASK], self.consume(nodes[0], "ai-task-queue", 1))
        self.pull_the_plug(nodes, "ai-task-queue", "kafka1:9092,kafka2:9092,kafka3:9092")

    def test_with_scram_nobody_gets_in_without_the_right_password_and_no_further_than_allowed(self):
        machine = self.machine("kafka1")
        for number in range(2, 6):
            self.step(machine, number)
        for service in ("kafka", "zookeeper"):
            machine.write(f"/etc/kafka/{service}.env", SERVICE_ENV)
        self.blocks(machine, "Passwords (SASL/SCRAM)")

        def config(name, mechanism="SCRAM-SHA-512", right=True):
            """A client's properties, which the guide's last command wrote."""
            text = machine.read("/root/kafka/client.properties").replace("SCRAM-SHA-512", mechanism)
            machine.write(f"/root/{name}.properties", text if right else re.sub(r'password="\w+"', 'password="guessed"', text))
            return f"/root/{name}.properties"

        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
            with self.subTest(f"{mechanism}, right"):
                self.produce(machine, "ai-task-queue", mechanism, "kafka1:9092", "--command-config", config("right", mechanism))
            with self.subTest(f"{mechanism}, wrong"):
                done = machine.try_run([f"{BIN}/kafka-console-producer.sh", "--bootstrap-server", "kafka1:9092", "--topic", "ai-task-queue",
                                        "--command-config", config("wrong", mechanism, right=False)], stdin="intruder\n", env=SMALL)
                self.assertIn("Authentication failed", done.stdout + done.stderr)
        with self.subTest("no login at all"):
            self.assertTrue(local_kafka.answers(machine.address, 9092))
            self.assertEqual(0, local_kafka.brokers_known(machine.address, 9092))
        with self.subTest("only what was allowed"):
            self.assertEqual({"SCRAM-SHA-256", "SCRAM-SHA-512"}, set(self.consume(
                machine, "ai-task-queue", 2, "kafka1:9092", "--command-config", config("right"), "--group", "ai-task-processor")))
            done = machine.try_run([f"{BIN}/kafka-topics.sh", "--bootstrap-server", "kafka1:9092", "--command-config", config("right"),
                                    "--create", "--topic", "other"], env=SMALL)
            self.assertIn("Authorization failed", done.stdout + done.stderr)
        with self.subTest("passwords stand where only root and the service read them"):
            admin = re.search(r'password="(\w+)"', machine.read("/etc/kafka/admin.properties"))[1]
            found = machine.run(f"grep -rl {admin} /etc /opt/kafka-4.3.1/config /var/log /run 2>/dev/null | sort").split()
            self.assertEqual(["/etc/kafka/admin.properties", "/etc/kafka/jaas.conf"], found)
            self.assertNotIn(admin, machine.run("journalctl --no-pager --output=export; systemctl cat kafka; cat /proc/$(systemctl show -P MainPID kafka)/cmdline /proc/$(systemctl show -P MainPID kafka)/environ | tr '\\0' ' '"))
            for file, reader in (("jaas.conf", "nobody"), ("admin.properties", "nobody"), ("admin.properties", "kafka")):
                self.assertNotEqual(0, machine.try_run(["runuser", "-u", reader, "--", "cat", f"/etc/kafka/{file}"]).returncode, (file, reader))


IMAGES = {f"apache/kafka:{release}": release for release in RELEASES}
COMPOSE = {"docker-compose.yml": "4.3.1", "docker-compose.zookeeper.yml": "3.9.2"}


def docker_runs(block):
    """The `docker run --detach` commands of a block, as (name, service) in compose's terms."""
    found = []
    for line in block.text.replace("\\\n", " ").split("\n"):
        words = shlex.split(line, comments=True)
        if words[:3] != ["docker", "run", "--detach"]:
            continue
        service, words = {"environment": {}, "ports": [], "volumes": [], "cap_drop": [], "security_opt": []}, words[3:]
        while words[0].startswith("--"):
            option, value, *words = words
            if option == "--env":
                key, service["environment"][key] = value.split("=", 1)[0], value.split("=", 1)[1]
            elif option in ("--publish", "--volume", "--cap-drop", "--security-opt"):
                service[{"--publish": "ports", "--volume": "volumes"}.get(option, option[2:].replace("-", "_"))].append(
                    value.replace("$PWD", str(HERE)))
            else:
                service[{"--memory": "mem_limit"}.get(option, option[2:])] = value
        service["image"], *service["command"] = words
        found.append((service["name"], service))
    return found


class ComposeFiles(unittest.TestCase):
    def setUp(self):
        self.files = {name: yaml.safe_load((HERE / "compose" / name).read_text()) for name in COMPOSE}

    @needs("docker-compose")
    def test_compose_accepts_them_and_would_refuse_a_misspelt_key(self):
        for name in COMPOSE:
            run(["docker-compose", "-f", HERE / "compose" / name, "config", "-q"])
        broken = work_folder("compose") / "docker-compose.yml"
        broken.write_text((HERE / "compose/docker-compose.yml").read_text().replace("mem_limit:", "memory_limit:"))
        done = run(["docker-compose", "-f", broken, "config", "-q"], check=False)
        self.assertNotEqual(0, done.returncode)
        self.assertIn("memory_limit", done.stderr)

    def test_what_was_asked_for_is_in_them(self):
        for name, file in self.files.items():
            with self.subTest(name):
                page = file["services"]["kafka-ui"]
                self.assertEqual("ai-platform", page["environment"]["KAFKA_CLUSTERS_0_NAME"])
                self.assertEqual("kafka:9092", page["environment"]["KAFKA_CLUSTERS_0_BOOTSTRAPSERVERS"])
                self.assertEqual(["127.0.0.1:8080:8080"], page["ports"])
                self.assertNotIn("version", file)
                for service in file["services"].values():
                    self.assertRegex(service["image"], r":v?\d+\.\d+\.\d+$")
                    for port in service.get("ports", []):
                        self.assertTrue(port.startswith("127.0.0.1:"), port)
                    self.assertEqual("topics" in service["command"][-1] if "command" in service else False, "restart" not in service)
                    self.assertIn("mem_limit", service)

    def test_the_two_share_what_is_the_same_and_no_data(self):
        kraft, zookeeper = self.files.values()
        self.assertEqual(kraft["services"]["kafka-ui"], zookeeper["services"]["kafka-ui"])
        for key in ("ports", "healthcheck", "restart", "mem_limit", "stop_grace_period", "hostname"):
            self.assertEqual(kraft["services"]["kafka"][key], zookeeper["services"]["kafka"][key], key)
        self.assertFalse(set(kraft["volumes"]) & set(zookeeper["volumes"]))

    def test_docker_run_starts_what_compose_starts(self):
        guide = {block.text.count("docker run --detach"): block for block in docs.all_blocks(HERE / "README.md") if "docker run --detach" in block.text}
        for block, name in ((guide[1], "docker-compose.yml"), (guide[2], "docker-compose.zookeeper.yml")):
            services = self.files[name]["services"]
            for service, docker in docker_runs(block):
                with self.subTest(f"{name}: {service}"):
                    compose = services[service]
                    self.assertEqual({key: str(compose["environment"][key]) for key in docker["environment"]}, docker["environment"])
                    for key in ("image", "hostname", "restart", "mem_limit", "cap_drop", "security_opt"):
                        self.assertEqual(compose[key], docker[key], key)
                    self.assertEqual(compose.get("command", []), docker["command"])
                    self.assertLessEqual(set(docker["ports"]), set(compose["ports"]))
                    mounted = {volume.split(":")[0].replace(str(HERE / "compose"), ".") + ":" + volume.split(":", 1)[1] for volume in docker["volumes"]}
                    self.assertLessEqual(mounted, set(compose["volumes"]))
            self.assertEqual({"kafka", "zookeeper"} & set(services), {service for service, _ in docker_runs(block)})


@needs("KAFKA_HOME", "KAFKA_ZK_HOME")
class Containers(OnNetwork):
    def project(self, file=None):
        project = containers.Project(self.network, {image: home(release) for image, release in IMAGES.items()}, file)
        self.addCleanup(project.close)
        return project

    def client(self, project, release):
        """Another container of the project, to run tools in."""
        return project.run("application", {"image": f"apache/kafka:{release}", "command": ["sleep", "infinity"]})

    def tool(self, container, tool, *arguments, stdin="", limit=120):
        done = container.execute([f"{BIN}/{tool}.sh", *arguments], limit, stdin, SMALL)
        self.assertEqual(0, done.returncode, f"{tool} {arguments}\n{done.stdout}{done.stderr}")
        return done.stdout

    def reached_from_both_sides(self, project, release):
        """A record goes in from this machine and comes out in another container."""
        kafka, other = project.containers["kafka"], self.client(project, release)
        self.assertEqual(["localhost:9092"], advertised("127.0.0.1", 9092))
        self.assertEqual(["kafka:9092"], advertised(kafka.address, 9092))
        local_kafka.cli(home(release), "kafka-console-producer", "--bootstrap-server", "localhost:9092", "--topic", "ai-task-queue", stdin=TASK + "\n", limit=120)
        self.assertIn(TASK, self.tool(other, "kafka-console-consumer", "--bootstrap-server", "kafka:9092", "--topic", "ai-task-queue",
                                      "--from-beginning", "--max-messages", "1", "--timeout-ms", "60000"))
        other.close()
        del project.containers["application"]

    def compose(self, name):
        release, project = COMPOSE[name], self.project(HERE / "compose" / name)
        project.up()
        topics = project.containers["topics"]
        self.assertEqual(0, topics.wait(), topics.tail())
        self.assertEqual(5, topics.tail().count(": created, "), topics.tail())
        self.reached_from_both_sides(project, release)
        kafka = project.containers["kafka"]
        described = self.tool(kafka, "kafka-topics", "--bootstrap-server", "kafka:9092", "--describe", "--topic", "ai-task-queue")
        self.assertRegex(described, r"PartitionCount: 16\s+ReplicationFactor: 1\s.*retention.ms=604800000")

        with self.subTest("a broker that hangs is not healthy, though its port is open"):
            os.kill(kafka.pid, signal.SIGSTOP)
            self.assertFalse(kafka.healthy())
            os.kill(kafka.pid, signal.SIGCONT)
            eventually("it is healthy again", kafka.healthy)

        with self.subTest("down and up again: the records are there, the topics as they should be"):
            codes = project.down()
            self.assertEqual({143}, {code for service, code in codes.items() if service in ("kafka", "zookeeper")}, codes)
            project.up()
            topics = project.containers["topics"]
            self.assertEqual(0, topics.wait(), topics.tail())
            self.assertEqual(5, topics.tail().count(": as it should be"), topics.tail())
            self.assertIn(TASK, self.tool(project.containers["kafka"], "kafka-console-consumer", "--bootstrap-server", "kafka:9092",
                                          "--topic", "ai-task-queue", "--from-beginning", "--max-messages", "1", "--timeout-ms", "60000"))
        return project

    def test_the_compose_project_serves_containers_and_this_machine_and_keeps_its_data(self):
        self.compose("docker-compose.yml")

    def test_the_compose_project_with_zookeeper_does_too(self):
        project = self.compose("docker-compose.zookeeper.yml")
        with self.subTest("ZooKeeper stops answering"):
            zookeeper = project.containers["zookeeper"]
            self.assertTrue(zookeeper.healthy())
            os.kill(zookeeper.pid, signal.SIGSTOP)
            self.assertFalse(zookeeper.healthy())

    def test_the_single_container_of_the_guide_serves_both_sides(self):
        block = next(block for block in docs.all_blocks(HERE / "README.md") if block.text.count("docker run --detach") == 1)
        (name, service), = docker_runs(block)
        project = self.project()
        kafka = project.run(name, {**service, "command": None})
        eventually(lambda: f"it serves:\n{kafka.tail()}", lambda: local_kafka.brokers_known("127.0.0.1", 9092) == 1, 120)
        self.tool(kafka, "kafka-topics", "--bootstrap-server", "kafka:9092", "--create", "--topic", "ai-task-queue", "--partitions", "16")
        self.reached_from_both_sides(project, "4.3.1")

    def test_the_images_entry_point_can_not_do_zookeeper(self):
        project = self.project()
        kafka = project.run("kafka", {"image": "apache/kafka:3.9.2", "environment": {
            "KAFKA_BROKER_ID": 1, "KAFKA_ZOOKEEPER_CONNECT": "zookeeper:2181", "KAFKA_ADVERTISED_LISTENERS": "PLAINTEXT://kafka:9092"}})
        self.assertEqual(1, kafka.wait(), kafka.tail())
        self.assertIn("Formatting is only supported for clusters in KRaft mode", kafka.tail())


def settings(text):
    """The names of a properties file."""
    return {line.split("=")[0].strip() for line in text.split("\n") if line.strip() and not line.startswith("#")}


class Settings(unittest.TestCase):
    """Kafka ignores a setting that it doesn't know, so that a misspelt one goes unnoticed."""

    @staticmethod
    def known(release):
        """Every setting's name, from the program that makes Kafka's documentation."""
        page = run([local_kafka.complete(home(release)) / "bin/kafka-run-class.sh", "kafka.server.KafkaConfig"])
        names = set(re.findall(r'<a id="([\w.]+)"></a>', page))
        assert "log.dirs" in names, page[:500]
        # The authorizer's own, and one with a listener's prefix.
        return names | {"super.users", "listener.name.controller.sasl.enabled.mechanisms"}

    @needs("KAFKA_HOME", "KAFKA_ZK_HOME")
    def test_every_setting_is_one_that_this_kafka_knows(self):
        systemd, kraft, zookeeper = HERE / "systemd", set(), set()
        common = settings((systemd / "properties/common.properties").read_text())
        for file in (systemd / "properties").glob("*/server.properties"):
            (kraft if file.parent.name.startswith("kraft") else zookeeper).update(settings(file.read_text()))
        kraft |= common | settings((systemd / "scram/scram.properties").read_text())
        environment = yaml.safe_load((HERE / "compose/docker-compose.yml").read_text())["services"]["kafka"]["environment"]
        kraft |= {name.removeprefix("KAFKA_").lower().replace("_", ".") for name in environment if name not in ("CLUSTER_ID", "KAFKA_HEAP_OPTS")}
        zookeeper |= common | settings((HERE / "compose/zookeeper/server.properties").read_text())
        kraft |= settings("\n".join(values("kafka")["kafkaConfig"]["extraConfig"]))
        zookeeper |= set(values("kafka-zookeeper")["extraConfigYaml"])
        self.assertEqual(set(), kraft - self.known("4.3.1"))
        self.assertEqual(set(), zookeeper - self.known("3.9.2"))

    def test_the_basic_configuration_is_what_was_asked_for(self):
        def effective(variant):
            texts = [(HERE / "systemd/properties" / name).read_text() for name in ("common.properties", f"{variant}/server.properties")]
            return dict(line.split("=", 1) for text in texts for line in text.split("\n") if line and not line.startswith("#"))
        for variant in ("kraft-single", "kraft-three-nodes", "zookeeper-single", "zookeeper-three-nodes"):
            with self.subTest(variant):
                found, three = effective(variant), "three" in variant
                asked = {"num.partitions": "8", "log.retention.hours": "168", "log.segment.bytes": "1073741824", "auto.create.topics.enable": "false",
                         "delete.topic.enable": "true", "log.dirs": "/var/lib/kafka/data", "default.replication.factor": "3" if three else "1",
                         "min.insync.replicas": "2" if three else "1"}
                if variant == "zookeeper-three-nodes":
                    asked["zookeeper.connect"] = "zk1:2181,zk2:2181,zk3:2181"
                self.assertEqual(asked, {name: found[name] for name in asked})
                self.assertIn("CLIENTS://0.0.0.0:9092", found["listeners"])

    @needs("KAFKA_HOME")
    def test_a_forgotten_placeholder_stops_kafka(self):
        folder = work_folder("placeholder")
        text = "".join((HERE / "systemd/properties" / name).read_text() for name in ("common.properties", "kraft-single/server.properties"))
        (folder / "server.properties").write_text(text.replace("@NODE_ID@", "1").replace("/var/lib/kafka", str(folder)))
        done = run([local_kafka.complete(home("4.3.1")) / "bin/kafka-storage.sh", "format", "-t", "wGxgnHeNTVCrK-y06m_GLw", "-c",
                    folder / "server.properties"], check=False)
        self.assertNotEqual(0, done.returncode)
        self.assertIn("@HOST@", done.stdout + done.stderr)


def values(name):
    return yaml.safe_load((HERE / f"helm/{name}-values.yaml").read_text())


FIGURES = {"requests": {"memory": "2Gi", "cpu": "500m"}, "limits": {"memory": "4Gi", "cpu": "2"}}


class Helm(unittest.TestCase):
    @needs("kubectl")
    def test_the_values_have_the_figures_of_the_overlay(self):
        for overlay, found in (("ai-platform", values("kafka")), ("ai-platform-zookeeper", values("kafka-zookeeper")["broker"])):
            with self.subTest(overlay):
                objects = render(K8S / "kafka/overlays" / overlay)
                kafka = pick(objects, "StatefulSet", "kafka")["spec"]
                claim = kafka["volumeClaimTemplates"][0]["spec"]
                self.assertEqual(kafka["replicas"], found["replicaCount"])
                self.assertEqual(kafka["template"]["spec"]["containers"][0]["resources"], found["resources"])
                self.assertEqual((claim["resources"]["requests"]["storage"], claim["storageClassName"]),
                                 (found["persistence"]["size"], found["persistence"]["storageClass"]))
                self.assertEqual(FIGURES, found["resources"])
                self.assertIn("-Xmx1024m", found["heapOpts"])
        zookeeper, found = pick(objects, "StatefulSet", "zookeeper")["spec"], values("kafka-zookeeper")["zookeeper"]
        self.assertEqual((3, "20Gi"), (found["replicaCount"], found["persistence"]["size"]))
        self.assertEqual(zookeeper["replicas"], found["replicaCount"])
        # There in two volumes, data and log.
        self.assertEqual(20, sum(int(claim["spec"]["resources"]["requests"]["storage"].removesuffix("Gi")) for claim in zookeeper["volumeClaimTemplates"]))
        self.assertTrue(values("kafka")["metrics"]["enabled"])
        self.assertTrue(values("kafka-zookeeper")["metrics"]["jmx"]["enabled"])

    def test_nothing_is_taken_from_where_it_is_gone(self):
        for path in (HERE / "helm").glob("*-values.yaml"):
            self.assertNotRegex(path.read_text(), r"repository: bitnami/")


class Charts(unittest.TestCase):
    """Rendered with charts that whoever runs this has unpacked; only defined where there are some."""

    @classmethod
    def setUpClass(cls):
        folder = work_folder("helm")
        with (folder / "helm").open("wb") as program:
            subprocess.run(["xz", "-dc", Path(os.environ["HELM_HOME"]) / "helm.xz"], stdout=program, check=True)
        (folder / "helm").chmod(0o755)
        cls.helm = folder / "helm"

    def template(self, chart, name, release="kafka", namespace="middleware"):
        folder = Path(os.environ["EVENTBUS_TEST_CHARTS"]) / chart
        text = run([self.helm, "template", release, folder, "--namespace", namespace, "--values", HERE / f"helm/{name}-values.yaml"])
        return [each for each in yaml.safe_load_all(text) if each]

    def figures(self, objects, name):
        kafka = pick(objects, "StatefulSet", name)["spec"]
        container, claim = kafka["template"]["spec"]["containers"][0], kafka["volumeClaimTemplates"][0]["spec"]
        self.assertEqual((3, "100Gi", "managed-premium"), (kafka["replicas"], claim["resources"]["requests"]["storage"], claim["storageClassName"]))
        self.assertEqual(FIGURES, container["resources"])
        self.assertIn({"name": "KAFKA_HEAP_OPTS", "value": "-Xmx1024m -Xms1024m"}, container["env"])
        return container["image"]

    def test_the_chart_of_a_new_cluster(self):
        objects = self.template("kafka", "kafka")
        self.assertIn("apache/kafka:4.3.1", self.figures(objects, "kafka"))
        config = pick(objects, "ConfigMap", "kafka-config")["data"]["server.properties"]
        for line in ("num.partitions=8", "default.replication.factor=3", "min.insync.replicas=2", "auto.create.topics.enable=false",
                     "delete.topic.enable=true", "log.retention.hours=168", "log.segment.bytes=1073741824", "process.roles=broker,controller"):
            self.assertIn(line, config.split("\n"))
        pick(objects, "Deployment", "kafka-metrics")

    def test_the_last_chart_with_zookeeper(self):
        objects = self.template("bitnami-kafka", "kafka-zookeeper")
        self.assertIn("bitnamilegacy/kafka:3.9.0", self.figures(objects, "kafka-broker"))
        zookeeper = pick(objects, "StatefulSet", "kafka-zookeeper")["spec"]
        claim = zookeeper["volumeClaimTemplates"][0]["spec"]
        self.assertEqual((3, "20Gi"), (zookeeper["replicas"], claim["resources"]["requests"]["storage"]))
        self.assertEqual(set(), {image for image in re.findall(r"image: (\S+)", yaml.safe_dump(objects)) if "bitnamilegacy/" not in image})
        config = pick(objects, "ConfigMap", "kafka-broker-configuration")["data"]["server.properties"]
        for line in ("zookeeper.connect=kafka-zookeeper:2181", "min.insync.replicas=2", "auto.create.topics.enable=false"):
            self.assertIn(line, config.split("\n"))

    def test_the_operator_watches_the_clusters_namespace(self):
        objects = self.template("strimzi-kafka-operator", "strimzi-operator", "strimzi", "strimzi")
        container = pick(objects, "Deployment", "strimzi-cluster-operator")["spec"]["template"]["spec"]["containers"][0]
        self.assertEqual("quay.io/strimzi/operator:1.2.0", container["image"])
        self.assertIn("kafka", next(each["value"] for each in container["env"] if each["name"] == "STRIMZI_NAMESPACE").split(","))


if not os.environ.get("EVENTBUS_TEST_CHARTS"):
    del Charts
