#!/usr/bin/env python3
"""Entry of an Elves app's worker: finds the function that elves-agent asks for, calls it, and reports.

    app-worker.py APP FUNC [BASE64]

Runs in the app's folder. BASE64 is the param; "-" means that its base64 text is on standard input (a program takes no
argument of more than 128 KiB). Two kinds of apps are known:

  worker.py    FUNC is a function of the module. It gets the param as text (bytes if it is not UTF-8).
  {APP}.py     as with the Python SDK of 2017: FUNC is a method of the class {APP} in it. It gets the param decoded
               from JSON ("" when there is none).

Both return (ok, message), or just ok, or just a message. `ok` is True or False, or the text "true" or "false"; a message
is text or bytes. Whatever else comes back is a failure that says what came, because nobody knows whether it was meant as
a yes: None, a number, a dict, three values, a generator. So is a function that raises or calls sys.exit(): the message is
the exception, its traceback goes to standard error.

Only names that do not start with "_" can be asked for. What a function prints goes to standard error, so that it cannot
be taken for the report. Half a surrogate pair in a message is reported as U+FFFD. A function that ends the whole process
(os._exit, a signal) takes the report along: the agent says so.
"""

import base64
import importlib
import os
import reprlib
import sys


class Unknown(Exception):
    """The app has no such module or function."""


class Unloadable(Exception):
    """The app's module cannot be imported."""


def read_param(argument):
    encoded = sys.stdin.buffer.read() if argument == "-" else argument.encode("ascii")
    return base64.b64decode(encoded)


def as_text(param):
    try:
        return param.decode("utf-8")
    except UnicodeDecodeError:
        return param


def as_bytes(message):
    """What is reported: bytes as they are, text as UTF-8."""
    if isinstance(message, (bytes, bytearray, memoryview)):
        return bytes(message)
    text = "" if message is None else str(message)
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:  # surrogates: two that belong together are one character, a lone one is none
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode("utf-8")


def described(error):
    name = type(error).__name__
    try:
        return "%s: %s" % (name, error)
    except BaseException as second:  # noqa: B036, an exception may fail even at saying what it is
        return "%s, whose text cannot be had: it raises %s" % (name, type(second).__name__)


def line_of(error, file):
    """The last line of `file` that took part in `error`; None when it took none."""
    line, step = None, error.__traceback__
    while step:
        if step.tb_frame.f_code.co_filename == file:
            line = step.tb_lineno
        step = step.tb_next
    return line


def load(name):
    file = os.path.join(os.getcwd(), name + ".py")
    try:
        return importlib.import_module(name)
    except Exception as error:
        line = line_of(error, file)
        where = " (%s.py, line %d)" % (name, line) if line else ""  # a SyntaxError says it by itself
        raise Unloadable("%s.py cannot be loaded: %s%s" % (name, described(error), where)) from error


def find(app, func):
    """The function to call, and the one that makes its argument of the param's bytes."""
    plain = os.path.exists("worker.py")
    if not plain:
        import json  # before the app's folder is looked into, where another module may have the name
    sys.path.insert(0, os.getcwd())
    if plain:
        module = owner = load("worker")
        decode = as_text
    elif os.path.exists(app + ".py"):
        module = load(app)
        owner = getattr(module, app)()
        decode = lambda param: json.loads(param) if param else ""  # noqa: E731
    else:
        raise Unknown("app [%s] has neither worker.py nor %s.py" % (app, app))
    function = None if func.startswith("_") else getattr(owner, func, None)
    # What a module has merely imported is none of its functions.
    foreign = owner is module and getattr(function, "__module__", None) != module.__name__
    if not callable(function) or foreign:
        raise Unknown("app [%s] has no function %s" % (app, func))
    return function, decode


def yes_or_no(flag):
    """True or False if that is what `flag` clearly says, else None. Flags of numpy count; numbers do not: 1 is a yes to
    some and an exit status to others."""
    if type(flag).__name__ in ("bool", "bool_"):
        return bool(flag)
    if isinstance(flag, str):
        return {"true": True, "false": False}.get(flag.strip().lower())
    return None


def unclear(returned):
    """The failure that stands for what is neither yes nor no."""
    kind = type(returned).__name__
    hint = ""
    if kind in ("generator", "coroutine", "async_generator"):
        hint = ", so nothing of it has run"
    elif returned is None:
        hint = " (perhaps a return is missing)"
    return False, as_bytes("the function returned %s (%s)%s: it is neither (ok, message), nor ok, nor a message"
                           % (reprlib.repr(returned), kind, hint))


def outcome(returned):
    """(flag, message) from whatever a function returned."""
    if isinstance(returned, (tuple, list)) and len(returned) == 2:
        flag, message = yes_or_no(returned[0]), returned[1]
        return unclear(returned) if flag is None else (flag, as_bytes(message))
    flag = yes_or_no(returned)
    if flag is not None:
        return flag, b""
    if isinstance(returned, (str, bytes, bytearray, memoryview)):
        return True, as_bytes(returned)
    return unclear(returned)


def exited(code):
    """The failure that sys.exit(code) stands for."""
    if isinstance(code, str):
        return False, as_bytes(code)
    return False, as_bytes("the function called sys.exit(%s) instead of returning" % reprlib.repr(code))


def print_traceback(error):
    try:
        sys.__excepthook__(type(error), error, error.__traceback__)
    except BaseException:  # noqa: B036, S110, standard error may be closed; the report is what counts
        pass


def run(app, func, argument):
    try:
        param = read_param(argument)
        function, decode = find(app, func)
        return outcome(function(decode(param)))
    except Unknown as error:
        return False, as_bytes(error)
    except SystemExit as error:
        return exited(error.code)
    except BaseException as error:  # noqa: B036, whatever the app raises is its failure
        print_traceback(error)
        return False, as_bytes(error if isinstance(error, Unloadable) else described(error))


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit("usage: app-worker.py APP FUNC [BASE64]")
    worker = os.getpid()
    report = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    flag, message = run(sys.argv[1], sys.argv[2], sys.argv[3] if len(sys.argv) == 4 else "")
    if os.getpid() != worker:
        return  # a child that the function forked and that came back here: the report is not its to make
    report.write(b"<ElvesWFlag>%s</ElvesWFlag> <ElvesWResult>" % (b"true" if flag else b"false"))
    report.write(message)
    report.write(b"</ElvesWResult>\n")
    report.close()


if __name__ == "__main__":
    main()
