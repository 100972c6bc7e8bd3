"""The overlays with ZooKeeper on a real Kafka 3.9: as first asked for, with what that costs; and the ensemble of the AI platform."""
import json
import os
import subprocess

import local_kafka
from cluster import K8S, ClusterTest, eventually, needs, run
from images import with_exporter

KAFKA = K8S / "kafka"
BOOTSTRAP = "kafka.kafka.svc.cluster.local:9092"


@needs("KAFKA_ZK_HOME")
class AsFirstAskedFor(ClusterTest):
    """Overlay zookeeper. The tests go on with the cluster that the first deploys."""

    def tool(self, name, *args):
        return local_kafka.cli(os.environ["KAFKA_ZK_HOME"], name, "--bootstrap-server", BOOTSTRAP, *args)

    def test_it_is_deployed_and_verified(self):
        output = run([KAFKA / "deploy.sh", "--overlay", "zookeeper"], limit=900)
        for said in "1 of 1 ZooKeepers ready", "3 of 3 brokers ready", "order-events: created, 3 partitions, 2 replicas", "All is well.":
            self.assertIn(said, output)

    def test_verification_says_the_fourteen_things(self):
        checks = {each["name"]: each for each in json.loads(run([KAFKA / "verify.sh", "--json"]))["checks"]}
        for name in ("namespace", "ZooKeeper running", "ZooKeeper healthy", "brokers running", "service kafka", "service kafka-headless", "service zookeeper",
                     "volumes bound", "topic order-events", "topic payment-events", "topic inventory-events", "topic notification-events",
                     "topic dead-letter-queue", "message sent and received"):
            self.assertTrue(checks[name]["ok"], name)
        self.assertEqual(checks["volumes bound"]["message"], "5")
        self.assertIn("3 partitions, 2 replicas, 30 days", checks["topic dead-letter-queue"]["message"])
        self.assertEqual(checks["ZooKeeper healthy"]["message"], "imok")
        self.assertRegex(checks["controller"]["message"], r"^broker \d$")

    def test_the_two_test_commands_work_as_they_were_written(self):
        # Word for word, but for -t: there is no terminal here.
        run(["bash", "-c", 'echo "test" | kubectl exec -i kafka-0 -n kafka -- kafka-console-producer --bootstrap-server localhost:9092 --topic order-events'])
        self.assertEqual(run(["bash", "-c", "kubectl exec -it kafka-0 -n kafka -- kafka-console-consumer --bootstrap-server localhost:9092 --topic order-events --from-beginning --max-messages 1"]), "test\n")

    def test_brokers_give_the_addresses_that_were_asked_for(self):
        config = self.kubectl("exec", "-n", "kafka", "kafka-1", "--", "cat", "/run/kafka/server.properties")
        self.assertIn("BROKERS://kafka-1.kafka-headless.kafka.svc.cluster.local:9093", config)
        self.assertIn("broker.id=1", config)

    def test_with_a_broker_down_the_documented_refusal_happens_and_nothing_acknowledged_is_lost(self):
        self.node.kill("kafka", "kafka-0", restart=False)
        self.addCleanup(self.node.release, "kafka", "kafka-0")
        describe = lambda: self.tool("kafka-topics", "--describe", "--topic", "order-events").splitlines()[1:]      # noqa: E731
        lines = eventually(lambda: (found := describe()) and all("Leader: 0" not in line for line in found) and found, 90, "leaders on the brokers that are left", every=1)
        refused = 0
        for line in lines:
            partition = line.split("Partition: ")[1].split("\t")[0]
            in_sync = line.split("Isr: ")[1].split("\t")[0].split(",")
            done = self.send(partition)
            if len(in_sync) < 2:
                self.assertIn("NOT_ENOUGH_REPLICAS", done, line)
                refused += 1
            else:
                self.assertNotIn("Exception", done, line)
        # Each broker holds a replica of two of three partitions.
        self.assertEqual(refused, 2, lines)
        done = run([KAFKA / "verify.sh"], check=False)
        self.assertIn("✗ brokers running: 2 of 3 ready", done.stdout)
        self.assertIn("✗ replicas in sync", done.stdout)
        self.assertGreater(done.returncode, 1)

    def send(self, partition):
        """One record with acks=all to one partition; what the producer said."""
        producer = subprocess.run(["/usr/bin/python3", "-c", f"""
from kafka import KafkaProducer
producer = KafkaProducer(bootstrap_servers="{BOOTSTRAP}", acks="all", retries=0, request_timeout_ms=10000)
try:
    producer.send("order-events", b"one", partition={partition}).get(timeout=20)
    print("acknowledged")
except Exception as error:
    print("Exception", error)
"""], capture_output=True, text=True, timeout=60)
        return producer.stdout.replace("NotEnoughReplicas", "NOT_ENOUGH_REPLICAS") + producer.stderr

    def test_it_goes_with_everything_in_it(self):
        run([KAFKA / "cleanup.sh", "--yes"], limit=300)
        self.assertNotIn("namespace/kafka", self.kubectl("get", "namespaces", "-o", "name"))


@needs("KAFKA_ZK_HOME")
class AiPlatform(ClusterTest):
    """Overlay ai-platform-zookeeper: three ZooKeepers, metrics, the namespace middleware."""

    IMAGE = "registry.test/kafka-with-exporter"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with_exporter(cls.node, cls.IMAGE, "3.9.2")

    def test_an_ensemble_forms_and_serves_when_one_of_it_is_gone(self):
        output = run([KAFKA / "deploy.sh", "--overlay", "ai-platform-zookeeper", "--image", self.IMAGE], limit=900)
        for said in "3 of 3 ZooKeepers ready", "ai-task-queue: created, 16 partitions, 3 replicas", "All is well.":
            self.assertIn(said, output)
        modes = [self.kubectl("exec", "-n", "middleware", f"zookeeper-{n}", "--", "bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/2181; printf srvr >&3; cat <&3") for n in range(3)]
        found = sorted(line.split()[1] for mode in modes for line in mode.splitlines() if line.startswith("Mode:"))
        self.assertEqual(found, ["follower", "follower", "leader"])

        leader = next(n for n, mode in enumerate(modes) if "Mode: leader" in mode)
        self.node.kill("middleware", f"zookeeper-{leader}", restart=False)
        try:
            tool = lambda *args: local_kafka.cli(os.environ["KAFKA_ZK_HOME"], "kafka-topics", "--bootstrap-server", "kafka.middleware.svc.cluster.local:9092", *args)    # noqa: E731
            # A new topic goes through ZooKeeper.
            eventually(lambda: tool("--create", "--if-not-exists", "--topic", "after-the-loss", "--partitions", "1", "--replication-factor", "3") is not None, 90)
        finally:
            self.node.release("middleware", f"zookeeper-{leader}")

