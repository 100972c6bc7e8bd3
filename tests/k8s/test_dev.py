"""The overlay for a laptop: one node, from nothing to verified by the quick start, and away again."""
import docs
from cluster import K8S, ClusterTest, needs, run

KAFKA = K8S / "kafka"


@needs("KAFKA_HOME")
class Dev(ClusterTest):
    def test_the_quick_start_leads_to_a_verified_cluster(self):
        for block in docs.blocks(KAFKA / "QUICK_START.md", "dev"):
            output = docs.run_block(block, cwd=KAFKA)
        self.assertIn("All is well.", output)

    def test_verification_knows_which_overlay_it_is(self):
        self.assertIn("✓ quorum and controller", run([KAFKA / "verify.sh"]))

    def test_it_goes_with_everything_in_it(self):
        run([KAFKA / "cleanup.sh", "--yes"])
        self.assertNotIn("kafka", self.kubectl("get", "namespaces", "-o", "name"))
