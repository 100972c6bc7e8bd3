"""The images of k8s/shop and k8s/jaeger, made of what this machine has, for the node of the tests."""
import os
import shutil
import subprocess
import unittest
from pathlib import Path

import dockerfile
from cluster import ROOT, work_folder
from node import PATH

HERE = Path(__file__).parent / "shop"
SERVICES = ("orders", "payments", "inventory", "notifications")
_built = {}


def postgres(node, name):
    """The machine's own PostgreSQL, whichever version, behind an entrypoint that does what the official one does."""
    servers = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda each: int(each.parts[-3]))
    if not servers:
        raise unittest.SkipTest("no PostgreSQL: Debian's postgresql")
    users = work_folder("postgres") / "passwd"
    users.write_text("root:x:0:0::/root:/bin/sh\npostgres:x:999:999::/var/lib/postgresql:/bin/bash\n")
    node.image(name, {"/usr/local/bin/docker-entrypoint.sh": HERE / "postgres-entrypoint.sh", "/etc/passwd": users},
               {"PATH": f"{PATH}:{servers[-1].parent}"}, entrypoint=["docker-entrypoint.sh"], cmd=["postgres"])


def jaeger(node, name):
    """JAEGER_HOME's Jaeger 1, behind a program that translates the configuration of a Jaeger 2."""
    if "jaeger" not in _built:
        packed = Path(os.environ["JAEGER_HOME"]) / "jaeger.xz"
        program = packed.with_name("jaeger")
        if packed.exists():
            program = work_folder("jaeger") / "jaeger"
            with program.open("wb") as file:
                subprocess.run(["xz", "-dc", packed], stdout=file, check=True)
            program.chmod(0o755)
        _built["jaeger"] = program
    node.image(name, {"/cmd/jaeger/jaeger": _built["jaeger"], "/cmd/jaeger/start.py": HERE / "jaeger.py"}, {"JAEGER_1": "/cmd/jaeger/jaeger"},
               entrypoint=["/usr/bin/python3", "/cmd/jaeger/start.py"], user=10001)


def built(service):
    """What samples/Shop.<Service>/Dockerfile builds."""
    if service not in _built:
        # One folder for the stages of all: what they have in common is compiled once.
        folder = _built["folder"] = _built.get("folder") or work_folder("images")
        stage = dockerfile.build(ROOT / f"samples/Shop.{service.title()}/Dockerfile", ROOT, folder, librdkafka)
        app = folder / f"app-{service}"
        shutil.move(stage.path("/app"), app)
        shutil.rmtree(folder / "build/app")
        _built[service] = (stage, app)
    return _built[service]


def librdkafka(stage):
    """Where the package registry lacks the native library, .build/setup.sh has built it, and the projects take it from artifacts/."""
    if (ROOT / "artifacts/setup.props").exists() and not stage.path("artifacts").exists():
        stage.path("artifacts").symlink_to(ROOT / "artifacts")


def shop(node, services=SERVICES, tag="0.1.0", registry=""):
    """The services' images: .NET of this machine, and what their Dockerfiles build."""
    dotnet = Path(shutil.which("dotnet")).resolve().parent
    for service in services:
        stage, app = built(service)
        env = {"PATH": f"/usr/share/dotnet:{PATH}", **stage.env}
        node.image(f"{registry}shop-{service}:{tag}", {"/usr/share/dotnet": dotnet, "/app": app}, env, entrypoint=stage.entrypoint,
                   user=int(stage.user), workdir=stage.workdir)
