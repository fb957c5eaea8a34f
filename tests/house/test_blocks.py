"""Every block of the documentation is marked, so that none is passed over when recipes are run (tests/system/test_recipes.py)."""
import pathlib
import re
import sys

import pytest
from sources import ROOT

sys.path.insert(0, str(pathlib.Path(ROOT) / "tests/system"))
from harness.recipes import LANGUAGES, NOT_RUN, PAGES, WALKED, blocks, recipes, steps  # noqa: E402

COMMAND = re.compile(
    r"^(\$ |# ?)?(sudo |env )?(\./control|curl|elves[a-z-]*|openssl|systemctl|systemd-\S+|journalctl|rabbitmq\S+|install|tar|apt(-get)?|"
    r"docker|git|useradd|chmod|chown|mkdir|cp|mv|python3?|pip|sqlite3|psql|zk\S+|export|sha256sum|logrotate) \S")
MARK = ("mark it after the fence: sh or console (tests/system/test_recipes.py then runs it), properties, json, python, thrift, or "
        "text for what is no recipe")


@pytest.mark.parametrize("page", PAGES)
def test_blocks_are_marked(page):
    unmarked = [block for block in blocks(page) if block.language not in LANGUAGES]
    assert not unmarked, f"{MARK}: {unmarked}"


@pytest.mark.parametrize("page", PAGES)
def test_commands_are_marked_as_such(page):
    hidden = [block for block in blocks(page) if block.language == "text" and any(map(COMMAND.match, block.text.split("\n")))]
    assert not hidden, f"these look like commands; {MARK}: {hidden}"


@pytest.mark.parametrize("page", PAGES)
def test_commands_are_fenced(page):
    """Markdown also takes an indented block for code; there is no place for a mark."""
    text = re.sub(r"^ *```.*?^ *```$", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    lines = [line for line in text.split("\n") if line.startswith("    ") and COMMAND.match(line.strip())]
    assert not lines, lines


@pytest.mark.parametrize("page", PAGES)
def test_every_recipe_is_run_or_says_why_not(page):
    left = recipes(page)
    assert page in WALKED or not left, (
        "no test runs these: let one walk through the page (tests/system/test_recipes.py) and add it to WALKED in "
        f"tests/system/harness/recipes.py, or add the block to NOT_RUN there, with the reason: {left}")


def test_the_lists_are_fresh():
    here = {page: blocks(page) for page in PAGES}
    assert [page for page in WALKED if page not in PAGES] == []
    assert [key for key in NOT_RUN if not any(
        key[1] == block.first or (block.language == "console" and key[1] in dict(steps(block)))
        for block in here.get(key[0], []))] == []
