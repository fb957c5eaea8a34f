"""./control pack: what leaves the machine is what git has, and the archive says what it is."""
import os
import re
import shutil
import subprocess
import tarfile

import pytest
from harness.elves_agent import BIN, ROOT

GIT = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
PACK = """
source scripts/common.sh; source scripts/build.sh; source scripts/packages.sh; source scripts/pack.sh; source scripts/help.sh
need_packages() { :; }
build_programs() { :; }
bin_folder() { echo "$BIN"; }
command_pack "$@"
"""


def run(*command, folder, **environment):
    return subprocess.run(command, cwd=folder, env={**GIT, **environment}, capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL)


def git(folder, *arguments):
    ended = run("git", "-c", "user.name=Tester", "-c", "user.email=tester@localhost", *arguments, folder=folder)
    assert ended.returncode == 0, ended
    return ended.stdout


@pytest.fixture
def clone(tmp_path):
    """A repository with these sources as its only commit."""
    folder = tmp_path / "clone"
    folder.mkdir()
    for name in ("conf", "sdk", "apps", "docs", "scripts", "cmake", "src", "idl"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file in [ROOT / name for name in ("control", "LICENSE", "CMakeLists.txt", "CMakePresets.json", ".gitignore",
                                          ".gitattributes")] + list(ROOT.glob("*.md")):
        shutil.copy2(file, folder)
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "all")
    return folder


@pytest.fixture
def unpacked(clone, tmp_path):
    """The same as a source archive that git made."""
    folder = tmp_path / "unpacked"
    folder.mkdir()
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=clone, env=GIT, capture_output=True, check=True).stdout
    subprocess.run(["tar", "-xf", "-"], cwd=folder, input=archive, check=True)
    return folder


def pack(folder, *arguments, **environment):
    """With small programs in place of ours, which take long to strip."""
    programs = folder.parent / "programs"
    programs.mkdir(exist_ok=True)
    for name in ("elves-scheduler", "elves-agent", "elvesctl"):
        shutil.copy2("/bin/true", programs / name)
    return run("bash", "-euo", "pipefail", "-c", PACK, "control", *arguments, folder=folder, BIN=str(programs), **environment)


def packed(folder, *arguments, **environment):
    """(names to contents, what was said)."""
    ended = pack(folder, *arguments, **environment)
    assert ended.returncode == 0, ended
    [archive] = (folder / "dist").glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        files = {member.name: tar.extractfile(member).read() for member in tar if member.isfile()}
    return files, ended.stdout


def spoil(folder):
    """What lies about on a machine that somebody works on."""
    with open(folder / "conf/conf.properties", "a") as conf:
        conf.write("mq.password=s3cret\n")
    (folder / "apps/payroll").mkdir()
    for name in ("apps/payroll/worker.py", "conf/conf.properties~", "conf/.cfg.json.swp", "docs/notes.txt", "NOTES.md",
                 "conf/server.key", "scripts/deploy.sh", "sdk/python/app-worker.py.orig"):
        (folder / name).write_text("s3cret")


def holds(files, text):
    return sorted(name for name, content in files.items() if text in content)


def test_only_what_git_has_is_packed_and_the_rest_is_told(clone):
    before, said = packed(clone)
    assert "stay out" not in said
    spoil(clone)
    files, said = packed(clone)
    assert files == before
    assert not holds(files, b"s3cret")
    for name in ("conf/conf.properties", "apps/payroll/worker.py", "conf/conf.properties~", "NOTES.md", "docs/notes.txt"):
        assert name in said


def test_what_is_staged_or_ignored_or_linked_stays_out(clone, tmp_path):
    before, _ = packed(clone)
    spoil(clone)
    git(clone, "add", "-A")
    with open(clone / ".gitignore", "a") as ignored:
        ignored.write("/apps/hidden/\n")
    (clone / "apps/hidden").mkdir()
    (clone / "apps/hidden/worker.py").write_text("s3cret")
    (tmp_path / "keys").write_text("s3cret")
    (clone / "conf/cfg.json").unlink()
    (clone / "conf/cfg.json").symlink_to(tmp_path / "keys")
    files, said = packed(clone)
    assert files == before
    assert "conf/cfg.json" in said


def test_settings_of_the_callers_git_change_nothing(clone, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    before, _ = packed(clone)
    assert packed(clone, GIT_DIR=str(other / ".git"), GIT_WORK_TREE=str(other))[0] == before


def test_the_archive_is_what_the_docs_call_it(clone):
    files, _ = packed(clone)
    assert {name.split("/")[0] for name in files} == {"elves-scheduler"}
    for name in ("bin/elves-scheduler", "bin/elves-agent", "bin/elvesctl", "control", "conf/conf.properties", "README.md",
                 "docs/operations.md", "apps/apptest/worker.py", "runtime-packages"):
        assert f"elves-scheduler/{name}" in files
    checked = run("sh", "-c", "sha256sum -c *.sha256", folder=clone / "dist")
    assert checked.returncode == 0, checked
    with tarfile.open(next((clone / "dist").glob("*.tar.gz"))) as tar:
        assert all(member.mode & 0o044 == 0o044 and not member.mode & 0o022 for member in tar)


def test_changed_sources_are_told(clone):
    with open(clone / "src/base/version.h", "a") as source:
        source.write("// mine\n")
    (clone / "src/base/mine.cc").write_text("")
    _, said = packed(clone)
    assert "with changed sources" in said
    assert "src/base/version.h" in said and "src/base/mine.cc" in said


def test_a_clone_that_git_refuses_is_not_packed(clone):
    (clone / ".git/HEAD").write_text("nonsense\n")
    ended = pack(clone)
    assert ended.returncode != 0
    assert "git cannot say which commit this is" in ended.stderr
    assert not (clone / "dist").exists()


def test_an_unchanged_source_archive_is_packed(clone, unpacked):
    files, said = packed(unpacked)
    assert "no git clone, but the files are those of commit " + git(clone, "rev-parse", "HEAD")[:12] in said
    assert files == packed(clone)[0]
    assert packed(unpacked)[0] == files  # dist/ of the first time is no change


def test_a_changed_source_archive_is_packed_only_when_asked_to(unpacked):
    spoil(unpacked)
    ended = pack(unpacked)
    assert ended.returncode == 1
    assert "no git clone, and files were changed or added" in ended.stderr
    assert not (unpacked / "dist").exists()
    files, said = packed(unpacked, "--as-it-is")
    assert "elves-scheduler/apps/payroll/worker.py" in files
    assert "apps/payroll/worker.py" in said


def test_a_source_archive_inside_another_repository(unpacked):
    git(unpacked.parent, "init", "-q")
    (unpacked / "apps/mine").mkdir()
    (unpacked / "apps/mine/worker.py").write_text("s3cret")
    git(unpacked.parent, "add", "-A")
    git(unpacked.parent, "commit", "-qm", "all that I have")
    assert pack(unpacked).returncode == 1


def version_of(source, tmp_path):
    output = tmp_path / "version.cc"
    made = run("cmake", f"-DSOURCE={source}", f"-DOUTPUT={output}", "-DVERSION=1.2.3", "-P", str(ROOT / "cmake/commit.cmake"),
               folder=tmp_path)
    assert made.returncode == 0, made
    return re.search('kVersion = "(.*)";', output.read_text())[1]


def test_the_version_names_the_commit(clone, unpacked, tmp_path):
    commit = git(clone, "rev-parse", "HEAD")[:12]
    assert version_of(clone, tmp_path) == f"1.2.3 (commit {commit})"
    with open(clone / "conf/conf.properties", "a") as conf:
        conf.write("mq.password=s3cret\n")
    assert version_of(clone, tmp_path) == f"1.2.3 (commit {commit})"
    (clone / "src/base/mine.cc").write_text("")
    assert version_of(clone, tmp_path) == f"1.2.3 (commit {commit}, with changed sources)"
    assert version_of(unpacked, tmp_path) == f"1.2.3 (commit {commit}, from a source archive)"
    (unpacked / "cmake/commit.txt").write_text((ROOT / "cmake/commit.txt").read_text())
    git(unpacked.parent, "init", "-q")
    git(unpacked.parent, "commit", "--allow-empty", "-qm", "of somebody else")
    assert version_of(unpacked, tmp_path) == "1.2.3 (built outside of git)"


@pytest.mark.parametrize("program", ["elves-scheduler", "elves-agent", "elvesctl"])
def test_every_program_says_it(program):
    ended = subprocess.run([BIN / program, "--version"], capture_output=True, text=True, timeout=20)
    assert re.fullmatch(rf"{program} \d+\.\d+\.\d+ \((commit [0-9a-f]{{12}}.*|built outside of git)\)\n", ended.stdout)
