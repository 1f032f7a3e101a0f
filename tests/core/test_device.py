"""lib.core.device: threads by what the environment says, in OpenMP's own notation."""

import dask.system
import pytest
import torch

from lib.core.device import BadEnvironment, set_threads, thread_count


@pytest.mark.parametrize(("value", "count"), [("3", 3), ("2,1", 2), (" 4 , 2,1", 4), ("007", 7)])
def test_threads_are_those_of_the_outermost_level(monkeypatch, value, count):
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert thread_count() == count


@pytest.mark.parametrize("value", [None, "", " "])
def test_without_a_number_each_core_has_a_thread(monkeypatch, value):
    monkeypatch.delenv("OMP_NUM_THREADS") if value is None else monkeypatch.setenv("OMP_NUM_THREADS", value)
    monkeypatch.setattr(dask.system, "CPU_COUNT", 3)
    assert thread_count() == 3


@pytest.mark.parametrize("value", ["0", "all", "-1", "2,", "1.5", "2;1", "2,0", "٢"])
def test_other_numbers_of_threads_are_refused_in_one_sentence(monkeypatch, value):
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    with pytest.raises(BadEnvironment) as refused:
        thread_count()
    said = f"OMP_NUM_THREADS must be a whole number from 1 on, or several with commas between them, got {value!r}."
    assert str(refused.value) == said


def test_torch_computes_with_as_many(monkeypatch):
    before = torch.get_num_threads()
    monkeypatch.setenv("OMP_NUM_THREADS", "2,1")
    set_threads()
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)
