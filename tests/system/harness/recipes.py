"""The fenced blocks of the documentation. The word after a fence says what becomes of the block:

    sh          commands, run as they stand
    console     commands after "$ " and what they print: run, and held to the shape of it
    properties, json, python, thrift    read by what reads them
    text        none of these: pictures, shapes, messages. It must not look like commands
"""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[3]
LANGUAGES = ("sh", "console", "properties", "json", "python", "thrift", "text")
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
FENCE = re.compile(r"^( *)```(.*)$")
# Parts of an output that differ from run to run, the longest first.
VOLATILE = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?|\b[0-9A-F]{16}\b|\b(?:commit )[0-9a-f]{12}[^)]*|\d+")


class Block:
    def __init__(self, page, line, language, text, heading):
        self.page, self.line, self.language, self.text, self.heading = page, line, language, text, heading

    @property
    def first(self):
        return self.text.split("\n")[0].strip()

    def __repr__(self):
        return f"{self.page}:{self.line} [{self.heading}] {self.first}"


def blocks(page):
    found, heading, lines = [], "", (ROOT / page).read_text(encoding="utf-8").split("\n")
    at = 0
    while at < len(lines):
        fence = FENCE.match(lines[at])
        if fence:
            end = next(i for i in range(at + 1, len(lines)) if lines[i].strip() == "```")
            text = "\n".join(line.removeprefix(fence[1]) for line in lines[at + 1:end])
            found.append(Block(page, at + 1, fence[2].strip(), text, heading))
            at = end
        elif lines[at].startswith("#"):
            heading = lines[at].lstrip("# ")
        at += 1
    return found


def steps(block):
    """Of a console block: [command, lines it prints] each."""
    found = []
    for line in block.text.split("\n"):
        if line.startswith("$ "):
            found.append([line[2:], []])
        elif found and (found[-1][0].endswith("\\") or unfinished(found[-1][0])):
            found[-1][0] += "\n" + line
        else:
            assert found or not line, f"{block}: output without a command"
            if found:
                found[-1][1].append(line)
    return found


def unfinished(command):
    """Whether a here-document of it goes on."""
    opened = re.search(r"<<-?\s*'?(\w+)'?", command)
    return bool(opened) and not re.search(rf"^{opened[1]}$", command, re.MULTILINE)


def shape(line):
    """A line of output as a pattern: what differs from run to run may differ, and columns may be wider."""
    parts = [re.escape(part) for part in VOLATILE.split(line.strip())]
    kinds = [r"\S+(?: \d\d:\d\d:\d\d\S*)?" if "-" in each or ":" in each else r"[0-9A-F]{16}" if len(each) == 16
             else r".*" if "commit" in each else r"\d+" for each in VOLATILE.findall(line.strip())]
    pattern = parts[0] + "".join(kind + part for kind, part in zip(kinds, parts[1:]))
    return re.sub(r"(?:\\ )+", r"\\s+", pattern)


def prints(expected, output):
    """What is wrong with the output of a command; "" when it has the expected lines, in their order. "..." stands for any."""
    rest = [line.strip() for line in output.split("\n")]
    for line in expected:
        if not line.strip() or line.strip() == "...":
            continue
        pattern = re.compile(shape(line).replace(re.escape("..."), ".*"))
        at = next((i for i, found in enumerate(rest) if pattern.fullmatch(found)), None)
        if at is None:
            return f"no line like\n  {line}\nin\n  " + "\n  ".join(rest)
        del rest[:at + 1]
    return ""


# The pages whose commands are run, and by which test.
WALKED = {
    **dict.fromkeys(("README.md", "README.zh-CN.md", "docs/quick-start.md", "docs/operations.md", "docs/tls.md", "docs/http-api.md",
                     "docs/elvesctl.md", "docs/agent.md"), "tests/system/test_recipes.py"),
    "docs/security.md": "tests/system/test_broker_topology.py",
}
MINUTES = "takes minutes and builds: .ci/run does it, and whoever runs this test has"
# (page, first line of the block, or the command of a console block): why it is not run.
NOT_RUN = {
    ("CONTRIBUTING.md", "./control build    # installs what is missing, compiles build/release/bin"): MINUTES,
    ("README.md", "./control demo     # builds, then runs a synchronous and an asynchronous job from end to end"): MINUTES,
    ("README.zh-CN.md", "./control demo     # 编译，然后把一个同步任务和一个异步任务从头到尾跑一遍"): MINUTES,
    ("README.md", "./control build"): MINUTES,
    ("README.zh-CN.md", "./control build"): MINUTES,
    ("docs/performance.md", "./control bench                     # everything: one to two hours, on a machine that does nothing else"):
        "takes hours; tests/system/test_bench.py runs the suite with short measurements",
}
COMMANDS = ("sh", "console")


def recipes(page):
    """The page's blocks of commands that are run."""
    return [block for block in blocks(page) if block.language in COMMANDS and (page, block.first) not in NOT_RUN]
