"""The source tree as the house tests look at it."""
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src"

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def files(*folders, suffixes=(".h", ".cc")):
    """Files of these folders of the tree, sorted."""
    return sorted(f for folder in folders for f in (ROOT / folder).rglob("*") if f.suffix in suffixes)


def name(file):
    """The file as error messages name it."""
    return str(file.relative_to(ROOT))


def includes(file):
    """The project's own files that it includes, as written: "room/file.h"."""
    return INCLUDE.findall(file.read_text())
