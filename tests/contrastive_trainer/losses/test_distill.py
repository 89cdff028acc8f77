import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from contrastive_trainer.losses.contrastive import contrastive
from contrastive_trainer.losses.distill import Teacher, distillation

Units = Callable[..., Tensor]


def dense(image: Tensor, text: Tensor, scale: Tensor, teachers: list[Teacher]) -> Tensor:
    logits = scale * image @ text.T
    total = torch.zeros((), dtype=image.dtype)
    for teacher in teachers:
        target = teacher.scale * teacher.image_ND @ teacher.text_ND.T
        for ours, theirs in ((logits, target), (logits.T, target.T)):
            total = total + functional.kl_div(
                ours.log_softmax(1), theirs.log_softmax(1), reduction="batchmean", log_target=True
            )
    return total / (2 * len(teachers))


def make_teachers(units: Units, count: int) -> list[Teacher]:
    sizes = ((1, 4, 70.0), (2, 9, 6.0))
    return [
        Teacher(
            image_ND=units(count, w, seed=k).detach(), text_ND=units(count, w, seed=9 * k).detach(), scale=s
        )
        for k, w, s in sizes
    ]


@pytest.mark.parametrize("tile", [1, 3, 7, 12])
@pytest.mark.parametrize("scale", [5.0, 2000.0])
def test_tiles_equal_the_dense_form_with_teachers_of_other_widths(
    tile: int, scale: float, units: Units
) -> None:
    inputs = [units(7, 5, seed=3), units(7, 5, seed=4), torch.tensor(scale).double().requires_grad_()]
    teachers = make_teachers(units, 7)
    found, expected = distillation(*inputs, teachers, tile=tile), dense(*inputs, teachers)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(
        torch.autograd.grad(found, inputs), torch.autograd.grad(expected, inputs), rtol=1e-9, atol=1e-9
    )


def test_gradients_pass_finite_differences(units: Units) -> None:
    inputs = [units(5, 3, seed=3), units(5, 3, seed=4), torch.tensor(5.0).double().requires_grad_()]
    teachers = make_teachers(units, 5)
    assert torch.autograd.gradcheck(lambda *a: distillation(*a, teachers, tile=2), inputs)


def test_a_student_that_agrees_has_nothing_to_learn(units: Units) -> None:
    image, text = units(6, 4, seed=1), units(6, 4, seed=2)
    rotation = torch.linalg.qr(units(4, 4, seed=3).detach())[0]
    same = Teacher(image_ND=image.detach() @ rotation, text_ND=text.detach() @ rotation, scale=30.0)
    loss = distillation(image, text, 30.0, [same], tile=4)
    assert loss.item() == pytest.approx(0, abs=1e-12)
    assert torch.autograd.grad(loss, image)[0].abs().max() < 1e-12


def test_by_hand() -> None:
    # The teacher gives (3/4, 1/4) both ways, the student (1/2, 1/2).
    eye, zero = torch.eye(2, dtype=torch.float64), torch.zeros(2, 2, dtype=torch.float64)
    teacher = Teacher(image_ND=eye, text_ND=eye, scale=math.log(3))
    expected = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)
    assert distillation(zero, eye, 1.0, [teacher]).item() == pytest.approx(expected)


def test_texts_as_their_own_teacher_soften_labels(units: Units) -> None:
    text = units(4, 6, seed=2).detach()
    text[1] = functional.normalize(text[0] + 0.1, dim=0)
    image = units(4, 6, seed=1)
    soft = Teacher(image_ND=text, text_ND=text, scale=50.0)

    target = (1 - 0.5) * torch.eye(4) + 0.5 * (50 * text @ text.T).softmax(1)
    logits = 10 * image @ text.T
    expected = -(target * logits.log_softmax(1)).sum() - (target * logits.log_softmax(0)).sum()
    found = 0.5 * (contrastive(image, text, 10.0) + distillation(image, text, 10.0, [soft]))
    torch.testing.assert_close(
        torch.autograd.grad(found, image)[0], torch.autograd.grad(expected / 8, image)[0]
    )


def test_what_is_kept_is_linear_in_the_batch(units: Units) -> None:
    def kept(count: int) -> int:
        image, text = (units(count, 4, seed=s, dtype=torch.float32) for s in (1, 2))
        teacher = Teacher(image_ND=image.detach(), text_ND=text.detach(), scale=9.0)
        storages: dict[int, int] = {}

        def pack(tensor: Tensor) -> Tensor:
            storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            loss = distillation(image, text, 5.0, [teacher], tile=64)
        assert loss.isfinite()
        return sum(storages.values())

    assert kept(1024) <= 2 * kept(512) + 64


def test_wrong_teachers_are_told() -> None:
    eye = torch.eye(3)
    with pytest.raises(ValueError, match="no teacher"):
        distillation(eye, eye, 1.0, [])
    with pytest.raises(ValueError, match=r"\(2, 3\) images and texts for 3"):
        distillation(eye, eye, 1.0, [Teacher(image_ND=eye[:2], text_ND=eye, scale=1.0)])
