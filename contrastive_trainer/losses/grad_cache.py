"""Batches beyond memory: the exact gradient of the whole batch from chunks, one at a time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch

Chunk = TypeVar("Chunk")
Embeddings = Mapping[str, torch.Tensor]
"""Embeddings by name; the first dimension is that of the samples (or texts, regions, ...) of the chunk."""


def grad_cache(
    encode: Callable[[Chunk], Embeddings],
    chunks: Sequence[Chunk],
    loss: Callable[[Embeddings], torch.Tensor],
) -> torch.Tensor:
    """Accumulate the gradients of loss(embeddings of all chunks), and return the loss, detached.

    Each chunk is encoded twice: without a graph for its embeddings, then, with the random state of the first
    time (so that dropout repeats), with one for the gradients. Only one chunk's activations are ever held.
    What `loss` itself reads, such as the scale, receives its gradient once. The random state ends where one
    pass would leave it.

    The model may not update buffers in its forward pass (batch norm), as it would do so twice; under ranks,
    sum gradients after it: hooks that sum at every backward pass would do so once a chunk.

    Source: GradCache (arXiv 2101.06983).

    Args:
        encode: the model; returns the same names for every chunk.
        chunks: parts of the batch, in order.
        loss: takes the concatenated embeddings of all chunks; may gather them.

    Raises:
        ValueError: there is no chunk.
    """
    if not chunks:
        raise ValueError("the batch has no chunk; give at least one")
    states, cached = [], []
    with torch.no_grad():
        for chunk in chunks:
            states.append(RandomState.now())
            cached.append(dict(encode(chunk)))
    after = RandomState.now()
    whole = {name: torch.cat([part[name] for part in cached]).requires_grad_() for name in cached[0]}
    value = loss(whole)
    value.backward()  # type: ignore[no-untyped-call]  # torch's backward is untyped
    sizes = {name: [len(part[name]) for part in cached] for name in whole}
    gradients = {name: torch.split(e.grad, sizes[name]) for name, e in whole.items() if e.grad is not None}
    for index, chunk in enumerate(chunks):
        states[index].restore()
        embeddings = encode(chunk)
        reached = [name for name in gradients if embeddings[name].requires_grad]
        if reached:
            torch.autograd.backward(
                [embeddings[name] for name in reached], [gradients[name][index] for name in reached]
            )
    after.restore()
    return value.detach()


@dataclass(frozen=True, slots=True)
class RandomState:
    """The random state of the CPU and of the current GPU."""

    cpu: torch.Tensor
    cuda: torch.Tensor | None

    @classmethod
    def now(cls) -> "RandomState":
        """Return the state as it is."""
        cuda = torch.cuda.get_rng_state() if torch.cuda.is_available() else None
        return cls(torch.get_rng_state(), cuda)

    def restore(self) -> None:
        """Set the state to this one."""
        torch.set_rng_state(self.cpu)
        if self.cuda is not None:
            torch.cuda.set_rng_state(self.cuda)
