"""What the documents say is what the sources do."""
import re

from sources import ROOT

KEY = r"[a-z]+(?:\.[a-zA-Z]+)+"


def headings(page):
    """The levels of the headings of a Markdown text, code blocks left out: [1, 2, 2, 3, ...]."""
    text = re.sub(r"^```.*?^```", "", page, flags=re.MULTILINE | re.DOTALL)
    return [len(marks) for marks in re.findall(r"^(#+) ", text, re.MULTILINE)]


def test_configuration_page_has_every_key_and_no_other():
    table = (ROOT / "src/config/key_table.cc").read_text()
    page = (ROOT / "docs/configuration.md").read_text()
    known = set(re.findall(rf'"({KEY})"', table))
    described = re.findall(rf"^\| `({KEY})` \|", page, re.MULTILINE)
    assert len(known) > 30
    assert sorted(described) == sorted(known)


def test_settings_that_pages_mention_exist():
    known = set(re.findall(rf'"({KEY})"', (ROOT / "src/config/key_table.cc").read_text()))
    rooms = {key.split(".")[0] for key in known}
    unknown = []
    for page in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]):
        for key in re.findall(rf"`({KEY})`", page.read_text()):
            setting = key.split(".")[0] in rooms and not re.search(r"\.(h|cc|md|py|sh|json)$", key)
            if setting and key not in known:
                unknown.append(f"{page.relative_to(ROOT)}: {key}")
    assert not unknown, "\n".join(unknown)


def test_operations_page_has_every_metric_and_no_other():
    metric = r"elves_[a-z_]+"
    page = (ROOT / "docs/operations.md").read_text().split("## Metrics")[1].split("## Dead letters")[0]
    source = set(re.findall(rf'"({metric})"', (ROOT / "src/metrics/metrics.cc").read_text()))
    assert len(source) > 40
    assert set(re.findall(metric, page)) == source


def test_limits_page_names_metrics_that_exist():
    metric = r"elves_[a-z_]+"
    source = set(re.findall(rf'"({metric})"', (ROOT / "src/metrics/metrics.cc").read_text()))
    assert set(re.findall(metric, (ROOT / "docs/limits.md").read_text())) <= source


def test_both_readmes_have_the_same_headings():
    assert headings((ROOT / "README.md").read_text()) == headings((ROOT / "README.zh-CN.md").read_text())


def test_headings_leave_out_code():
    assert headings("# a\n```\n# no\n```\n## b\n") == [1, 2]
