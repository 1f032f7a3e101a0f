"""What git knows of the project."""

import os
import subprocess

from lib.core import paths


def git(*arguments: str) -> str | None:
    """What ``git`` answers in the project, or None where there is no git, or the project is no repository of its own.

    A repository around the project, or one that the environment names (``GIT_DIR``, as in a hook), is somebody else's.
    """
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name.startswith("GIT_CONFIG")}
    own["GIT_CEILING_DIRECTORIES"] = str(paths.ROOT.parent)
    try:
        answer = subprocess.run(["git", *arguments], cwd=paths.ROOT, env=own, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return answer.stdout.strip()
