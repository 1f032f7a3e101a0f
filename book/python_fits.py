"""Say in one sentence, before anything is made, where the packages of the project are not built for the Python that runs this.

It may be an older Python than the project needs, from 3.6 on.
"""

import os
import platform
import re
import sys
import sysconfig

PROJECT = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "pyproject.toml")


def fits(least, below):
    """Whether this is CPython from 3.`least` to below 3.`below`, with its lock, on a platform that wheels are built for."""
    python = platform.python_implementation() == "CPython" and (3, least) <= sys.version_info[:2] < (3, below)
    free_threaded = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
    linux = sys.platform.startswith("linux") and platform.libc_ver()[0] == "glibc" and platform.machine() in ("x86_64", "aarch64")
    mac = sys.platform == "darwin" and platform.machine() == "arm64"
    return python and not free_threaded and sys.maxsize > 2**32 and (linux or mac)


def main():
    """End with a sentence unless this Python fits."""
    with open(PROJECT, encoding="utf-8") as file:
        least, below = map(int, re.search(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', file.read()).groups())
    if not fits(least, below):
        this = f"{platform.python_implementation()} {platform.python_version()} on {sysconfig.get_platform()}"
        needed = f"CPython 3.{least} to 3.{below - 1} on 64-bit Linux with glibc, or on a Mac with Apple silicon"
        sys.exit(f"{sys.executable} is {this}, but the packages are built for {needed}: make PYTHON=python3.{least + 1}")


if __name__ == "__main__":
    main()
