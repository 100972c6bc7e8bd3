"""Builds what a Dockerfile says, without an engine: copies what it copies, runs what it runs, in a folder per stage.

For Dockerfiles as this repository writes them. RUN uses this machine's own programs instead of the base image's, and finds
packages where an earlier restore left them: the tests' network leads nowhere.
What it does not: layers, build arguments, several stages with one name, ADD, files of base images.
"""
import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
import unittest
from dataclasses import dataclass, field
from pathlib import Path

INSTRUCTIONS = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "EXPOSE", "USER", "ENTRYPOINT"}


@dataclass
class Stage:
    base: str
    folder: Path
    workdir: str = "/"
    env: dict = field(default_factory=dict)
    user: str = "root"
    entrypoint: list = field(default_factory=list)
    ports: list = field(default_factory=list)

    def path(self, inside):
        """Where a path of the image is on this machine."""
        return self.folder / os.path.normpath(os.path.join(self.workdir, inside)).lstrip("/")


def instructions(file):
    """(name, arguments) of a Dockerfile, in order."""
    text = re.sub(r"^\s*#.*\n", "", Path(file).read_text(), flags=re.M)
    for line in re.sub(r"\\\n", " ", text).splitlines():
        name, _, arguments = line.strip().partition(" ")
        if name:
            if name not in INSTRUCTIONS:
                raise AssertionError(f"{file}: {name} is not something that these tests can build")
            yield name, arguments.strip()


class Context:
    """The files that a build may see: those of a folder that its .dockerignore lets through."""

    def __init__(self, root):
        self.root = Path(root)
        lines = [line.strip() for line in (self.root / ".dockerignore").read_text().splitlines()]
        self.rules = [(line.lstrip("!").strip("/"), line.startswith("!")) for line in lines if line and not line.startswith("#")]

    def has(self, relative):
        """Does the last rule that matches the path, or a folder above it, let it through?"""
        parts, seen = Path(relative).parts, True
        for pattern, lets in self.rules:
            if any(matches(parts[:length], pattern.split("/")) for length in range(1, len(parts) + 1)):
                seen = lets
        return seen

    def files(self, relative):
        """The visible files below a path, or the path itself."""
        path = self.root / relative
        if not path.exists():
            raise AssertionError(f"COPY: {relative} is not there")
        found = [path] if path.is_file() else [each for each in sorted(path.rglob("*")) if each.is_file()]
        visible = [each for each in found if self.has(each.relative_to(self.root))]
        if not visible:
            raise AssertionError(f"COPY: .dockerignore hides {relative}")
        return visible


def matches(parts, pattern):
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(matches(parts[skip:], pattern[1:]) for skip in range(len(parts) + 1))
    return bool(parts) and fnmatch.fnmatchcase(parts[0], pattern[0]) and matches(parts[1:], pattern[1:])


def build(file, root, folder, prepare=lambda stage: None):
    """Builds a Dockerfile with root as its context. Returns its last stage. prepare(stage) is called before each RUN."""
    context, stages, names = Context(root), [], {}
    for name, arguments in instructions(file):
        stage = stages[-1] if stages else None
        if name == "FROM":
            base, _, alias = arguments.partition(" AS ")
            stages.append(Stage(base, Path(folder) / (alias or "image")))
            names[alias] = stages[-1]
        elif name == "WORKDIR":
            stage.workdir = arguments
            stage.path(".").mkdir(parents=True, exist_ok=True)
        elif name == "COPY":
            copy(stage, context, names, arguments)
        elif name == "RUN":
            prepare(stage)
            run(stage, arguments)
        elif name == "ENV":
            stage.env.update(word.split("=", 1) for word in shlex.split(arguments))
        elif name == "EXPOSE":
            stage.ports.append(int(arguments))
        elif name == "USER":
            stage.user = arguments
        elif name == "ENTRYPOINT":
            stage.entrypoint = json.loads(arguments)
    return stages[-1]


def copy(stage, context, names, arguments):
    *sources, target = arguments.split()
    if sources[0].startswith("--from="):
        shutil.copytree(names[sources[0][7:]].path(sources[1]), stage.path(target), dirs_exist_ok=True)
        return
    for source in sources:
        into_folder = target.endswith("/") or len(sources) > 1 or (context.root / source).is_dir()
        for each in context.files(source):
            inside = each.relative_to(context.root / source) if (context.root / source).is_dir() else each.name
            goal = stage.path(target) / inside if into_folder else stage.path(target)
            goal.parent.mkdir(parents=True, exist_ok=True)
            # With its time, so that what was compiled from it before is not compiled again.
            shutil.copy2(each, goal)


def run(stage, command):
    """Absolute paths of the command are those of the image."""
    local = re.sub(r"(?<=\s)(/\w[\w/.-]*)", lambda match: str(stage.path(match[1])), command)
    # Nobody is asked about known weaknesses of packages: the tests' network leads nowhere. No servers stay behind.
    env = {**os.environ, **stage.env, "NuGetAudit": "false", "MSBUILDDISABLENODEREUSE": "1", "UseSharedCompilation": "false", "DOTNET_NOLOGO": "1"}
    done = subprocess.run(["sh", "-ec", local], cwd=stage.path("."), env=env, capture_output=True, text=True, timeout=600)
    if done.returncode:
        output = done.stdout + done.stderr
        if "NU1301" in output or "NU1101" in output:
            raise unittest.SkipTest("packages were not restored before: dotnet restore Cuckoo.EventBus.sln")
        raise AssertionError(f"RUN {command}: exit code {done.returncode}\n{output}")
