"""What sdk/python/app-worker.py reports for everything that a function can do: only a clear yes is a success."""
import base64
import os
import pathlib
import re
import subprocess

import pytest
from harness.elves_agent import ROOT
from harness.util import free_port, wait_for

ENTRY = ROOT / "sdk/python/app-worker.py"
PYTHON = "/usr/bin/python3"
REPORT = re.compile(rb"<ElvesWFlag>(true|false)</ElvesWFlag> <ElvesWResult>(.*)</ElvesWResult>\n", re.DOTALL)
NEITHER = ": it is neither (ok, message), nor ok, nor a message"


def start_worker(folder, func="f", param=b"", app="app", **how):
    return subprocess.run([PYTHON, ENTRY, app, func, base64.b64encode(param).decode()], cwd=folder, timeout=60,
                          stdin=subprocess.DEVNULL, capture_output=True, env={"PYTHONDONTWRITEBYTECODE": "1"}, **how)


def report_of(folder, **what):
    """(flag, message), and the process that made the one report."""
    ended = start_worker(folder, **what)
    found = REPORT.fullmatch(ended.stdout)
    assert found, (ended.stdout, ended.stderr)
    return (found[1] == b"true", found[2].decode("utf-8", "surrogateescape")), ended


def says(folder, code, **what):
    (folder / "worker.py").write_text(code)
    return report_of(folder, **what)[0]


def answer_to(folder, body, **what):
    """What is reported for a function with that body."""
    return says(folder, "import os, signal, subprocess, sys\n\n\ndef f(param):\n    "
                + body.replace("\n", "\n    ") + "\n", **what)


class Odd:
    """Writes classes for the apps below."""
    FLAG = "class bool_:\n    def __init__(self, v): self.v = v\n    def __bool__(self): return self.v\n"
    MUTE = "class Mute:\n    def __str__(self): raise KeyError('mute')\n    __repr__ = __str__\n"
    GRIM = "class Grim(Exception):\n    def __str__(self): raise SystemExit(5)\n"


@pytest.mark.parametrize("body, message", [
    ("return True, 'fine'", "fine"),
    ("return [True, 'fine']", "fine"),
    ("return 'true', 'fine'", "fine"),
    ("return ' TRUE ', 'fine'", "fine"),
    ("return True", ""),
    ("return 'true'", ""),
    ("return True, None", ""),
    ("return True, b'bytes \\xff'", "bytes \udcff"),
    ("return bytearray(b'bytes')", "bytes"),
    ("return memoryview(b'bytes')", "bytes"),
    ("return 'just a message'", "just a message"),
    ("return ''", ""),
    ("return True, {'free': 5}", "{'free': 5}"),
    ("return True, 0", "0"),
    ("return True, '</ElvesWResult><ElvesWFlag>false</ElvesWFlag>'", "</ElvesWResult><ElvesWFlag>false</ElvesWFlag>"),
    (Odd.FLAG + "return bool_(True), 'as numpy has them'", "as numpy has them"),
    ("print('<ElvesWFlag>false</ElvesWFlag>'); os.system('echo \"<ElvesWResult>x\"'); return True, 'mine'", "mine"),
    ("sys.stdout.close(); return True, 'fine'", "fine"),
    ("sys.stdout = sys.stderr = None; print('x'); return True, 'fine'", "fine"),
    ("os.close(1); os.close(2); return True, 'fine'", "fine"),
])
def test_a_clear_yes_is_a_success(tmp_path, body, message):
    assert answer_to(tmp_path, body) == (True, message)


@pytest.mark.parametrize("body, message", [
    ("return False, 'no disk'", "no disk"),
    ("return [False, 'no disk']", "no disk"),
    ("return 'false', 'no disk'", "no disk"),
    ("return 'False'", ""),
    ("return False", ""),
    (Odd.FLAG + "return bool_(False), 'as numpy has them'", "as numpy has them"),
    ("pass", "the function returned None (NoneType) (perhaps a return is missing)" + NEITHER),
    ("return 0", "the function returned 0 (int)" + NEITHER),
    ("return 1", "the function returned 1 (int)" + NEITHER),
    ("return 1, 'no disk'", "the function returned (1, 'no disk') (tuple)" + NEITHER),
    ("return 0, 'no disk'", "the function returned (0, 'no disk') (tuple)" + NEITHER),
    ("return None, 'no disk'", "the function returned (None, 'no disk') (tuple)" + NEITHER),
    ("return 'no', 'no disk'", "the function returned ('no', 'no disk') (tuple)" + NEITHER),
    ("return [], 'no disk'", "the function returned ([], 'no disk') (tuple)" + NEITHER),
    ("return False, 'no disk', 5", "the function returned (False, 'no disk', 5) (tuple)" + NEITHER),
    ("return True, 'fine', 5", "the function returned (True, 'fine', 5) (tuple)" + NEITHER),
    ("return (True,)", "the function returned (True,) (tuple)" + NEITHER),
    ("return ()", "the function returned () (tuple)" + NEITHER),
    ("return {'ok': False}", "the function returned {'ok': False} (dict)" + NEITHER),
    ("return ValueError('no disk')", "the function returned ValueError('no disk') (ValueError)" + NEITHER),
    (Odd.MUTE + "return True, Mute()", "KeyError: 'mute'"),
    ("return list(range(10 ** 6))", "the function returned [0, 1, 2, 3, 4, 5, ...] (list)" + NEITHER),
    ("raise ValueError('no disk')", "ValueError: no disk"),
    ("raise SystemExit('no disk')", "no disk"),
    ("sys.exit('no disk')", "no disk"),
    ("sys.exit()", "the function called sys.exit(None) instead of returning"),
    ("sys.exit(0)", "the function called sys.exit(0) instead of returning"),
    ("sys.exit(3)", "the function called sys.exit(3) instead of returning"),
    ("raise KeyboardInterrupt", "KeyboardInterrupt: "),
    ("signal.raise_signal(signal.SIGINT)", "KeyboardInterrupt: "),
    ("raise GeneratorExit('over')", "GeneratorExit: over"),
    (Odd.GRIM + "raise Grim()", "Grim, whose text cannot be had: it raises SystemExit"),
    ("sys.stderr.close(); raise ValueError('no disk')", "ValueError: no disk"),
    ("os.close(2); raise ValueError('no disk')", "ValueError: no disk"),
    ("return f(param)", "RecursionError: maximum recursion depth exceeded"),
    ("raise BaseExceptionGroup('two', [ValueError('a'), KeyboardInterrupt()])", "BaseExceptionGroup: two (2 sub-exceptions)"),
])
def test_anything_else_is_a_failure_that_says_what_came(tmp_path, body, message):
    flag, said = answer_to(tmp_path, body)
    assert not flag
    assert said == message


@pytest.mark.parametrize("body, part", [
    ("return {True, 'fine'}", " (set)" + NEITHER),
    ("return lambda: True", " (function)" + NEITHER),
    ("yield True", " (generator), so nothing of it has run" + NEITHER),
    (Odd.MUTE + "return Mute()", "<Mute instance at "),
    ("deep = []\nfor _ in range(10 ** 5): deep = [deep]\nreturn deep", "the function returned [[[[[[[...]]]]]]] (list)"),
    ("deep = []\nfor _ in range(10 ** 5): deep = [deep]\nreturn True, deep", "RecursionError: "),
])
def test_so_is_what_cannot_be_shown_whole(tmp_path, body, part):
    flag, said = answer_to(tmp_path, body)
    assert not flag
    assert part in said


def test_an_async_function_has_not_run(tmp_path):
    flag, said = says(tmp_path, "async def f(param):\n    return True\n")
    assert not flag
    assert "(coroutine), so nothing of it has run" in said


@pytest.mark.parametrize("text, reported", [
    ("\\ud83d", "\ufffd"),
    ("half \\ud83d an emoji", "half \ufffd an emoji"),
    ("\\ud83d\\ude00", "\U0001f600"),
    ("\\ude00\\ud83d", "\ufffd\ufffd"),
    ("a file \\udcff", "a file \ufffd"),
    ("\\x00 \\x1b", "\x00 \x1b"),
    ("\\u4f60\\u597d", "\u4f60\u597d"),
])
@pytest.mark.parametrize("form, flag, before", [
    ("return True, '%s'", True, ""), ("return '%s'", True, ""), ("return False, '%s'", False, ""),
    ("raise ValueError('%s')", False, "ValueError: "), ("sys.exit('%s')", False, "")])
def test_text_that_is_no_utf8_survives(tmp_path, text, reported, form, flag, before):
    assert answer_to(tmp_path, form % text) == (flag, before + reported)


def test_a_param_that_is_no_utf8_comes_as_bytes(tmp_path):
    assert answer_to(tmp_path, "return True, param[::-1]", param=b"\xff\x00") == (True, "\x00\udcff")


def test_a_huge_result(tmp_path):
    assert answer_to(tmp_path, "return True, '\\ud83d' + 'x' * 8000000") == (True, "\ufffd" + "x" * 8000000)


def test_children_that_come_back_report_nothing(tmp_path):
    body = "if os.fork() == 0: return False, 'the child'\nos.wait()\nreturn True, 'the worker'"
    assert answer_to(tmp_path, body) == (True, "the worker")


def test_only_a_process_that_ends_itself_takes_its_report_along(tmp_path):
    (tmp_path / "worker.py").write_text("import os\ndef f(param): os._exit(4)\n")
    ended = start_worker(tmp_path)
    assert (ended.stdout, ended.returncode) == (b"", 4)


@pytest.mark.parametrize("code, message", [
    ("def f(param):\n    return True,,\n", "worker.py cannot be loaded: SyntaxError: invalid syntax (worker.py, line 2)"),
    ("\nimport no_such_module\n",
     "worker.py cannot be loaded: ModuleNotFoundError: No module named 'no_such_module' (worker.py, line 2)"),
    ("def g():\n    return 1 / 0\n\n\ng()\n",
     "worker.py cannot be loaded: ZeroDivisionError: division by zero (worker.py, line 2)"),
    ("import sys\nsys.exit('not on this machine')\n", "not on this machine"),
    ("raise KeyboardInterrupt\n", "KeyboardInterrupt: "),
    ("g = 1\n", "app [app] has no function f"),
    ("from os.path import join as f\n", "app [app] has no function f"),
    ("f = 1\n", "app [app] has no function f"),
    ("def f(): return True\n", "TypeError: f() takes 0 positional arguments but 1 was given"),
])
def test_a_module_that_cannot_be_used(tmp_path, code, message):
    assert says(tmp_path, code) == (False, message)


def test_a_private_function_cannot_be_asked_for(tmp_path):
    assert says(tmp_path, "def _f(param): return True\n", func="_f") == (False, "app [app] has no function _f")


def test_no_module_at_all(tmp_path):
    assert report_of(tmp_path)[0] == (False, "app [app] has neither worker.py nor app.py")


@pytest.mark.parametrize("body, param, answer", [
    ("return 'true', param['a']", b'{"a": 5}', (True, "5")),
    ("return 'false', 'no'", b"", (False, "no")),
    ("return True, repr(param)", b"", (True, "''")),
    ("return 1, 'no disk'", b"", (False, "the function returned (1, 'no disk') (tuple)" + NEITHER)),
    ("raise SystemExit('no disk')", b"", (False, "no disk")),
])
def test_an_app_of_2017(tmp_path, body, param, answer):
    (tmp_path / "app.py").write_text(f"class app:\n    def f(self, param):\n        {body}\n")
    assert report_of(tmp_path, param=param)[0] == answer


def test_a_param_of_an_app_of_2017_that_is_no_json(tmp_path):
    (tmp_path / "app.py").write_text("class app:\n    def f(self, param): return True\n")
    flag, said = report_of(tmp_path, param=b"{")[0]
    assert not flag
    assert said.startswith("JSONDecodeError: Expecting property name")


def test_the_apps_own_modules_do_not_get_in_the_way(tmp_path):
    for name in ("json", "traceback", "reprlib"):
        (tmp_path / f"{name}.py").write_text("raise SystemError('the app has a module of that name')\n")
    (tmp_path / "app.py").write_text("class app:\n    def f(self, param): return param['a']\n")
    flag, said = report_of(tmp_path, param=b'{"a": {}}')[0]
    assert (flag, said) == (False, "the function returned {} (dict)" + NEITHER)


def test_through_the_agent(agent):
    app = agent.root / "apps/odd"
    (app / "worker.py").write_text(
        "import os, sys\n"
        "def pair(param): return [False, 'no disk']\n"
        "def leave(param): sys.exit('disk full')\n"
        "def half(param): return True, '\\ud83d'\n"
        "def quit(param): os._exit(4)\n")
    answers = {func: agent.run(func, app="odd") for func in ("pair", "leave", "half", "quit")}
    assert {func: (answer.flag, answer.result) for func, answer in answers.items()} == {
        "pair": (0, "no disk"), "leave": (0, "disk full"), "half": (1, "\ufffd"),
        "quit": (-1, "worker printed no <ElvesWFlag>, exit status 4")}


@pytest.mark.parametrize("body, taken", [
    ("pass", True), ("return False", True), ("return '\\ud83d'", True),
    ("raise ValueError('\\ud83d')", False), ("sys.exit('no disk')", False), ("sys.exit(0)", False),
    ("raise KeyboardInterrupt", False)])
def test_a_processor_always_answers(tmp_path, elves_idl, body, taken):
    from elves import AppService
    from thrift.Thrift import TApplicationException
    from thrift.protocol.TBinaryProtocol import TBinaryProtocol
    from thrift.transport.TSocket import TSocket
    from thrift.transport.TTransport import TBufferedTransport
    (tmp_path / "processor.py").write_text(f"import sys\ndef process(job):\n    {body}\n")
    port = free_port()
    idl = pathlib.Path(elves_idl["ttypes"].__file__).parents[1]
    program = subprocess.Popen([PYTHON, ROOT / "sdk/python/app-processor.py", str(port), "127.0.0.1"], cwd=tmp_path,
                               stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env={**os.environ, "PYTHONPATH": str(idl), "PYTHONDONTWRITEBYTECODE": "1"})
    transport = TBufferedTransport(TSocket("127.0.0.1", port))

    def opens():
        try:
            transport.open()
        except Exception:  # noqa: BLE001, not there yet
            return False
        return True

    try:
        wait_for(opens, 20, "the processor to listen")
        client = AppService.Client(TBinaryProtocol(transport))
        job = elves_idl["ttypes"].Reinstruct(ins=elves_idl["ttypes"].Instruct(app="app"), flag=1, costtime=1, result="")
        for _ in range(2):
            if taken:
                assert client.runProcessor(job) == "success"
            else:
                with pytest.raises(TApplicationException):
                    client.runProcessor(job)
    finally:
        transport.close()
        program.kill()
        program.wait()
