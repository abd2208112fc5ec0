"""`cifar-course watch` in a terminal: real keys, real saves."""

import codecs
import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

import pytest

from cifar_lab.course import stubs
from cifar_lab.learning.editor import command as editor_command

WATCH = [sys.executable, "-m", "cifar_lab.cli", "watch"]
STUCK = 60  # seconds without any output after which a test gives up
STYLE = re.compile(r"\x1b\[[0-9;]*m")
RIGHT = """
def channel_statistics(images):
    over = (0, 1, 2)
    return images.mean(over, dtype=np.float64), images.std(over, dtype=np.float64)
"""
WRONG = RIGHT.replace("(0, 1, 2)", "(0, 1)")
ENDLESS = "\ndef channel_statistics(images):\n    while True:\n        pass\n"


class Terminal:
    """A `watch` in a terminal of its own."""

    def __init__(self, folder, *arguments, environment=None):
        self.file = folder / "cifar_course" / "normalization.py"
        self.keyboard, self.screen_end = pty.openpty()
        self.before = termios.tcgetattr(self.screen_end)
        self.resize(24, 300)  # no line is wrapped, however long the folder's name
        # pytest-xdist sets a width, which would count for more than the terminal's
        surroundings = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}
        self.process = subprocess.Popen(
            [*WATCH, *arguments],
            cwd=folder,
            env={**surroundings, "TERM": "xterm", **(environment or {})},
            stdin=self.screen_end,
            stdout=self.screen_end,
            stderr=self.screen_end,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        self.decoder = codecs.getincrementaldecoder("utf-8")()
        self.shown = ""

    def resize(self, rows, columns):
        fcntl.ioctl(self.screen_end, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def until(self, text):
        """Read until `text` is shown; return all since the last time."""
        pattern = re.compile(r"\s+".join(map(re.escape, text.split(" "))))  # lines are wrapped
        while not (found := pattern.search(self.shown)):
            ready, _, _ = select.select([self.keyboard], [], [], STUCK)
            if not ready:
                raise AssertionError(f"{text!r} is not shown, but {self.shown!r}")
            found = self.decoder.decode(os.read(self.keyboard, 65536))
            self.shown += STYLE.sub("", found).replace("\r\n", "\n")
        passed, self.shown = self.shown[: found.end()], self.shown[found.end() :]
        return passed

    def press(self, keys):
        os.write(self.keyboard, keys.encode())

    def save(self, *answers):
        self.file.write_text(stubs.stub("normalization") + "\n".join(answers), encoding="utf-8")

    def wait_for_keys(self):
        """Wait until the terminal passes on single keys."""
        while termios.tcgetattr(self.screen_end)[3] & termios.ICANON:
            time.sleep(0.02)

    def quit(self):
        self.press("q")
        return self.process.wait()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.keyboard)
        os.close(self.screen_end)


@pytest.fixture
def watch(empty):
    """Return a function that starts `watch` on stubs, in a terminal."""
    with contextlib.ExitStack() as stack:

        def start(*arguments, **settings):
            terminal = Terminal(empty, *arguments, **settings)
            stack.callback(terminal.close)
            terminal.until("cifar_course: a save is judged at once.")
            return terminal

        yield start


def test_a_save_is_judged_and_the_next_exercise_follows_when_it_passes(watch):
    terminal = watch("1")
    terminal.until("channel_statistics: not written")
    terminal.save(WRONG)
    terminal.until("channel_statistics: failed")
    assert "Expected" in terminal.until("More: press h")
    terminal.save(RIGHT)
    terminal.until("channel_statistics: passed")
    terminal.until("normalization.standardize: not written")
    assert terminal.quit() == 0


def test_it_begins_with_the_first_exercise_that_has_not_passed(watch, empty, command):
    file = empty / "cifar_course" / "normalization.py"
    file.write_text(stubs.stub("normalization") + RIGHT, encoding="utf-8")
    command("check", "channel_statistics", cwd=empty)
    assert "channel_statistics" not in watch("1").until("normalization.standardize: not written")


def test_keys(watch):
    terminal = watch("1")
    terminal.until("channel_statistics: not written")
    terminal.press("h")
    terminal.until("Hint 2 of 3:")
    terminal.press("n")
    terminal.until("normalization.standardize: not written")
    terminal.press("p")
    terminal.until("normalization.channel_statistics: not written")
    terminal.press("l")
    terminal.until("of 100 points")
    terminal.save(WRONG)
    terminal.until("channel_statistics: failed")
    terminal.press("r")
    terminal.until("channel_statistics: failed")
    assert terminal.quit() == 0
    assert termios.tcgetattr(terminal.screen_end) == terminal.before


def test_reset_asks_first_and_keeps_the_answer(watch):
    terminal = watch("1")
    terminal.save(WRONG)
    terminal.until("channel_statistics: failed")
    terminal.press("x")
    terminal.until("Any other key: no.")
    terminal.press("h")
    terminal.until("Hint 2 of 3:")
    assert WRONG in terminal.file.read_text(encoding="utf-8")
    terminal.press("x")
    terminal.until("Any other key: no.")
    terminal.press("x")
    terminal.until("Your answer is kept in")
    terminal.until("channel_statistics: not written")
    (backup,) = (terminal.file.parents[1] / ".cifar-course" / "backups").iterdir()
    assert WRONG in backup.read_text(encoding="utf-8")


def test_open_lends_the_terminal_to_the_editor(watch, tmp_path):
    """It gets the line of the exercise, and keys; afterwards they are watch's again."""
    script = tmp_path / "vim"
    script.write_text('#!/bin/sh\necho "edits $1 $2"\nread line\necho "typed $line"\n')
    script.chmod(0o755)
    terminal = watch("1", environment={"EDITOR": str(script), "VISUAL": ""})
    terminal.until("channel_statistics: not written")
    line = 1 + stubs.stub("normalization").splitlines().index(
        next(t for t in stubs.stub("normalization").splitlines() if "def channel_st" in t)
    )
    terminal.press("o")
    terminal.until(f"edits +{line} {terminal.file}")
    terminal.press("hello\n")
    terminal.until("typed hello")
    terminal.wait_for_keys()
    terminal.press("h")
    terminal.until("Hint 2 of 3:")


def test_without_an_editor_it_names_the_file(watch):
    terminal = watch("1", environment={"EDITOR": "", "VISUAL": ""})
    terminal.until("channel_statistics: not written")
    terminal.press("o")
    assert "set EDITOR" in terminal.until("normalization.py, line")


def test_it_survives_what_editors_do_to_a_file(watch):
    terminal = watch("1")
    terminal.until("channel_statistics: not written")
    terminal.file.write_text("def channel_statistics(", encoding="utf-8")  # half of it
    terminal.until("SyntaxError")
    terminal.save(WRONG)
    terminal.until("channel_statistics: failed")
    terminal.file.unlink()
    terminal.until("there is no cifar_course/normalization.py")
    new = terminal.file.with_suffix(".new")
    new.write_text(stubs.stub("normalization") + RIGHT, encoding="utf-8")
    new.replace(terminal.file)
    terminal.until("channel_statistics: passed")
    terminal.until("normalization.standardize: not written")


def test_a_second_save_of_the_same_is_not_judged(watch):
    terminal = watch("1")
    terminal.save(WRONG)
    terminal.until("channel_statistics: failed")
    terminal.until("press h\n")
    terminal.save(WRONG)
    os.utime(terminal.file, (1, 1))
    terminal.save("", "")
    between = terminal.until("channel_statistics: not written")
    assert "failed" not in between


def test_the_next_save_ends_an_endless_loop(watch):
    terminal = watch("1")
    terminal.save(ENDLESS)
    terminal.until("judging ...")
    terminal.save(RIGHT)
    terminal.until("channel_statistics: passed")


def test_a_time_limit(watch):
    terminal = watch("1", "--seconds", "1")
    terminal.save(ENDLESS)
    text = " ".join(terminal.until("while True:").split())
    assert "stopped after 1 s in normalization.py, line" in text


def test_a_terminal_that_is_resized(watch):
    terminal = watch("1")
    terminal.until("channel_statistics: not written")
    terminal.resize(10, 50)
    terminal.process.send_signal(signal.SIGWINCH)
    terminal.save(WRONG)
    terminal.until("failed")
    lines = terminal.until("press h").splitlines()
    assert max(map(len, lines)) <= 50


def test_ctrl_c_leaves_the_terminal_as_it_was(watch):
    terminal = watch("1")
    terminal.save(ENDLESS)
    terminal.until("judging ...")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.process.wait() == 130
    assert termios.tcgetattr(terminal.screen_end) == terminal.before
    assert "Traceback" not in terminal.shown


def test_without_a_keyboard_it_only_watches(empty):
    process = subprocess.Popen(
        [*WATCH, "1"],
        cwd=empty,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    lines = iter(process.stdout)
    assert any("No keyboard here" in line for line in lines)
    assert any("channel_statistics: not written" in line for line in lines)
    file = empty / "cifar_course" / "normalization.py"
    file.write_text(stubs.stub("normalization") + RIGHT, encoding="utf-8")
    assert any("channel_statistics: passed" in line for line in lines)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode == 130, out + err


@pytest.mark.parametrize(
    ("editor", "arguments"),
    [
        ("vim", ["vim", "+7", "a.py"]),
        ("/usr/bin/nano -w", ["/usr/bin/nano", "-w", "+7", "a.py"]),
        ("code --wait", ["code", "--wait", "--goto", "a.py:7"]),
        ("gedit", ["gedit", "a.py"]),
    ],
)
def test_an_editor_gets_the_line_if_it_takes_one(editor, arguments):
    assert editor_command(editor, "a.py", 7) == arguments


def test_an_unknown_name_is_status_2(empty, command):
    done = command("watch", "nonsense", cwd=empty)
    assert done.returncode == 2 and "there is no exercise or lesson" in done.stderr
