"""The harness itself, with manifests of its own."""
import os
import unittest

import docs
import local_kafka
from cluster import needs, run, work_folder


class Documents(unittest.TestCase):
    def setUp(self):
        self.guide = work_folder("docs") / "guide.md"
        self.guide.write_text("Text\n```bash run=guide\necho $GREETING\n```\n```sh\nls\n```\n"
                              "1. item\n   ```bash run=guide\n   false\n   ```\n```bash\n# Not run by the tests: needs a mill\n```\n")

    def test_blocks_of_a_suite_run_in_order_and_fail_with_their_place(self):
        first, second = docs.blocks(self.guide, "guide")
        self.assertEqual(docs.run_block(first, {"GREETING": "hello"}), "hello\n")
        with self.assertRaisesRegex(AssertionError, r"guide\.md:10: exit code 1"):
            docs.run_block(second)

    def test_a_block_that_is_neither_run_nor_excused_is_found(self):
        self.assertEqual([block.line for block in docs.untagged(self.guide)], [6])


@needs("KAFKA_HOME")
class LocalKafka(unittest.TestCase):
    def test_a_single_broker_answers_is_killed_and_keeps_its_topics(self):
        home = os.environ["KAFKA_HOME"]
        broker = local_kafka.single_node(home, work_folder("broker"))
        self.addCleanup(broker.kill)
        local_kafka.cli(home, "kafka-topics", "--bootstrap-server", broker.bootstrap, "--create", "--topic", "one")
        broker.kill()
        self.assertFalse(broker.serves())
        broker.start()
        self.assertIn("one", local_kafka.cli(home, "kafka-topics", "--bootstrap-server", broker.bootstrap, "--list"))
        broker.stop()

    def test_tools_that_a_trimmed_distribution_lacks_are_there(self):
        for home in os.environ["KAFKA_HOME"], os.environ.get("KAFKA_ZK_HOME"):
            if home:
                for tool in "features", "log-dirs", "delete-records", "dump-log", "reassign-partitions":
                    self.assertTrue(os.access(local_kafka.complete(home) / f"bin/kafka-{tool}.sh", os.X_OK), f"{tool} of {home}")


class Namespaces(unittest.TestCase):
    def test_nothing_but_loopback_can_be_reached(self):
        self.assertNotIn("default", run(["ip", "route"]))
