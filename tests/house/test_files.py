"""Format of files."""
import re
import subprocess

from sources import ROOT, files


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
