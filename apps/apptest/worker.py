"""The sample app: one function for each way that a job can end.

A function takes the param as text and returns (ok, message).
"""

import os
import signal
import time


def hello(param):
    return True, "hello %s" % (param or "world")


def fail(param):
    return False, "failed as asked: %s" % param


def sleep(param):
    """Takes `param` seconds."""
    seconds = float(param or 1)
    time.sleep(seconds)
    return True, "slept %g s" % seconds


def big(param):
    """Answers with `param` bytes."""
    return True, "x" * int(param or 1024)


def crash(param):
    """Dies: of an exception when param is "exception", else of a signal."""
    if param == "exception":
        raise RuntimeError("crashed as asked")
    os.kill(os.getpid(), signal.SIGKILL)
