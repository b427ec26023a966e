"""The first cell: threads, device, generator, and numbers to three digits."""

import torch

from lessons_lib.course.start import begin, show, usable_cores


def test_begin_gives_a_seeded_generator_on_the_cpu():
    device, g = begin(seed=4)
    assert device.type in ("cpu", "cuda") and g.device.type == "cpu"
    expected = torch.rand(3, generator=torch.Generator().manual_seed(4))
    assert torch.equal(torch.rand(3, generator=g), expected)


def test_threads_are_never_more_than_the_cores(monkeypatch):
    before = torch.get_num_threads()
    try:
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
        for asked, given in ((1, 1), (64, usable_cores()), (0, 1)):
            begin(threads=asked)
            assert torch.get_num_threads() == given
        monkeypatch.setenv("OMP_NUM_THREADS", "1")
        torch.set_num_threads(1)
        begin(threads=64)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_show_prints_three_significant_digits(capsys):
    show(0.9408, 3.29, 1.0, torch.tensor([[1.0, 2.5]]), 1e-5, 1729.3, 42, True, "ok", -0.0)
    assert (
        capsys.readouterr().out
        == "0.941 3.29 1.00 [[1.00 2.50]] 1.00e-05 1.73e+03 42 True ok 0.00\n"
    )
    show(0.97499, digits=2)
    assert capsys.readouterr().out == "0.97\n"
