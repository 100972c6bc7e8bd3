"""Kafka outside of Kubernetes: the guide's commands, units, compose files and Helm values, on machines and containers that
are this system's files in namespaces of their own (machines.py), with real brokers of KAFKA_HOME and KAFKA_ZK_HOME."""
import contextlib
import http.server
import os
import re
import shutil
import ssl
import struct
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

import docs
import local_kafka
import machines
from machines import eventually

SUITE = "without_kubernetes"
ROOT = Path(os.environ["EVENTBUS_ROOT"])
HERE = ROOT / "k8s/without-kubernetes"
GUIDE = HERE / "systemd/README.md"
RELEASES = {"4.3.1": "KAFKA_HOME", "3.9.2": "KAFKA_ZK_HOME"}
# Tools and services of tests: small, and quick to start.
SMALL = {"KAFKA_HEAP_OPTS": "-Xmx128m", "KAFKA_JVM_PERFORMANCE_OPTS": local_kafka.QUICK}
SERVICE_ENV = f"KAFKA_HEAP_OPTS=-Xmx256m\nKAFKA_JVM_PERFORMANCE_OPTS={local_kafka.QUICK}\n"
BIN = "/opt/kafka/bin"


def work_folder():
    return Path(tempfile.mkdtemp(prefix="outside-", dir=os.environ.get("EVENTBUS_K8S_INSIDE")))


def home(release):
    """The distribution of a release, or the reason why the test is skipped."""
    variable = RELEASES[release]
    if not os.environ.get(variable):
        raise unittest.SkipTest(f"{variable} names no Kafka {release}")
    return Path(os.environ[variable])


def sections(path):
    """The run= blocks of a guide by the heading above them."""
    lines, found = path.read_text(encoding="utf-8").split("\n"), {}
    for block in docs.blocks(path, SUITE):
        heading = next(line for line in reversed(lines[:block.line - 1]) if line.startswith("##"))
        found.setdefault(heading.lstrip("# "), []).append(block)
    return found


class Downloads:
    """downloads.apache.org and archive.apache.org as a network's gateway serves them: https, checksums, signatures.

    Only 4.3.1 stands at the first, as only current releases do.
    """

    def __init__(self, network):
        self.folder, self.network = work_folder(), network
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


class OnMachines(unittest.TestCase):
    """A network that offers downloads, and the guide's blocks."""

    @classmethod
    def setUpClass(cls):
        if machines.why_not():
            raise unittest.SkipTest(machines.why_not())
        cls.network = machines.Network()
        cls.addClassCleanup(cls.network.close)
        cls.downloads = Downloads(cls.network)
        cls.addClassCleanup(cls.downloads.close)
        cls.guide = sections(GUIDE)

    def tearDown(self):
        for member in list(self.network.members):
            member.close()

    def machine(self, name, aliases=(), release="4.3.1"):
        """A machine with the clone in /srv, on which nothing of Kafka is installed; its services will be small."""
        folder = self.downloads.add(release)
        machine = machines.Machine(self.network, name, aliases, binds=[(ROOT / "k8s", "/srv/k8s", "ro"), (folder, "/srv/release", "ro")])
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
        self.assertIn('{"task_id": "12345"}', verified)

        with self.subTest("clients elsewhere get an address that they reach"):
            other = machines.Machine(self.network, "application", command=["sleep", "infinity"],
                                     binds=[(local_kafka.complete(home("4.3.1")), "/opt/kafka", "ro")])
            self.assertEqual(['{"task_id": "12345"}'], self.consume(other, "ai-task-queue", 1, "kafka1:9092"))
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
            self.assertEqual(['{"task_id": "12345"}'], self.consume(machine, "ai-task-queue", 1))

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
        self.assertIn('{"task_id": "12345"}', printed)
        self.assertEqual("", self.blocks(maker, "Three nodes", 3).strip())

        self.pull_the_plug(nodes, "ai-task-queue", "kafka1:9092,kafka2:9092,kafka3:9092")

    def pull_the_plug(self, nodes, topic, bootstrap):
        """One node goes as in a power cut; the others have all, and take more."""
        nodes[2].close()
        others = nodes[:2]
        self.produce(others[0], topic, "after the power cut", bootstrap)
        self.assertEqual({'{"task_id": "12345"}', "after the power cut"}, set(self.consume(others[1], topic, 2, bootstrap)))

    def test_kafka_39_and_its_zookeeper_run_as_two_services(self):
        machine = self.machine("kafka1", release="3.9.2")
        self.provide(machine, "3.9.2")
        self.blocks(machine, "Kafka 3.9 with ZooKeeper", 0, 1)
        self.serves(machine)
        machine.run([f"{BIN}/kafka-topics.sh", "--bootstrap-server", "localhost:9092", "--create", "--topic", "ai-task-queue", "--partitions", "16"], env=SMALL)
        self.produce(machine, "ai-task-queue", '{"task_id": "12345"}')
        self.assertEqual(['{"task_id": "12345"}'], self.consume(machine, "ai-task-queue", 1))

        with self.subTest("ZooKeeper is nobody else's business"):
            self.assertEqual("imok", machine.run("exec 3<>/dev/tcp/127.0.0.1/2181; printf ruok >&3; cat <&3"))
            self.assertNotEqual(0, machine.try_run("exec 3<>/dev/tcp/kafka1/2181").returncode)
            status = machine.run("cat /proc/$(systemctl show -P MainPID zookeeper)/status")
            self.assertRegex(status, r"CapBnd:\s0000000000000000")
            self.assertNotEqual(0, machine.try_run("nsenter -t $(systemctl show -P MainPID zookeeper) -m touch /var/lib/kafka/intruder").returncode)

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
        self.produce(nodes[0], "ai-task-queue", '{"task_id": "12345"}')
        # Makes __consumer_offsets too, which takes all three.
        self.assertEqual(['{"task_id": "12345"}'], self.consume(nodes[0], "ai-task-queue", 1))
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
