#!/usr/bin/env python3
"""Entry of an Elves app's worker: finds the function that elves-agent asks for, calls it, and reports.

    app-worker.py APP FUNC [BASE64]

Runs in the app's folder. BASE64 is the param; "-" means that its base64 text is on standard input (a program takes no
argument of more than 128 KiB). Two kinds of apps are known:

  worker.py    FUNC is a function of the module. It gets the param as text (bytes if it is not UTF-8) and
               returns (ok, message), or just ok, or just a message (str or bytes).
  {APP}.py     as with the Python SDK of 2017: FUNC is a method of the class {APP} in it. It gets the param decoded
               from JSON ("" when there is none) and returns (flag, message); flag may be "true" or "false".

A function that raises has failed: the message is the exception, its traceback goes to standard error. Only names
that do not start with "_" can be asked for. What a function prints goes to standard error, so that it cannot be
taken for the report.
"""

import base64
import importlib
import os
import sys


class Unknown(Exception):
    """The app has no such module or function."""


def read_param(argument):
    encoded = sys.stdin.buffer.read() if argument == "-" else argument.encode("ascii")
    return base64.b64decode(encoded)


def as_text(param):
    try:
        return param.decode("utf-8")
    except UnicodeDecodeError:
        return param


def as_json(param):
    import json  # here, because most workers start faster without it

    return json.loads(param) if param else ""


def find(app, func):
    """The function to call, and the one that makes its argument of the param's bytes."""
    sys.path.insert(0, os.getcwd())
    if os.path.exists("worker.py"):
        owner = importlib.import_module("worker")
        module, decode = owner, as_text
    elif os.path.exists(app + ".py"):
        module = importlib.import_module(app)
        owner = getattr(module, app)()
        decode = as_json
    else:
        raise Unknown("app [%s] has neither worker.py nor %s.py" % (app, app))
    function = None if func.startswith("_") else getattr(owner, func, None)
    # What a module has merely imported is none of its functions.
    foreign = owner is module and getattr(function, "__module__", None) != module.__name__
    if not callable(function) or foreign:
        raise Unknown("app [%s] has no function %s" % (app, func))
    return function, decode


def outcome(returned):
    """(flag, message) from whatever a function returned."""
    if isinstance(returned, tuple) and len(returned) == 2:
        flag, message = returned
    elif isinstance(returned, bool) or returned is None:
        flag, message = returned is not False, ""
    else:
        flag, message = True, returned
    if isinstance(flag, str):
        flag = flag.strip().lower() == "true"
    return bool(flag), message if isinstance(message, bytes) else str(message).encode("utf-8", "surrogateescape")


def run(app, func, argument):
    try:
        function, decode = find(app, func)
        return outcome(function(decode(read_param(argument))))
    except Unknown as error:
        return False, str(error).encode()
    except Exception as error:  # whatever the app raises is its failure
        import traceback

        traceback.print_exc()
        return False, ("%s: %s" % (type(error).__name__, error)).encode("utf-8", "replace")


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit("usage: app-worker.py APP FUNC [BASE64]")
    report = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    flag, message = run(sys.argv[1], sys.argv[2], sys.argv[3] if len(sys.argv) == 4 else "")
    report.write(b"<ElvesWFlag>%s</ElvesWFlag> <ElvesWResult>" % (b"true" if flag else b"false"))
    report.write(message)
    report.write(b"</ElvesWResult>\n")
    report.close()


if __name__ == "__main__":
    main()
