"""Corpus files are read as cells."""

from cifar_lab.quality import corpus
from cifar_lab.quality.corpus import Cell

TEXT = """\
# A comment about the file.

# %% one: two
# key: value, another
# more: yes
code
# late: no setting

# %% only a title
"""


def test_cells_have_titles_settings_and_text(tmp_path):
    (tmp_path / "some.py").write_text(TEXT, encoding="utf-8")
    settings = {"key": "value, another", "more": "yes"}
    assert [*corpus.cells(tmp_path)] == [
        Cell("some", "one: two", settings, "code\n# late: no setting\n\n"),
        Cell("some", "only a title", {}, ""),
    ]
