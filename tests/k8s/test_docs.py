"""The guides: every command is run by a suite or says why not, every link leads somewhere."""
import re
import unittest
from pathlib import Path

import docs
from cluster import K8S

HERE = Path(__file__).parent
GUIDES = sorted(K8S.rglob("*.md"))


def anchors(path):
    """The anchors that a Markdown renderer gives the headings."""
    text = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.M | re.S)
    for heading in re.findall(r"^#+ (.*)$", text, re.M):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


class Guides(unittest.TestCase):
    def test_every_command_is_run_or_says_why_not(self):
        self.assertGreater(len(GUIDES), 5)
        self.assertEqual([str(block) for guide in GUIDES for block in docs.untagged(guide)], [])

    def test_every_suite_that_a_block_names_runs_that_document(self):
        for guide in GUIDES:
            for suite in {block.suite for block in docs.all_blocks(guide) if block.suite}:
                module = HERE / f"test_{suite}.py"
                self.assertTrue(module.exists(), f"{guide} names the suite {suite}")
                text = module.read_text()
                self.assertTrue("docs.blocks(" in text and guide.name in text, f"{module.name} does not run {guide}")

    def test_every_link_leads_somewhere(self):
        for guide in GUIDES:
            for target in re.findall(r"\]\(([^)\s]+)\)", guide.read_text()):
                if re.match(r"[a-z]+:", target):
                    continue
                name, _, anchor = target.partition("#")
                path = (guide.parent / name).resolve() if name else guide
                self.assertTrue(path.exists(), f"{guide}: {target}")
                if anchor:
                    self.assertIn(anchor, list(anchors(path)), f"{guide}: {target}")

    def test_paths_that_are_named_exist(self):
        for guide in GUIDES:
            for script in set(re.findall(r"(?:\./|\.\./)[\w/.-]+\.sh", guide.read_text())):
                if (guide.parent / script).exists() or (K8S / "kafka" / script).exists():
                    continue
                self.fail(f"{guide}: {script}")
