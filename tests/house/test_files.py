"""Sizes and format of files."""
import re
import subprocess

from sources import ROOT, files, name

MOST_LINES = 300


def test_files_are_small():
    sources = files("src", "tests", "bench", suffixes=(".h", ".cc", ".py", ".sh")) + files("scripts", suffixes=(".sh",))
    long = [f"{name(f)}: {lines} lines" for f in sources if (lines := len(f.read_text().splitlines())) > MOST_LINES]
    assert not long, "\n".join(long)


def test_sources_are_formatted():
    sources = files("src", "tests", "bench")
    result = subprocess.run(
        ["clang-format-19", "--dry-run", "-Werror", *map(str, sources)], cwd=ROOT, capture_output=True, text=True)
    unformatted = sorted(set(re.findall(r"^(.+?):\d+:\d+: error", result.stderr, re.MULTILINE)))
    assert result.returncode == 0, "clang-format-19 -i " + " ".join(unformatted)


def test_shell_scripts_are_sound():
    result = subprocess.run(
        ["shellcheck", "--external-sources", "--check-sourced", "control", ".ci/run"],
        cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout
