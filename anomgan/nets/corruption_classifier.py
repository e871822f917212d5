"""A discriminator that tells which cells of a row are corrupted, and how."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from anomgan.nets.contrast_embedding import ContrastEmbedding
from anomgan.nets.layers import MemberLinear


class CorruptionClassifier(ContrastEmbedding):
    """Tells which cells are corrupted, and what was done to a row.

    Its directions are fitted after training.
    """

    def __init__(
        self, members: int, inputs: int, base: int, conditions: int, hidden: int, outputs: int
    ) -> None:
        """Build the networks; ``outputs`` is the number of columns plus that of kinds of rows."""
        super().__init__(members, inputs, base, conditions, hidden)
        self.head = MemberLinear(members, hidden, outputs)

    def loss(self, inputs: Tensor, kinds: Tensor, cells: Tensor) -> Tensor:
        """Cross-entropy of cells plus that of rows, ``(M,)``.

        Args:
            inputs: Encoded real and corrupted rows with their conditions, ``(M, n, inputs)``.
            kinds: What was done to each row, ``(M, n)``; 0 for nothing.
            cells: Which cells were changed, ``(M, n, columns)``, 0 or 1.
        """
        logits = self.head(self.net.activations(inputs)[-1])
        columns = cells.shape[-1]
        of_cells = binary_cross_entropy_with_logits(logits[..., :columns], cells, reduction="none")
        of_rows = cross_entropy(
            logits[..., columns:].flatten(0, 1), kinds.flatten(), reduction="none"
        )
        return of_cells.mean((1, 2)) + of_rows.view_as(kinds).mean(1)
