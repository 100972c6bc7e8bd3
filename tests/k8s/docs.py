"""Runs the commands of the guides, so that they stay true.

A fenced block "```bash run=NAME" belongs to the suite test_NAME.py, which runs the blocks of a document in order.
What it does not: compare output that a document shows with what a command prints.
"""
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

SHELLS = ("bash", "sh", "console")
NOT_RUN = re.compile(r"#\s*Not run by the tests: \S")


@dataclass
class Block:
    path: Path
    line: int       # of its first command
    language: str
    suite: str      # "" when no suite runs it
    text: str

    def __str__(self):
        return f"{self.path}:{self.line}"


def all_blocks(path):
    """Every fenced block of a Markdown document."""
    found, fence, block = [], None, None
    for number, line in enumerate(Path(path).read_text(encoding="utf-8").split("\n"), 1):
        match = re.match(r"^( *)(`{3,}|~{3,})(.*)$", line)
        if fence is None and match:
            indent, fence, info = len(match[1]), match[2], match[3].split()
            suites = [word[4:] for word in info if word.startswith("run=")]
            block = Block(Path(path), number + 1, info[0] if info else "", suites[0] if suites else "", "")
        elif fence is not None and match and match[2].startswith(fence) and not match[3].strip():
            found.append(block)
            fence = None
        elif fence is not None:
            block.text += re.sub(f"^ {{0,{indent}}}", "", line) + "\n"
    if fence is not None:
        raise AssertionError(f"{block}: the block never ends")
    return found


def blocks(path, suite):
    """The blocks that one suite runs, in order."""
    return [block for block in all_blocks(path) if block.suite == suite]


def untagged(path):
    """Shell blocks that are neither run nor say why not."""
    return [block for block in all_blocks(path)
            if block.language in SHELLS and not block.suite and not NOT_RUN.match(block.text)]


def run_block(block, env=None, cwd=None, limit=300):
    """Runs one block and returns what it prints; fails with its place in the document.

    env is added to the test's own environment.
    """
    try:
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", block.text], env={**os.environ, **(env or {})}, cwd=cwd,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=limit)
    except subprocess.TimeoutExpired as late:
        output = (late.stdout or b"").decode(errors="replace")
        raise AssertionError(f"{block}: not done after {limit} s\n{block.text}{output}") from None
    if done.returncode:
        raise AssertionError(f"{block}: exit code {done.returncode}\n{block.text}{done.stdout}")
    return done.stdout
