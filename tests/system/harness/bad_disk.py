"""Disks that fail: a small one of its own, or a library that makes the program's own calls fail."""
import errno
import pathlib
import subprocess

from .scheduler import BINARIES, sanitized


class Preload:
    """The disk under the databases of a program started with `variables`, which fails on demand."""

    def __init__(self, folder):
        self._control = pathlib.Path(folder) / "bad_disk"
        self.folder = pathlib.Path(folder)
        library = next(BINARIES.glob("*bad_disk.so"))
        self.variables = {"LD_PRELOAD": str(library), "BAD_DISK": str(self._control)}
        if sanitized():
            self.variables["ASAN_OPTIONS"] = "verify_asan_link_order=0"

    def fail(self, operation="write", number=errno.ENOSPC):
        """From now on `operation` ("write", "sync", "open") fails with this errno."""
        text = self._control.with_suffix(".next")
        text.write_text(f"{operation} {number}\n")
        text.rename(self._control)

    def heal(self):
        self._control.unlink()

    def close(self):
        pass


class SmallDisk:
    """A file system of its own that can be filled. Needs root; raises OSError where mounting is not allowed."""

    variables = {}

    def __init__(self, folder):
        self.folder = pathlib.Path(folder) / "disk"
        self.folder.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", self.folder],
                                 capture_output=True, text=True, check=False)
        if mounted.returncode:
            raise OSError(mounted.stderr)

    def fail(self):
        """Fills it to the last byte."""
        try:
            with open(self.folder / "ballast", "wb", buffering=0) as ballast:
                while True:
                    ballast.write(bytes(4096))
        except OSError as full:
            assert full.errno == errno.ENOSPC, full

    def heal(self):
        (self.folder / "ballast").unlink()

    def close(self):
        subprocess.run(["umount", "--lazy", self.folder], check=True)


def full_disk(folder):
    """A disk that can be full: a real one where mounting is allowed."""
    try:
        return SmallDisk(folder)
    except OSError:
        return Preload(folder)
