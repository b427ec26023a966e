"""Networks: shapes, levels, labels."""

import pytest
import torch

from lessons_lib import levels
from lessons_lib.nets import DigitJudge, DigitNet, level_angle, time_embedding


@pytest.fixture
def net():
    torch.manual_seed(0)
    made = DigitNet(width=32, blocks=2)
    torch.nn.init.normal_(made.leave.weight)  # it starts at zero, where nothing could be seen
    return made


def test_the_embedding_spells_the_angle():
    angle = torch.rand(5, dtype=torch.float64)
    emb = time_embedding(angle, 8)
    assert emb.shape == (5, 8) and emb.dtype == torch.float64
    for k, frequency in enumerate([1, 100 ** (1 / 3), 100 ** (2 / 3), 100]):
        torch.testing.assert_close(emb[:, k], torch.sin(frequency * angle), rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(
            emb[:, 4 + k], torch.cos(frequency * angle), rtol=1e-5, atol=1e-5
        )


def test_the_level_is_an_angle_that_stays_bounded():
    x = torch.zeros(3, 1, 8, 8)
    assert torch.equal(level_angle(x, levels.cosine(0.0)), torch.zeros(3))
    assert level_angle(x, levels.cosine(1.0)).allclose(torch.full((3,), torch.pi / 2))
    each = levels.cosine(torch.tensor([0.1, 0.5, 0.9])).to(x)
    assert (level_angle(x, each).diff() > 0).all()


@pytest.mark.parametrize("t", [levels.cosine(0.4), levels.cosine(torch.rand(5))])
def test_shape_in_is_shape_out(net, t):
    x = torch.randn(5, 1, 8, 8)
    assert net(x, t.to(x)).shape == x.shape
    assert net(x, t.to(x), torch.arange(5)).shape == x.shape


def test_one_level_or_that_level_for_each_is_the_same(net):
    x = torch.randn(5, 1, 8, 8)
    each = levels.cosine(torch.full((5,), 0.4)).to(x)
    torch.testing.assert_close(net(x, levels.cosine(0.4)), net(x, each))


def test_it_hears_the_level_and_the_label(net):
    x = torch.randn(5, 1, 8, 8)
    t, s = levels.cosine(0.4), levels.cosine(0.7)
    assert not torch.allclose(net(x, t), net(x, s))
    nothing = torch.full((5,), -1)
    assert torch.equal(net(x, t), net(x, t, nothing))
    assert not torch.allclose(net(x, t), net(x, t, torch.zeros(5, dtype=torch.long)))


@pytest.mark.parametrize("c", [torch.tensor([10]), torch.tensor([-2]), torch.tensor([0.5])])
def test_labels_it_does_not_know_are_refused(net, c):
    with pytest.raises(ValueError, match=r"c: .* allowed are -1 \(no label\) to 9"):
        net(torch.zeros(1, 1, 8, 8), levels.cosine(0.4), c)


def test_the_judge():
    judge = DigitJudge()
    assert judge(torch.zeros(3, 1, 8, 8)).shape == (3, 10)
    assert judge.features(torch.zeros(3, 1, 8, 8)).shape == (3, 64)
