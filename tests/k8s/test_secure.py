"""The overlay with users, rights and encryption on a real Kafka: by its guide, and against those who have no business there."""
import base64
import os
import shutil

import docs
import local_kafka
from cluster import K8S, ClusterTest, Failed, needs, run, work_folder

BOOTSTRAP = "kafka.kafka.svc.cluster.local:9092"


@needs("KAFKA_HOME")
class Secure(ClusterTest):
    """The tests go on with the cluster that the first deploys."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = work_folder("secure")
        shutil.copytree(K8S, cls.folder / "k8s")
        cls.kafka = cls.folder / "k8s/kafka"
        cls.blocks = docs.blocks(cls.kafka / "README.md", "secure")

    def blocks_until(self, *words):
        """Runs the next blocks of the guide, up to the one that holds all the words."""
        output = ""
        while self.blocks:
            block = Secure.blocks.pop(0)
            output += docs.run_block(block, cwd=self.kafka, limit=900)
            if all(word in block.text for word in words):
                return output
        raise AssertionError(f"No block of the guide holds {words}.")

    def password(self, user):
        return base64.b64decode(self.kubectl("get", "secret", "kafka-users", "-n", "kafka", "-o", f"go-template={{{{index .data \"{user}\"}}}}")).decode()

    def client(self, user, password=None, mechanism="SCRAM-SHA-512", protocol="SASL_SSL"):
        """A file of client properties, and the tool that uses it."""
        password = self.password(user) if password is None else password
        file = self.folder / f"{user}.properties"
        file.write_text(f"""security.protocol={protocol}
sasl.mechanism={mechanism}
sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username="{user}" password="{password}";
ssl.truststore.type=PEM
ssl.truststore.location={self.kafka}/kafka-ca/ca.crt
default.api.timeout.ms=15000
request.timeout.ms=10000
""")
        return lambda tool, *args: local_kafka.cli(os.environ["KAFKA_HOME"], tool, "--bootstrap-server", BOOTSTRAP, "--command-config", file, *args)

    def refused(self, client, *args, says):
        with self.assertRaises((Failed, AssertionError, RuntimeError)) as caught:
            client(*args)
        self.assertIn(says, str(caught.exception))

    def test_the_guide_leads_to_a_verified_cluster(self):
        output = self.blocks_until("deploy.sh --overlay kraft-secure")
        for said in "made passwords for", "orders: password set", "orders: add Write on", "All is well.":
            self.assertIn(said, output)
        self.assertNotIn(self.password("admin"), output)

    def test_the_right_password_is_accepted_with_both_mechanisms(self):
        for mechanism in "SCRAM-SHA-512", "SCRAM-SHA-256":
            self.assertIn("order-events", self.client("orders", mechanism=mechanism)("kafka-topics", "--list"))

    def test_a_wrong_password_no_password_and_no_encryption_are_refused(self):
        self.refused(self.client("orders", "not-the-password"), "kafka-topics", "--list", says="invalid credentials")
        self.refused(self.client("nobody", "not-the-password"), "kafka-topics", "--list", says="invalid credentials")
        self.refused(self.client("orders", protocol="SASL_PLAINTEXT"), "kafka-topics", "--list", says="")

    def test_a_user_sees_what_it_has_rights_to_and_no_more(self):
        listed = self.client("notifications")("kafka-topics", "--list").split()
        self.assertEqual(sorted(listed), ["dead-letter-queue", "notification-events", "order-events"])
        self.refused(self.client("notifications"), "kafka-topics", "--create", "--topic", "mine", "--partitions", "1", says="Authorization")
        self.refused(self.client("notifications"), "kafka-topics", "--describe", "--topic", "payment-events", says="does not exist")

    def test_no_password_stands_in_a_log_or_in_a_pod_s_description(self):
        passwords = [self.password(user) for user in ("admin", "broker-1", "controller-1", "orders")]
        for n in range(3):
            text = self.kubectl("logs", "-n", "kafka", f"kafka-{n}") + self.kubectl("describe", "pod", "-n", "kafka", f"kafka-{n}")
            for password in passwords:
                self.assertNotIn(password, text)
        jobs = self.kubectl("logs", "-n", "kafka", "job/kafka-users")
        for password in passwords:
            self.assertNotIn(password, jobs)

    def test_the_password_of_a_user_can_be_read_and_used_as_the_guide_says(self):
        self.blocks_until("kafka-acls", "--list")

    def test_a_right_that_is_not_listed_is_taken_away_again(self):
        admin = self.client("admin")
        admin("kafka-acls", "--add", "--allow-principal", "User:notifications", "--operation", "Write", "--topic", "payment-events")
        run([self.kafka / "deploy.sh", "--overlay", "kraft-secure", "--no-verify"], limit=600)
        self.assertNotIn("Write", admin("kafka-acls", "--list", "--principal", "User:notifications", "--topic", "payment-events"))

    def test_a_changed_password_of_a_user_is_the_one_that_counts(self):
        before = self.client("notifications")
        old = self.password("notifications")
        before("kafka-topics", "--list")
        self.blocks_until("a-new-password-for-notifications")
        self.client("notifications")("kafka-topics", "--list")
        self.refused(self.client("notifications", old), "kafka-topics", "--list", says="invalid credentials")

    def test_nodes_change_their_own_passwords_without_locking_one_out(self):
        output = self.blocks_until("INTERNAL_LOGIN=2")
        self.assertIn("All is well.", output)
        config = self.kubectl("exec", "-n", "kafka", "kafka-1", "--", "cat", "/run/kafka/server.properties")
        self.assertIn('username="broker-2" password="another-password-for-brokers"', config)

    def test_certificates_are_renewed_while_the_cluster_runs(self):
        serial = self.serial()
        self.blocks_until("certificates.sh --days 180")
        self.assertNotEqual(self.serial(), serial)
        self.assertIn("order-events", self.client("orders")("kafka-topics", "--list"))
        self.assertEqual(self.blocks, [], "every block of the guide has run")

    def serial(self):
        shown = run(["bash", "-c", f"openssl s_client -connect {BOOTSTRAP} -CAfile {self.kafka}/kafka-ca/ca.crt -verify_return_error </dev/null 2>/dev/null | openssl x509 -noout -serial"])
        self.assertIn("serial=", shown)
        return shown

    def test_a_password_that_would_break_its_quoting_is_refused_with_a_reason(self):
        self.kubectl("patch", "secret", "kafka-users", "-n", "kafka", "--type", "merge", "-p", '{"stringData":{"payments":"a\\"b; c"}}')
        done = run([self.kafka / "deploy.sh", "--overlay", "my-secure-cluster", "--no-verify"], check=False, limit=600)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("The password of payments is shorter than 12 characters or has one that is not", done.stdout + done.stderr)
        self.assertNotIn('a"b; c', done.stdout + done.stderr)
