"""Backups of a cluster where clients log in over TLS, and every user has few rights: the guide's commands in pods."""
import docs
from cluster import K8S, ClusterTest, needs, run, temporary_overlay, work_folder

ADMIN = ("--bootstrap-server", "localhost:9092", "--command-config", "/run/kafka/client.properties")


@needs("KAFKA_HOME", "openssl")
class WhereClientsLogIn(ClusterTest):
    """The tests go on with the cluster that the first deploys: one node of overlay dev, locked as kraft-secure is."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = work_folder("guide")
        (cls.folder / "k8s").symlink_to(K8S)
        run([K8S / "kafka/certificates.sh", "--authority", cls.folder / "authority"])
        components = [K8S / "kafka/components" / each for each in ("scram", "tls")]
        with temporary_overlay(K8S / "kafka/overlays/dev", components, namespace="kafka") as overlay:
            run([K8S / "kafka/deploy.sh", "--overlay", overlay, "--no-verify"], limit=900)
        cls.blocks = docs.blocks(K8S / "backup/README.md", "backup_secure")

    def kafka(self, tool, *args, **more):
        return self.kubectl("exec", "-i", "-n", "kafka", "kafka-0", "--", f"kafka-{tool}", *ADMIN, *args, **more)

    def test_the_rights_of_the_list_are_enough_to_export_everything(self):
        self.kafka("topics", "--create", "--topic", "not-on-the-list", "--partitions", "2", "--config", "retention.ms=3600000")
        said = docs.run_block(self.blocks[0], cwd=self.folder)
        self.assertRegex(said, r"6 topics and \d+ groups of kafka:9092 are in /backup/20")

    def test_an_administrator_restores_what_was_lost(self):
        self.kafka("topics", "--delete", "--topic", "not-on-the-list")
        self.kafka("configs", "--alter", "--entity-type", "topics", "--entity-name", "order-events", "--add-config", "retention.ms=3600000")
        self.kafka("acls", "--remove", "--force", "--allow-principal", "User:orders", "--operation", "Read", "--topic", "payment-events")
        said = docs.run_block(self.blocks[1], cwd=self.folder)
        for each in ("not-on-the-list: to be created, 2 partitions", "order-events: retention.ms=604800000 (is 3600000)",
                     "to be added: ALLOW READ on TOPIC payment-events (LITERAL) for User:orders from *", "Restored."):
            self.assertIn(each, said)
        self.assertIn("PartitionCount: 2", self.kafka("topics", "--describe", "--topic", "not-on-the-list"))
        self.assertIn("retention.ms=604800000", self.kafka("configs", "--describe", "--entity-type", "topics", "--entity-name", "order-events"))
        self.assertIn("operation=READ", self.kafka("acls", "--list", "--principal", "User:orders", "--topic", "payment-events"))

    def test_the_user_of_every_night_cannot_change_anything(self):
        self.kubectl("scale", "-n", "kafka", "deployment/kafka-restore", "--replicas=1")
        self.kubectl("rollout", "status", "-n", "kafka", "deployment/kafka-restore", "--timeout=60s", limit=70)
        self.kafka("topics", "--delete", "--topic", "not-on-the-list")
        done = self.in_restore_pod("/scripts/restore.sh $(ls -d /backup/20*Z | tail -n 1) topics")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, "kafka-topics failed(.|\n)*uthoriz")
        self.assertNotIn("not-on-the-list", self.kafka("topics", "--list"))

    def test_rights_that_are_missing_are_told_and_not_passed_over(self):
        self.kafka("acls", "--remove", "--force", "--allow-principal", "User:backup", "--operation", "Describe", "--operation", "DescribeConfigs", "--cluster")
        done = self.in_restore_pod("/scripts/export.sh /backup/less")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, "--without-security(.|\n)*kafka-acls failed")
        done = self.in_restore_pod("ls -A /backup; /scripts/export.sh --without-security /backup/less && ls /backup/less")
        self.assertNotRegex(done.stdout, r"(?m)^(less|\.unfinished.*|acls.tsv|users.txt)$")
        self.assertIn("group-offsets.tsv", done.stdout)

    def in_restore_pod(self, command):
        return self.kubectl("exec", "-n", "kafka", "deployment/kafka-restore", "--", "bash", "-c", command, check=False, limit=300)
