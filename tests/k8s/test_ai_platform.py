"""The AI platform's overlay on a real Kafka: its namespace, topics, volumes, and the metrics it says it exports."""
import json
import urllib.request

from cluster import K8S, ClusterTest, needs, run
from images import with_exporter

KAFKA = K8S / "kafka"
IMAGE = "registry.test/kafka-with-exporter"


@needs("KAFKA_HOME")
class AiPlatform(ClusterTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with_exporter(cls.node, IMAGE, "4.3.1")

    def test_it_is_deployed_and_verified_in_its_own_namespace(self):
        output = run([KAFKA / "deploy.sh", "--overlay", "ai-platform", "--image", IMAGE], limit=900)
        self.assertIn("All is well.", output)
        checks = {each["name"]: each["message"] for each in json.loads(run([KAFKA / "verify.sh", "--namespace", "middleware", "--image", IMAGE, "--json"]))["checks"]}
        for topic, partitions in ("ai-task-queue", 16), ("model-events", 8), ("user-activities", 16), ("system-metrics", 4), ("data-pipeline", 8):
            self.assertEqual(checks[f"topic {topic}"], f"{partitions} partitions, 3 replicas, 7 days")
        claims = self.kubectl("get", "pvc", "-n", "middleware", "-o", "jsonpath={range .items[*]}{.spec.storageClassName} {.status.capacity.storage}{\"\\n\"}{end}").split("\n")
        self.assertEqual(set(filter(None, claims)), {"managed-premium 100Gi"})

    def test_every_broker_exports_its_metrics_where_its_annotations_say(self):
        for n in range(3):
            pod = self.get("pod", f"kafka-{n}", "middleware")
            notes = pod["metadata"]["annotations"]
            self.assertEqual(notes["prometheus.io/scrape"], "true")
            url = f"http://{pod['status']['podIP']}:{notes['prometheus.io/port']}{notes['prometheus.io/path']}"
            with urllib.request.urlopen(url, timeout=30) as answer:
                self.assertIn("kafka_server_", answer.read().decode())

    def test_a_tool_in_a_pod_with_metrics_does_not_fight_for_the_exporters_port(self):
        listed = self.kubectl("exec", "-n", "middleware", "kafka-0", "--", "kafka-topics", "--bootstrap-server", "localhost:9092", "--list")
        self.assertIn("ai-task-queue", listed)

    def test_an_image_without_the_exporter_says_what_to_do(self):
        script = (KAFKA / "base/scripts/start.sh").read_text()
        self.assertIn("image/Dockerfile", script)
        run([KAFKA / "cleanup.sh", "--namespace", "middleware", "--overlay", "ai-platform", "--yes"], limit=300)
