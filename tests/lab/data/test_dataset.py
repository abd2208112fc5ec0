"""The dataset is found in the documented order, described, and sampled."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cifar_lab import data
from cifar_lab.data import cifar10, synthetic

from .batches import ROWS, error_of, make_batch, make_folder, write_batch

pytestmark = pytest.mark.usefixtures("isolated")

# --- locate --------------------------------------------------------------------------------------


def test_no_name_and_no_data_mean_the_synthetic_dataset():
    place = data.locate()
    assert (place.name, place.path) == ("synthetic dataset", None)
    assert data.load().name == "synthetic dataset"


def test_the_folder_that_keras_searches_comes_before_the_one_where_it_unpacks(tmp_path):
    datasets = tmp_path / "keras" / "datasets"
    unpacked = make_folder(datasets / f"{cifar10.FOLDER}-target" / cifar10.FOLDER)
    assert data.locate().path == unpacked
    first = make_folder(datasets / cifar10.FOLDER)
    assert data.locate().path == first
    assert data.load().name == "CIFAR-10"


def test_the_environment_variable_overrides_what_keras_has(tmp_path, monkeypatch, folder):
    make_folder(tmp_path / "keras" / "datasets" / cifar10.FOLDER)
    monkeypatch.setenv("CIFAR_COURSE_DATA", "synthetic")
    assert data.locate().path is None
    monkeypatch.setenv("CIFAR_COURSE_DATA", str(folder))
    assert data.locate().path == folder


def test_the_argument_overrides_the_environment_variable(monkeypatch, folder):
    monkeypatch.setenv("CIFAR_COURSE_DATA", str(folder))
    assert data.locate("synthetic").path is None
    assert data.load("synthetic").name == "synthetic dataset"


def test_a_folder_its_parent_and_the_tarball_hold_the_same_images(folder, tarball):
    sets = [data.load(str(path)) for path in (folder, folder.parent, tarball)]
    for other in sets[1:]:
        for part in ("x_train", "y_train", "x_test", "y_test"):
            np.testing.assert_array_equal(getattr(other, part), getattr(sets[0], part))


def test_locate_reads_no_file(folder):
    (folder / "data_batch_1").write_bytes(b"nonsense")
    assert data.locate(str(folder)).path == folder


def test_importing_the_data_imports_neither_keras_nor_tensorflow():
    code = "import sys, cifar_lab.data; print({'keras', 'tensorflow'} & set(sys.modules))"
    command = [sys.executable, "-c", code]
    root = Path(data.__file__).parents[2]
    seen = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root)
    assert seen.stdout.strip() == "set()"


def test_a_path_that_does_not_exist_is_named(tmp_path):
    message = error_of(tmp_path / "nowhere")
    assert message.startswith(str(tmp_path / "nowhere")) and "no such file or folder" in message


def test_a_wrong_folder_is_named(tmp_path):
    message = error_of(tmp_path)
    assert message.startswith(str(tmp_path)) and "official Python batches" in message


def test_named_data_is_never_replaced_by_other_data(tmp_path, monkeypatch):
    make_folder(tmp_path / "keras" / "datasets" / cifar10.FOLDER)  # not asked for
    monkeypatch.setenv("CIFAR_COURSE_DATA", str(tmp_path / "nowhere"))
    for function in (data.locate, data.load):
        with pytest.raises(data.DataError):
            function()


@pytest.mark.parametrize("place", [cifar10.FOLDER, f"{cifar10.FOLDER}-target/{cifar10.FOLDER}"])
def test_an_incomplete_folder_is_an_error_not_the_synthetic_dataset(tmp_path, place):
    folder = make_folder(tmp_path / "keras" / "datasets" / place)
    (folder / "data_batch_5").unlink()
    with pytest.raises(data.DataError, match="data_batch_5 missing"):
        data.load()


def test_an_unfinished_download_means_the_synthetic_dataset_and_is_reported(tmp_path):
    archive = tmp_path / "keras" / "datasets" / f"{cifar10.FOLDER}-target_archive"
    archive.parent.mkdir(parents=True)
    archive.write_bytes(b"half")
    assert data.load().name == "synthetic dataset"
    assert "only an unfinished download of CIFAR-10" in data.describe()


# --- describe ------------------------------------------------------------------------------------


def test_describe_names_the_data_its_place_and_the_reason(monkeypatch, folder):
    text = data.describe()
    assert "synthetic dataset: 4,000 training and 1,000 test images" in text
    assert "CIFAR_COURSE_DATA is not set" in text and "cifar-course data --download" in text
    monkeypatch.setenv("CIFAR_COURSE_DATA", str(folder))
    text = data.describe()
    assert "CIFAR-10: 100 training and 20 test images" in text and str(folder) in text
    (folder / "test_batch").write_bytes(b"<html>Please log in</html>")
    assert "cannot be used" in data.describe() and "web page" in data.describe()


def test_describe_draws_and_reads_no_images(monkeypatch, folder, tarball):
    """The board shows these lines each time."""

    def refuse(*_, **__):
        raise AssertionError("images were drawn or read")

    monkeypatch.setattr(synthetic, "draw", refuse)
    monkeypatch.setattr(cifar10, "_parse", refuse)
    assert "4,000 training and 1,000 test images, drawn from seed 0" in data.describe()
    for path in (folder, tarball):
        monkeypatch.setenv("CIFAR_COURSE_DATA", str(path))
        assert f"CIFAR-10: 100 training and 20 test images, {path}" in data.describe()


def test_describe_counts_the_images_that_load_returns(monkeypatch, folder):
    for path in ("synthetic", str(folder)):
        monkeypatch.setenv("CIFAR_COURSE_DATA", path)
        loaded = data.load()
        counts = f"{len(loaded.y_train):,} training and {len(loaded.y_test):,} test images"
        assert f"{loaded.name}: {counts}, {loaded.source}" in data.describe()


def test_describe_names_errors_that_files_show(monkeypatch, folder):
    monkeypatch.setenv("CIFAR_COURSE_DATA", str(folder))
    (folder / "test_batch").write_bytes(b"half")
    assert "cannot be used" in data.describe() and "a truncated file" in data.describe()
    (folder / "test_batch").unlink()
    assert "test_batch missing" in data.describe()


def test_describe_finds_every_error_if_it_reads(monkeypatch, folder):
    monkeypatch.setenv("CIFAR_COURSE_DATA", str(folder))
    write_batch(folder / "data_batch_2", {**make_batch(), b"labels": [10] * ROWS})
    assert "cannot be used" not in data.describe()
    assert "row 0 has the label 10" in data.describe(read=True)


# --- sample --------------------------------------------------------------------------------------


def test_a_sample_is_shuffled_and_balanced():
    dataset = data.load("synthetic")
    sample = dataset.sample(205, 30)
    counts = np.bincount(sample.y_train, minlength=10)
    assert counts.sum() == 205 and counts.max() - counts.min() <= 1
    assert np.bincount(sample.y_test).tolist() == [3] * 10
    assert not np.array_equal(sample.x_train, dataset.x_train[:205])
    assert (sample.name, sample.class_names) == (dataset.name, dataset.class_names)


def test_a_sample_keeps_images_with_their_labels_and_repeats_none():
    dataset = data.load("synthetic")
    label_of = {x.tobytes(): y for x, y in zip(dataset.x_train, dataset.y_train, strict=True)}
    sample = dataset.sample(4000, 1000)
    assert {x.tobytes() for x in sample.x_train} == set(label_of)
    for x, y in zip(sample.x_train, sample.y_train, strict=True):
        assert label_of[x.tobytes()] == y


def test_a_sample_follows_its_seed():
    dataset = data.load("synthetic")
    once, again, other = (dataset.sample(50, 20, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(once.x_train, again.x_train)
    np.testing.assert_array_equal(once.x_test, again.x_test)
    assert not np.array_equal(once.x_train, other.x_train)


@pytest.mark.parametrize("counts", [(4001, 10), (10, 1001), (-1, 10)])
def test_a_sample_larger_than_the_dataset_is_refused(counts):
    with pytest.raises(ValueError, match="of the synthetic dataset has"):
        data.load("synthetic").sample(*counts)
