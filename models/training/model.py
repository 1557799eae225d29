"""The network: a character TextCNN, and the average of several that is exported.

Shapes: `input_ids` and `attention_mask` are `[batch, seq]` int64, `logits` is `[batch, labels]` float32.
Positions whose mask is 0 never influence the result: they are zero before the filters see them, just as the
margin of a text is, and zero again before the maximum is taken. So any `seq` >= 1 works.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.settings import PAD_ID, Recipe


class TextCnn(nn.Module):
    """Embedding, filters of several widths, maximum over positions, one linear layer (Kim 2014)."""

    def __init__(self, n_tokens: int, n_labels: int, recipe: Recipe) -> None:
        super().__init__()
        self.embedding = nn.Embedding(n_tokens, recipe.embedding_dim, padding_idx=PAD_ID)
        nn.init.normal_(self.embedding.weight, std=0.1)
        self.filters = nn.ModuleList(nn.Conv1d(recipe.embedding_dim, recipe.filters, width) for width in recipe.widths)
        self.embedding_dropout = nn.Dropout(recipe.embedding_dropout)
        self.dropout = nn.Dropout(recipe.dropout)
        self.output = nn.Linear(recipe.filters * len(recipe.widths), n_labels)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        embedded = self.embedding_dropout(self.embedding(input_ids))
        mask = attention_mask.to(embedded.dtype).unsqueeze(1)
        embedded = embedded.transpose(1, 2) * mask
        pooled = []
        for conv in self.filters:
            width = conv.kernel_size[0]
            margin = F.pad(embedded, ((width - 1) // 2, width // 2))
            # After ReLU no value is below zero, so multiplying hides a position from the maximum.
            pooled.append((F.relu(conv(margin)) * mask).amax(dim=2))
        return self.output(self.dropout(torch.cat(pooled, dim=1)))


class Ensemble(nn.Module):
    """The mean of the members' log-probabilities, given as `logits`: softmax of it is a probability again."""

    def __init__(self, members: list[TextCnn]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        members = [F.log_softmax(member(input_ids, attention_mask), dim=-1) for member in self.members]
        return torch.stack(members).mean(dim=0)
