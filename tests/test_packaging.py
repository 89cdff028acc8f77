"""What a remote worker gets: the package that Beam's --setup_file sends, and docker/Dockerfile."""

import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import setuptools
from apache_beam.runners.portability.stager import Stager

ROOT = Path(__file__).parents[1]
DOCKERFILE = ROOT / "docker" / "Dockerfile"
IGNORED = shutil.ignore_patterns("__pycache__")


def instructions() -> list[tuple[str, str]]:
    """Return (instruction, its arguments) of the Dockerfile, continued lines joined."""
    lines = [line for line in DOCKERFILE.read_text().splitlines() if line and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in joined.splitlines())]


def copied() -> list[str]:
    """Return what the Dockerfile copies from the repository."""
    found = []
    for name, rest in instructions():
        if name == "COPY" and not rest.startswith("--from="):
            found += rest.split()[:-1]
    return found


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return what setup.py says."""
    found: dict[str, Any] = {}
    monkeypatch.setattr(setuptools, "setup", lambda **arguments: found.update(arguments))
    runpy.run_path(str(ROOT / "setup.py"))
    return found


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of what was installed from Beam's source package of what the image gets."""
    folder = tmp_path_factory.mktemp("packaging")
    tree, out, site = folder / "tree", folder / "out", folder / "site"
    for path in (tree, out):
        path.mkdir()
    for name in copied():
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tree / name, ignore=IGNORED)
        else:
            shutil.copy(ROOT / name, tree)
    package = Stager._build_setup_package(str(tree / "setup.py"), str(out))
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
    ]
    done = subprocess.run([*pip, "--target", str(site), package], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return site


def test_everything_that_lies_in_a_package_is_installed(installed: Path, told: dict[str, Any]) -> None:
    for package in told["packages"]:
        folder = ROOT.joinpath(*package.split("."))
        here = {path.name for path in folder.iterdir() if path.is_file()}
        there = {path.name for path in installed.joinpath(*package.split(".")).iterdir() if path.is_file()}
        assert there == here, package
    examples = {path.name for path in (ROOT / "configs").glob("*.yaml")}
    assert {path.name for path in (installed / "share/pairwright/configs").iterdir()} == examples


def test_every_package_is_imported_from_there(installed: Path, told: dict[str, Any], tmp_path: Path) -> None:
    modules = [*told["packages"], "pairwright.cli", "pipelines.curate", "pipelines.plan"]
    program = (
        f"import importlib, sys; sys.path.insert(0, {str(installed)!r})\n"
        f"for name in {modules!r}:\n"
        f"    found = importlib.import_module(name).__file__\n"
        f"    assert found.startswith({str(installed)!r}), found\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_image_has_the_beam_and_the_python_that_we_test_with() -> None:
    (version,) = re.findall(r"^apache-beam==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    found = dict(instructions())
    assert found["FROM"] == "python:3.11-slim"
    assert f"--from=apache/beam_python3.11_sdk:{version} /opt/apache/beam /opt/apache/beam" in [
        rest for name, rest in instructions() if name == "COPY"
    ]
    assert found["ENTRYPOINT"] == '["/opt/apache/beam/boot"]'
    assert f"job-server-{version}.jar" in (ROOT / "configs" / "spark.yaml").read_text()


def test_the_image_copies_what_there_is_and_every_package(told: dict[str, Any]) -> None:
    assert all((ROOT / name).exists() for name in copied())
    assert {package.split(".")[0] for package in told["packages"]} <= set(copied())
    assert {"setup.py", "pyproject.toml", "README.md", "constraints.txt", "configs"} <= set(copied())


def test_the_image_asks_for_extras_that_there_are(told: dict[str, Any]) -> None:
    asked = re.findall(r"EXTRAS=([a-z,]+)", DOCKERFILE.read_text())
    assert len(asked) == 2
    assert {extra for extras in asked for extra in extras.split(",")} <= set(told["extras_require"])


def test_the_image_is_built_with_care() -> None:
    known = {"FROM", "ARG", "ENV", "RUN", "COPY", "WORKDIR", "ENTRYPOINT"}
    assert {name for name, _ in instructions()} == known
    for name, rest in instructions():
        if name == "WORKDIR":
            assert rest.startswith("/")
        if name == "RUN" and "apt-get" in rest:
            assert "apt-get update" in rest
            assert "--no-install-recommends" in rest
            assert rest.endswith("rm -rf /var/lib/apt/lists/*")
        if name == "RUN" and "pip install" in rest:
            assert "--constraint" in rest
    assert "PIP_NO_CACHE_DIR=1" in dict(instructions())["ENV"]
    assert subprocess.run(["sh", "-n"], input=_commands(), text=True).returncode == 0


def _commands() -> str:
    return "\n".join(rest for name, rest in instructions() if name == "RUN")
