"""One name for each setting: field, option of pytest, key in JSON."""

import json
from types import SimpleNamespace

import pytest

from cifar_lab.testing import plugin
from cifar_lab.testing.options import GradingOptions

EVERY = GradingOptions(
    exercise=("normalization.one_hot", "cnn"),
    sandbox=True,
    unprivileged_user=True,
    hidden="own tests",
    secret="a b",
    seconds=2.5,
    grading_seed=7,
)
OPTIONS = pytest.mark.parametrize("options", [EVERY, GradingOptions()], ids=["all", "none"])


def test_every_field_is_set():
    fields = vars(EVERY).items()
    assert all(value != getattr(GradingOptions(), name) for name, value in fields)


@OPTIONS
def test_pytest_reads_the_arguments_back(options):
    parser = pytest.Parser(_ispytest=True)
    plugin.pytest_addoption(parser, pytest.PytestPluginManager())
    given = parser.parse(options.to_arguments())
    config = SimpleNamespace(getoption=lambda name: getattr(given, name))
    assert GradingOptions.from_config(config) == options


@OPTIONS
def test_json_keeps_every_field(options):
    assert GradingOptions.from_json(json.loads(json.dumps(options.to_json()))) == options
