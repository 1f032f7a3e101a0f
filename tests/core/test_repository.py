"""lib.core.repository: the project's own repository is asked, and no other."""

import os
import subprocess

import pytest

from lib.core import paths
from lib.core.repository import git


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The folder of a project inside another repository that has a commit."""
    (tmp_path / "project").mkdir()
    monkeypatch.setattr(paths, "ROOT", tmp_path / "project")
    commit(tmp_path)
    return tmp_path / "project"


def commit(folder):
    """Make a repository with a commit in a folder; returns the name of the commit."""
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    for command in (["init", "-q"], [*who, "commit", "-q", "--allow-empty", "-m", str(folder)], ["rev-parse", "HEAD"]):
        done = subprocess.run(["git", *command], cwd=folder, env=own, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_a_repository_around_the_project_is_not_asked(project):
    assert git("rev-parse", "HEAD") is None and git("status", "--porcelain") is None


@pytest.mark.parametrize("named", [True, False])
def test_a_repository_that_the_environment_names_is_not_asked(project, named, monkeypatch):
    if named:
        monkeypatch.setenv("GIT_DIR", str(project.parent / ".git"))
        monkeypatch.setenv("GIT_WORK_TREE", str(project.parent))
        monkeypatch.setenv("GIT_INDEX_FILE", str(project.parent / "index"))
    assert git("rev-parse", "HEAD") is None
    assert commit(project) == git("rev-parse", "HEAD")


def test_where_there_is_no_git(project, monkeypatch):
    monkeypatch.setenv("PATH", str(project))
    assert git("rev-parse", "HEAD") is None
