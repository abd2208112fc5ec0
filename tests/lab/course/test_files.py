"""Files are written whole, replace plain files alone, and keep their permissions."""

import os
import stat
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from cifar_lab.course.files import NotWritten, write_whole

POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")


def test_a_new_file_has_the_usual_permissions_and_no_part_is_left(tmp_path):
    usual = tmp_path / "usual"
    usual.touch()
    write_whole(tmp_path / "new", "é\n")
    assert (tmp_path / "new").read_bytes() == "é\n".encode()
    assert (tmp_path / "new").stat().st_mode == usual.stat().st_mode
    assert {file.name for file in tmp_path.iterdir()} == {"usual", "new"}


@POSIX
def test_an_existing_file_keeps_its_permissions(tmp_path):
    file = tmp_path / "grades"
    file.write_text("old", encoding="utf-8")
    file.chmod(0o640)
    write_whole(file, "new")
    assert file.read_text(encoding="utf-8") == "new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


@POSIX
@pytest.mark.parametrize("exists", [True, False])
def test_a_link_stays_and_its_target_is_written(tmp_path, exists):
    target, link = tmp_path / "there" / "file", tmp_path / "link"
    target.parent.mkdir()
    if exists:
        target.write_text("old", encoding="utf-8")
    link.symlink_to(target)
    write_whole(link, "new")
    assert link.is_symlink() and target.read_text(encoding="utf-8") == "new"


@POSIX
def test_a_fifo_is_written_to(tmp_path):
    fifo, read = tmp_path / "fifo", []
    os.mkfifo(fifo)
    reader = threading.Thread(target=lambda: read.append(fifo.read_bytes()), daemon=True)
    reader.start()
    write_whole(fifo, "all of it")
    reader.join(timeout=30)
    assert read == [b"all of it"] and stat.S_ISFIFO(fifo.stat().st_mode)


@POSIX
def test_check_and_pack_write_to_a_device_and_leave_it(empty, command, tmp_path):
    """Root may replace a device by a file; on the real /dev that would damage the machine."""
    device = tmp_path / "null"
    try:
        os.mknod(device, stat.S_IFCHR | 0o666, os.makedev(1, 3))
        device.write_bytes(b"")
    except PermissionError:
        pytest.skip("this user or this disk has no device nodes")
    for arguments in (("check", "normalization.one_hot", "--json", device), ("pack", device)):
        done = command(*arguments, cwd=empty)
        assert done.returncode < 2, done.stderr
        assert stat.S_ISCHR(device.stat().st_mode)


@POSIX
def test_verdicts_go_to_a_standard_stream_by_its_path(empty, command, tmp_path):
    """Also into the file that it is redirected to, after what was printed before."""
    link = tmp_path / "stdout"
    link.symlink_to("/proc/self/fd/1")
    if not Path("/proc/self/fd/1").exists():
        pytest.skip("this system has no /proc")
    arguments = ("check", "normalization.one_hot", "--json", link, "--submission", empty)
    through_a_pipe = command(*arguments).stdout
    shown = tmp_path / "shown"
    with shown.open("w") as out:
        line = [sys.executable, "-m", "cifar_lab.cli", *map(str, arguments)]
        subprocess.run(line, stdout=out)
    for text in (through_a_pipe, shown.read_text(encoding="utf-8")):
        assert text.startswith("Judged: ") and text.endswith("}\n")
    assert link.is_symlink()


def test_a_refusal_names_the_file_and_leaves_nothing_behind(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    for file in (folder, tmp_path / "no" / "file"):
        with pytest.raises(NotWritten, match="was not written: ") as refused:
            write_whole(file, "text")
        assert str(refused.value).startswith(str(file))
    assert list(tmp_path.iterdir()) == [folder]


def test_pack_replaces_an_older_pack(empty, command, tmp_path):
    out = tmp_path / "submission.zip"
    out.write_text("old", encoding="utf-8")
    assert command("pack", out, cwd=empty).returncode == 0
    with zipfile.ZipFile(out) as archive:
        assert archive.testzip() is None
