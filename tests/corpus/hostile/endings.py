# Code that ends its process, or never ends. tests/lab/sandbox/test_hostile.py explains the lines under
# a title.

# %% the process ends at import
# earns: 0
# failures: crash
import os
os._exit(0)


# %% the process ends at the call
# judges: normalization.standardize, normalization.one_hot
# earns: 2
# failures: crash
import os

def attack():
    os._exit(0)


# %% exit at import
# earns: 0
# failures: exception
raise SystemExit(0)


# %% exit at the call
# earns: 0
# failures: exception
def attack():
    exit(0)


# %% an atexit function writes a verdict
# earns: 0
import atexit
from pathlib import Path
atexit.register(lambda: Path("@OUTSIDE@/results.json").write_text('{"score": 100}'))

def attack():
    pass


# %% abort
# earns: 0
# failures: crash
import os

def attack():
    os.abort()


# %% a segmentation fault
# earns: 0
# failures: crash
import ctypes

def attack():
    ctypes.string_at(0)


# %% endless recursion
# earns: 0
# failures: exception
def attack():
    return attack()


# %% recursion deeper than the stack
# earns: 0
# failures: crash
import sys
sys.setrecursionlimit(10**9)

def down(number):
    return sorted([number], key=down)

def attack():
    return down(0)


# %% Ctrl-C at import
# earns: 0
# failures: exception
raise KeyboardInterrupt


# %% Ctrl-C at the call
# judges: normalization.standardize, normalization.one_hot
# earns: 2
# failures: exception
def attack():
    raise KeyboardInterrupt


# %% Ctrl-C from another thread, a moment later
# earns: 0
# failures: crash, exception
import _thread, threading

def attack():
    threading.Timer(0.05, _thread.interrupt_main).start()
    while True:
        pass


# %% GeneratorExit
# earns: 0
# failures: exception
def attack():
    raise GeneratorExit


# %% an exception outside Exception
# earns: 0
# failures: exception
class Out(BaseException):
    pass

def attack():
    raise Out("passed")


# %% it kills itself
# earns: 0
# failures: killed
import os, signal

def attack():
    os.kill(os.getpid(), signal.SIGKILL)


# %% it sends itself SIGTERM
# earns: 0
# failures: killed
import os, signal

def attack():
    os.kill(os.getpid(), signal.SIGTERM)


# %% it stops itself
# earns: 0
# failures: timeout
# seconds: 2
import os, signal

def attack():
    os.kill(os.getpid(), signal.SIGSTOP)


# %% a loop at import
# earns: 0
# failures: timeout
# seconds: 2
while True:
    pass


# %% a loop at the call
# judges: normalization.standardize, normalization.one_hot
# earns: 2
# failures: timeout
# seconds: 4
def attack():
    while True:
        pass


# %% a loop that no signal ends
# earns: 0
# failures: timeout
# seconds: 2
import signal
for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, signal.SIG_IGN)

def attack():
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass


# %% a deadlock at import
# earns: 0
# failures: timeout
# seconds: 2
import threading
lock = threading.Lock()
lock.acquire()
lock.acquire()


# %% two threads in a deadlock
# earns: 0
# failures: timeout
# seconds: 2
import threading, time
one, other = threading.Lock(), threading.Lock()

def take(first, second):
    with first:
        time.sleep(0.1)
        with second:
            pass

def attack():
    threading.Thread(target=take, args=(one, other)).start()
    take(other, one)


# %% a watchdog ends the process
# earns: 0
# failures: crash
import faulthandler, time

def attack():
    faulthandler.dump_traceback_later(0.2, exit=True)
    time.sleep(60)


# %% an exception whose message raises
# earns: 0
# failures: exception
class Odd(Exception):
    def __str__(self):
        raise SystemExit
    __repr__ = __str__

def attack():
    raise Odd


# %% an exception whose message never ends
# earns: 0
# failures: timeout
# seconds: 2
class Odd(Exception):
    def __str__(self):
        while True:
            pass

def attack():
    raise Odd


# %% an exception with a giant message
# earns: 0
# failures: exception
def attack():
    raise ValueError("x" * 200_000_000)


# %% an exception with a broken metaclass
# earns: 0
# failures: exception
class Meta(type):
    @property
    def __mro__(cls):
        raise RuntimeError
    __name__ = property(lambda cls: 1 / 0)

class Odd(Exception, metaclass=Meta):
    __class__ = property(lambda self: KeyboardInterrupt)

def attack():
    raise Odd


# %% an exception with terminal codes and a lone surrogate
# earns: 0
# failures: exception
def attack():
    raise ValueError("\x1b[2J\x1b]0;passed\x07 \ud800 \x00 <script>alert(1)</script>")


# %% an exception with a stub's message
# earns: 0
def attack():
    raise NotImplementedError("normalization.one_hot is not written yet: see lesson 1")


# %% exceptions that cause each other
# earns: 0
# failures: exception
def attack():
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first
    first.__context__, second.__context__ = second, first
    raise first


# %% a forged syntax error
# earns: 0
# failures: exception
def attack():
    raise SyntaxError("no", ("/submission/cifar_course/normalization.py", "x", [], {}))


# %% a list as a line number
# earns: 0
# failures: exception
def attack():
    error = SyntaxError("no")
    error.filename, error.lineno, error.text = "/submission/cifar_course/normalization.py", [[]], 7
    raise error
