"""The command line of bubblewrap, without bubblewrap; and what is said where it is missing."""

import itertools
from pathlib import Path

import pytest

from cifar_lab.course import stubs, syllabus
from cifar_lab.execution.probe import ALLOWED_ENVIRONMENT
from cifar_lab.sandbox import bubblewrap
from cifar_lab.sandbox.bubblewrap import COURSE, SUBMISSION, NoSandbox
from cifar_lab.sandbox.limits import Limits
from cifar_lab.sandbox.sandbox import Sandbox
from cifar_lab.testing.learner import GradingError

FOLDER = Path("/somewhere/ada")


def command_line(user: int | None = None) -> list[str]:
    return bubblewrap.command_line("/usr/bin/bwrap", FOLDER, user, Limits(tmp=4096), control=7)


def values_of(option: str, count: int) -> list[list[str]]:
    """Return the values after each occurrence of an option with so many values."""
    arguments = command_line()
    places = [place for place, argument in enumerate(arguments) if argument == option]
    return [arguments[place + 1 : place + 1 + count] for place in places]


def test_of_the_course_only_the_execution_folder_is_mounted():
    mounted = {Path(inside): Path(outside) for outside, inside in values_of("--ro-bind", 2)}
    course = {inside for inside in mounted if inside.is_relative_to(COURSE)}
    assert course == {COURSE / "cifar_lab" / "__init__.py", COURSE / "cifar_lab" / "execution"}
    secrets = (syllabus.GRADING_TESTS, stubs.REFERENCE, syllabus.TABLE)
    for outside, secret in itertools.product(mounted.values(), secrets):
        assert not secret.is_relative_to(outside), outside
    assert mounted[SUBMISSION / "cifar_course"] == FOLDER / "cifar_course"


def test_of_a_virtual_environment_only_its_library_is_mounted(tmp_path, monkeypatch):
    """A class beside the library, in the environment's own folder, stays outside."""
    for name in ("bin", "lib", "class/ada", "graded"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "pyvenv.cfg").touch()
    monkeypatch.setattr(bubblewrap.sys, "prefix", str(tmp_path))
    mounted = {Path(inside) for _, inside in values_of("--ro-bind", 2)}
    below = {path.name for path in mounted if path.is_relative_to(tmp_path)}
    assert below == {"bin", "lib", "pyvenv.cfg"} and tmp_path not in mounted


def test_a_class_where_submissions_can_read_is_refused(tmp_path, monkeypatch):
    (tmp_path / "lib" / "class").mkdir(parents=True)
    monkeypatch.setattr(bubblewrap.sys, "prefix", str(tmp_path))
    bubblewrap.refuse_readable({"FOLDER": tmp_path / "class"})
    for path in (tmp_path / "lib" / "class", tmp_path / "lib", Path("/usr/local/class")):
        with pytest.raises(GradingError, match=r"OUT \(.*\) lies in .*; move it"):
            bubblewrap.refuse_readable({"OUT": path})


def test_nothing_but_tmp_can_be_written():
    assert not values_of("--bind", 2) and not values_of("--dev-bind", 2)
    assert values_of("--tmpfs", 1) == [["/tmp"]] and values_of("--size", 1) == [["4096"]]
    assert values_of("--remount-ro", 1) == [["/dev"], ["/"]]


def test_the_sandbox_has_no_network_and_sees_only_its_own_processes():
    assert {"--unshare-net", "--unshare-pid", "--unshare-ipc"} <= set(command_line())


def test_the_probe_knows_every_environment_variable():
    assert set(bubblewrap.environment()) <= ALLOWED_ENVIRONMENT
    assert values_of("--setenv", 2) == [list(one) for one in bubblewrap.environment().items()]


def test_the_server_gets_its_socket_and_the_submission():
    arguments = command_line()
    server = arguments[arguments.index("cifar_lab.execution.server") + 1 :]
    assert server == ["7", str(SUBMISSION), *syllabus.modules()]


def test_a_grader_who_is_root_runs_the_server_as_another_user():
    arguments = command_line(user=61_003)
    after = arguments[arguments.index("--") + 1 :]
    assert "--reuid=61003" in after and "--no-new-privs" in after
    assert "--unshare-user" not in arguments
    assert "--unshare-user" in command_line() and "setpriv" not in " ".join(command_line())


# --- machines where it does not work --------------------------------------------------------------


def test_without_bubblewrap_no_sandbox_is_built(submission_with, monkeypatch):
    monkeypatch.setattr(bubblewrap.shutil, "which", lambda name: None)
    with pytest.raises(NoSandbox, match=r"Install your system's package `bubblewrap`"):
        Sandbox(submission_with())


def test_a_restriction_by_apparmor_is_named_with_its_remedy(submission_with, monkeypatch, tmp_path):
    monkeypatch.setattr(bubblewrap.os, "getuid", lambda: 1000)
    (tmp_path / "restricted").write_text("1\n")
    (tmp_path / "bwrap").write_text("#!/bin/sh\necho bwrap: setting up uid map >&2; exit 1\n")
    (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.setattr(bubblewrap, "APPARMOR_SETTING", tmp_path / "restricted")
    monkeypatch.setattr(bubblewrap.shutil, "which", lambda name: str(tmp_path / name))
    with pytest.raises(NoSandbox, match=r"(?s)uid map.*bwrap-userns-restrict"):
        Sandbox(submission_with())
    (tmp_path / "restricted").write_text("0\n")
    with pytest.raises(GradingError, match="uid map") as caught:
        Sandbox(submission_with())
    assert not isinstance(caught.value, NoSandbox)
