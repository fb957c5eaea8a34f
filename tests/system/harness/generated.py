"""Python code for the released peers' Thrift contract, generated once per session."""
import pathlib
import subprocess
import sys


def generate(folder):
    """Runs the Thrift compiler into `folder` and makes `import released` work in this process."""
    source = pathlib.Path(__file__).with_name("released.thrift")
    subprocess.run(["thrift", "--gen", "py", "-out", str(folder), str(source)], check=True)
    sys.path.insert(0, str(folder))
