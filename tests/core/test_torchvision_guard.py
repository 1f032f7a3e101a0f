"""lib.core.torchvision_guard: after it, torchvision imports, whatever build of torch is here."""

import subprocess
import sys

from lib.core import torchvision_guard


def test_torchvision_imports_and_makes_a_grid():
    imports = "import lib.core.torchvision_guard, torch; from torchvision.utils import make_grid"
    code = f"{imports}; print((*make_grid(torch.rand(4, 1, 8, 8)).shape,))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "(3, 12, 42)", done.stderr


def test_nothing_is_declared_where_there_is_no_torchvision(monkeypatch):
    monkeypatch.setattr(torchvision_guard.importlib.util, "find_spec", lambda name: None)
    assert torchvision_guard.operators_load()


def test_a_library_that_does_not_load_is_noticed(monkeypatch, tmp_path):
    (tmp_path / "_C.so").write_bytes(b"no library")
    spec = type("Spec", (), {"origin": str(tmp_path / "__init__.py")})
    monkeypatch.setattr(torchvision_guard.importlib.util, "find_spec", lambda name: spec)
    assert not torchvision_guard.operators_load()
