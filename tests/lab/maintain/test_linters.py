"""`maintain check` shows what ruff, typos and zizmor find, and says how to install them."""

import shutil
import sysconfig

import pytest

from cifar_lab.course import syllabus
from cifar_lab.maintain import linters

BRITISH = "colo" + "ur"  # so that typos does not find it here
needs_linters = pytest.mark.skipif(
    not (linters.program("ruff") and linters.program("typos")),
    reason="ruff or typos is not installed",
)


@pytest.fixture
def folder(tmp_path):
    """Copy the linters' settings to an empty folder."""
    shutil.copy(syllabus.ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def write(folder, text):
    (folder / "module.py").write_text(text, encoding="utf-8")


@needs_linters
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('"""Return one."""\n\nimport os\n', "F401"),
        ('"""Return one."""\n\nx =  1\n', "File would be reformatted"),
        (f'"""Return a {BRITISH}."""\n', f"`{BRITISH}` should be `color`"),
        ('def f():\n    """Returns one."""\n', "D401"),
        ('def f():\n    """Return one"""\n', "D400"),
        ('def f():\n    """\n    Return one.\n    """\n', "D200"),
    ],
)
def test_each_linter_reports(folder, text, found):
    write(folder, text)
    assert any(found in line for line in linters.problems(folder)), linters.problems(folder)


@pytest.mark.skipif(not linters.program("zizmor"), reason="zizmor is not installed")
def test_a_workflow_that_runs_text_of_strangers_is_reported(folder):
    workflows = folder / ".github" / "workflows"
    workflows.mkdir(parents=True)
    (workflows / "ci.yml").write_text(
        "on: issues\npermissions: {}\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n"
        "      - run: echo ${{ github.event.issue.title }}\n",
        encoding="utf-8",
    )
    assert any("template-injection" in line for line in linters.problems(folder))


@needs_linters
def test_clean_code_has_no_problems(folder):
    write(folder, '"""Return what Ba et al. propose."""\n')
    assert linters.problems(folder) == []


def test_a_missing_linter_is_named_with_the_command_that_installs_it(folder, monkeypatch):
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(folder))
    monkeypatch.setenv("PATH", str(folder))
    assert set(linters.problems(folder)) == {
        'ruff is not installed: python -m pip install -c constraints.txt -e ".[dev]"',
        'typos is not installed: python -m pip install -c constraints.txt -e ".[dev]"',
    }
