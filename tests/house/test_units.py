"""The systemd units are well formed and leave their services little to do harm with."""
import re
import subprocess

import pytest
from sources import ROOT

UNITS = {"elves-scheduler.service": 15, "elves-agent.service": 20}  # the worst that systemd may say of each, of 100


def analyze(*arguments):
    return subprocess.run(["systemd-analyze", "--no-pager", *map(str, arguments)], capture_output=True, text=True)


@pytest.mark.parametrize(("unit", "worst"), UNITS.items())
def test_exposure(unit, worst):
    result = analyze("security", "--offline=true", f"--threshold={worst}", ROOT / "conf/systemd" / unit)
    assert result.returncode == 0, result.stdout[-400:] + result.stderr


@pytest.mark.parametrize("unit", UNITS)
def test_nothing_in_it_is_unknown(unit):
    complaints = analyze("verify", ROOT / "conf/systemd" / unit).stderr.splitlines()
    # Only that the program is not installed here.
    assert not [line for line in complaints if not re.search(r"/opt/elves-scheduler/bin/.* is not executable", line)]


def test_the_drain_fits_into_the_time_to_stop():
    unit = (ROOT / "conf/systemd/elves-scheduler.service").read_text()
    defaults = (ROOT / "src/config/options.h").read_text()
    drain = int(re.search(r"std::chrono::seconds drain\{(\d+)\}", defaults).group(1))
    assert int(re.search(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE).group(1)) > drain
