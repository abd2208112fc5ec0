"""Every door into the course works: the scripts of containers and services, the packages."""

import json
import os
import sys
from pathlib import Path

import pytest

from cifar_lab.course import syllabus

SCRIPTS = {
    ".devcontainer/create.sh": ".devcontainer/devcontainer.json",
    ".devcontainer/image.sh": "Dockerfile",
    ".binder/postBuild": None,  # Binder knows the name
    ".ci/install": ".github/workflows/ci.yml",
}


@pytest.fixture
def system(tmp_path) -> Path:
    """Provide programs that would change the machine, and now do nothing."""
    folder = tmp_path / "system"
    folder.mkdir()
    for name in ("bwrap", "sudo", "id"):  # bubblewrap is installed, the user exists
        (folder / name).write_text("#!/bin/sh\n", encoding="utf-8")
        (folder / name).chmod(0o755)
    return folder


@pytest.mark.skipif(os.name == "nt", reason="the scripts run in containers, and need bash")
@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_installs_the_course(script, checkout, environment, system):
    path = os.pathsep.join([str(environment.programs), str(system), os.environ["PATH"]])
    done = environment.run("bash", script, cwd=checkout, env={"PATH": path})
    assert done.returncode == 0, done.stdout + done.stderr
    shown = environment.run("cifar-course", cwd=checkout)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.startswith(f"Judged: {checkout}\n")
    find = "import cifar_lab; print(cifar_lab.__file__)"
    found = environment.run("python", "-c", find, cwd=environment.programs).stdout.strip()
    assert Path(found) == checkout / "cifar_lab" / "__init__.py"


@pytest.mark.parametrize(("script", "user"), SCRIPTS.items())
def test_what_runs_a_script_names_it(script, user):
    if user is not None:
        assert script in (syllabus.ROOT / user).read_text(encoding="utf-8")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no mode for programs")
@pytest.mark.parametrize("script", [*SCRIPTS, ".ci/fast", ".ci/run"])
def test_a_script_can_be_run(script):
    assert os.access(syllabus.ROOT / script, os.X_OK)


@pytest.mark.parametrize("file", sorted((syllabus.ROOT / ".vscode").glob("*.json")), ids=str)
def test_the_editor_can_read_its_settings(file):
    assert json.loads(file.read_text(encoding="utf-8"))


def test_the_editors_tasks_are_commands_of_the_course(command):
    tasks = json.loads((syllabus.ROOT / ".vscode" / "tasks.json").read_text(encoding="utf-8"))
    used = {argument for task in tasks["tasks"] for argument in task.get("args", [])[:1]}
    assert used >= {"check", "train"}
    assert [name for name in used if command(name, "--help").returncode] == []
