"""JupyterLab, as `make lab` starts it, opens paired notebooks, and saving one writes its twin."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from lib.core.paths import NOTEBOOKS, ROOT

NAME = "21-spheres-and-rosettes"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Folder of a copy of the notebooks, and a function that asks JupyterLab's server about it: path, method, content."""
    pytest.importorskip("jupyterlab", reason="JupyterLab is not installed")
    folder = tmp_path_factory.mktemp("lab")
    shutil.copytree(NOTEBOOKS, folder / "notebooks")
    shutil.copy(ROOT / "pyproject.toml", folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--no-browser", f"--ServerApp.port={port}", "--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True"]
    options += ["--allow-root"] if os.geteuid() == 0 else []
    server = subprocess.Popen(
        [Path(sys.executable).with_name("jupyter-lab"), *options],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def ask(path, method="GET", content=None):
        data = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{port}/api/contents/{path}", data, method=method)
        with urllib.request.urlopen(request, timeout=300) as answer:
            return json.loads(answer.read())

    for _ in range(6000):
        try:
            ask("")
            break
        except OSError:
            assert server.poll() is None
            time.sleep(0.1)
    yield folder, ask
    server.terminate()
    server.wait(300)


def test_saving_a_notebook_writes_its_twin_and_the_other_way_round(lab):
    folder, ask = lab
    notebook, script = (folder / "notebooks" / f"{NAME}.{end}" for end in ("ipynb", "py"))
    before = script.read_text()
    model = ask(f"notebooks/{NAME}.ipynb")
    model["content"]["cells"][0]["source"] += "\n\nA sentence more."
    ask(f"notebooks/{NAME}.ipynb", "PUT", {"type": "notebook", "content": model["content"]})
    assert "A sentence more." in script.read_text()
    without = re.sub(r"\n#\n# A sentence more\.", "", script.read_text())
    assert without == before  # nothing else changed

    model = ask(f"notebooks/{NAME}.py?type=notebook")
    model["content"]["cells"][0]["source"] += "\n\nAnd another."
    ask(f"notebooks/{NAME}.py", "PUT", {"type": "notebook", "content": model["content"]})
    assert "And another." in notebook.read_text() and "A sentence more." in notebook.read_text()
