"""The course's addresses: each copy names the account that pyproject.toml names."""

import shutil

import pytest

from cifar_lab.course import syllabus
from cifar_lab.publishing import addresses


@pytest.fixture
def published(tmp_path):
    """Copy pyproject.toml to a folder with a page that holds an address of each kind."""
    shutil.copy(syllabus.ROOT / "pyproject.toml", tmp_path)
    right = addresses.account()
    page = tmp_path / "README.md"
    page.write_text(
        f"https://github.com/{right}/cifar-course/actions\n"
        f"https://colab.research.google.com/github/{right}/cifar-course/blob/main\n"
        f"https://mybinder.org/v2/gh/{right}/cifar-course/HEAD\n"
        f"https://codespaces.new/{right}/cifar-course\n"
        f"https://{right}.github.io/cifar-course/\n"
        "https://github.com/somebody/another-course\n",
        encoding="utf-8",
    )
    return tmp_path


def test_every_copy_here_is_right():
    assert addresses.problems() == []


def test_the_badges_are_among_the_copies():
    text = (syllabus.ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert addresses.ACCOUNT.findall(text) == [addresses.account()] * 2


def test_a_copy_that_differs_is_named_and_rewritten(published):
    page = published / "README.md"
    right = page.read_text(encoding="utf-8")
    page.write_text(right.replace(addresses.account(), "ada"), encoding="utf-8")
    found = addresses.problems(published)
    assert len(found) == 5 and found[0].startswith("README.md:1: the address names ada")
    assert addresses.rewrite(published) == [page]
    assert page.read_text(encoding="utf-8") == right
    assert addresses.problems(published) == []


def test_two_accounts_in_the_settings_are_an_error(published):
    settings = published / "pyproject.toml"
    text = settings.read_text(encoding="utf-8")
    repository = addresses.repository(published)
    other = repository.replace(addresses.account(), "ada")
    settings.write_text(text.replace(repository, other), encoding="utf-8")
    with pytest.raises(addresses.AddressError, match="it must name one"):
        addresses.problems(published)
