"""The networks: a body that turns a text into one vector, a hashed n-gram bag, a
character TextCNN or the encoder, with one head a task.

Shapes: `input_ids` and `attention_mask` are `[batch, seq]` int64, a head's logits `[batch, labels]` float32.
Positions whose mask is 0 never influence the result: they are zero before the filters see them, just as the
margin of a text is, and zero again before the maximum is taken. So any `seq` >= 1 works.
"""

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.encoder import Characters, Encoder
from training.settings import PAD_ID


EMBEDDING_STD = 0.1  # of the characters of a CNN before training


class TextCnn(nn.Module):
    """Embedding, filters of several widths, maximum over positions (Kim 2014). `[batch, seq]` to `[batch, width]`."""

    def __init__(self, n_tokens: int, dim: int, filters: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.embedding = Characters(n_tokens, dim, padding_idx=PAD_ID)
        nn.init.normal_(self.embedding.weight, std=EMBEDDING_STD)
        self.filters = nn.ModuleList(nn.Conv1d(dim, filters, width) for width in widths)
        self.dropout = nn.Dropout(0.2)
        self.width = filters * len(widths)

    @property
    def characters(self) -> Characters:
        return self.embedding

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        embedded = self.dropout(self.embedding(input_ids))
        mask = attention_mask.to(embedded.dtype).unsqueeze(1)
        embedded = embedded.transpose(1, 2) * mask
        pooled = []
        for conv in self.filters:
            width = conv.kernel_size[0]
            margin = F.pad(embedded, ((width - 1) // 2, width // 2))
            # After ReLU no value is below zero, so multiplying hides a position from the maximum.
            pooled.append((F.relu(conv(margin)) * mask).amax(dim=2))
        return torch.cat(pooled, dim=1)


class NgramBag(nn.Module):
    """A linear model over the runs of one to three characters of a text, hashed into a table (Joulin et al. 2016, fastText).

    A row of the table holds the run's weight for each label and, last, its squared inverse document frequency: the sum of
    the weights is divided by the root of the sum of the latter, so that long texts count like short ones. `linear.py` fits
    the table; nothing is learnt by gradients. Zeros stand for the ends of the text.
    """

    LENGTHS = (1, 2, 3)
    # Odd multipliers of about 2^40 spread the ids of neighbours over the table; sums of products stay below 2^63.
    MULTIPLIERS = (1_099_511_628_211, 911_382_323_147, 972_663_749_017)

    def __init__(self, buckets: int, n_labels: int) -> None:
        super().__init__()
        self.buckets = buckets
        self.table = nn.Embedding(buckets, n_labels + 1)
        self.width = n_labels

    def runs(self, input_ids: Tensor, attention_mask: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """For each length the buckets of all runs and which of them are real, both `[batch, seq + 1]`."""
        ids = F.pad(input_ids * attention_mask, (1, max(self.LENGTHS) - 1))
        # The empty place before the text begins runs of two and more; a run ends with the one after it at the latest.
        inside = F.pad(attention_mask, (1, max(self.LENGTHS)), value=0)
        begins = F.pad(attention_mask, (1, 0), value=1)
        n_starts = attention_mask.shape[1] + 1
        run = torch.zeros((), dtype=torch.int64)
        for at, length in enumerate(self.LENGTHS):
            run = run + ids[:, at : at + n_starts] * self.MULTIPLIERS[at] + length
            if length == 1:
                real = inside[:, :n_starts]
            elif length == 2:
                real = begins
            else:
                real = begins * inside[:, length - 2 : length - 2 + n_starts]
            yield torch.remainder(run // 8, self.buckets), real

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        total = torch.zeros(())
        for buckets, real in self.runs(input_ids, attention_mask):
            vectors = self.table(buckets)
            total = total + (vectors * real.unsqueeze(-1).to(vectors.dtype)).sum(dim=1)
        return total[:, : self.width] / total[:, self.width :].clamp(min=1e-6).sqrt()


class PooledEncoder(nn.Module):
    """The mean and the maximum of the encoder's hidden states."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.width = 2 * encoder.size.dim

    @property
    def characters(self) -> Characters:
        return self.encoder.embedding

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        hidden = self.encoder(input_ids, attention_mask).float()
        mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
        mean = (hidden * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1.0)
        top = (hidden * mask - 1e4 * (1.0 - mask)).amax(dim=1)
        return torch.cat([mean, top], dim=1)


class MultiTask(nn.Module):
    """A body and a linear head a task; all heads read the same vector."""

    def __init__(self, body: NgramBag | TextCnn | PooledEncoder, n_labels: Mapping[str, int], dropout: float) -> None:
        super().__init__()
        self.body = body
        self.dropout = nn.Dropout(dropout)
        self.heads = nn.ModuleDict({task: nn.Linear(body.width, n) for task, n in n_labels.items()})

    def forward(self, input_ids: Tensor, attention_mask: Tensor, tasks: Sequence[str]) -> dict[str, Tensor]:
        vector = self.dropout(self.body(input_ids, attention_mask).float())
        return {task: self.heads[task](vector) for task in tasks}


class OneTask(nn.Module):
    """One task of some networks, for export: the mean of their log-probabilities, or the logits of a single one.

    `shift` is added to the logits of the labels, in their order.
    """

    def __init__(self, members: Sequence[MultiTask], task: str, shift: Sequence[float] = ()) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.task = task
        self.register_buffer("shift", torch.tensor(shift) if shift else torch.zeros(()))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        logits = [member(input_ids, attention_mask, [self.task])[self.task] for member in self.members]
        if len(logits) == 1:
            return logits[0] + self.shift
        return torch.stack([F.log_softmax(part, dim=-1) for part in logits]).mean(dim=0) + self.shift
