"""The encoder: a small pre-norm transformer over characters, and its language-model head.

Shapes: `input_ids` and `attention_mask` are `[batch, seq]` int64 with `seq` <= MAX_TOKENS; hidden states are
`[batch, seq, dim]`. Positions whose mask is 0 influence no other position and no pooled value, so any padding works.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.settings import MAX_TOKENS, PAD_ID


@dataclass(frozen=True)
class EncoderSize:
    dim: int = 256
    layers: int = 4
    heads: int = 4
    ffn: int = 1024


class Characters(nn.Embedding):
    """An embedding that can add to each character's vector one that all characters of its sound share.

    A misheard or mistyped character is nearly always another of the same sound, and rarely one that was learnt in that
    place. Both parts are learnt between `share_sounds` and `fold_sounds`, which leaves their sum: a trained network costs
    and stores nothing more.
    """

    def __init__(self, n_tokens: int, dim: int, padding_idx: int) -> None:
        super().__init__(n_tokens, dim, padding_idx=padding_idx)
        self.of_sound: nn.Embedding | None = None

    def share_sounds(self, sounds: Tensor) -> None:
        """`sounds` numbers the sound of each token, 0 for none."""
        self.register_buffer("sounds", sounds, persistent=False)
        self.of_sound = nn.Embedding(int(sounds.max()) + 1, self.embedding_dim, padding_idx=0)
        nn.init.zeros_(self.of_sound.weight)

    def table(self) -> Tensor:
        """The vectors of all tokens `[tokens, dim]`."""
        return self.weight if self.of_sound is None else self.weight + self.of_sound(self.sounds)

    def fold_sounds(self) -> None:
        table = self.table().detach()
        self.of_sound = None
        with torch.no_grad():
            self.weight.copy_(table)

    def forward(self, input: Tensor) -> Tensor:
        return F.embedding(input, self.table(), self.padding_idx)


class Layer(nn.Module):
    """Attention and feed-forward network, each after its own layer norm and added to what came in."""

    def __init__(self, size: EncoderSize, dropout: float) -> None:
        super().__init__()
        self.heads = size.heads
        self.dropout = dropout
        self.attention_norm = nn.LayerNorm(size.dim)
        self.qkv = nn.Linear(size.dim, 3 * size.dim)
        self.attention_out = nn.Linear(size.dim, size.dim)
        self.ffn_norm = nn.LayerNorm(size.dim)
        self.up = nn.Linear(size.dim, size.ffn)
        self.down = nn.Linear(size.ffn, size.dim)

    def forward(self, hidden: Tensor, bias: Tensor) -> Tensor:
        batch, seq, dim = hidden.shape
        qkv = self.qkv(self.attention_norm(hidden)).view(batch, seq, 3, self.heads, dim // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        # Written out: at these lengths the fused attention of the CPU costs three times as much to train.
        scores = query @ key.transpose(2, 3) * (dim // self.heads) ** -0.5 + bias
        mixed = scores.softmax(dim=-1).to(value.dtype) @ value
        mixed = self.attention_out(mixed.transpose(1, 2).reshape(batch, seq, dim))
        hidden = hidden + F.dropout(mixed, self.dropout, self.training)
        # Squared ReLU (So et al. 2021, Primer): as good as GELU and a quarter of its time on a CPU.
        changed = self.down(F.relu(self.up(self.ffn_norm(hidden))).square())
        return hidden + F.dropout(changed, self.dropout, self.training)


class Encoder(nn.Module):
    """Characters to hidden states.

    A convolution of width 3 in front gives every layer the character with its neighbours: single Chinese characters
    say little, and the layers would have to find the words first.
    """

    def __init__(self, n_tokens: int, size: EncoderSize, dropout: float = 0.0) -> None:
        super().__init__()
        self.size = size
        self.dropout = dropout
        self.embedding = Characters(n_tokens, size.dim, padding_idx=PAD_ID)
        self.positions = nn.Embedding(MAX_TOKENS, size.dim)
        self.stem = nn.Conv1d(size.dim, size.dim, 3, padding=1)
        self.embedding_norm = nn.LayerNorm(size.dim)
        self.layers = nn.ModuleList(Layer(size, dropout) for _ in range(size.layers))
        self.norm = nn.LayerNorm(size.dim)
        self.apply(self._init)

    @staticmethod
    def _init(module: nn.Module) -> None:
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        mask = attention_mask.unsqueeze(-1).to(torch.float32)
        embedded = self.embedding(input_ids) * mask
        grams = self.stem(embedded.transpose(1, 2)).transpose(1, 2)
        at = torch.arange(input_ids.shape[1], device=input_ids.device)
        hidden = self.embedding_norm(embedded + grams + self.positions(at))
        hidden = F.dropout(hidden, self.dropout, self.training)
        if torch.is_autocast_enabled("cpu"):
            hidden = hidden.to(torch.bfloat16)
        bias = (1.0 - mask).transpose(1, 2).unsqueeze(1) * -1e4  # [batch, 1, 1, seq]
        bias = bias.to(hidden.dtype)
        for layer in self.layers:
            hidden = layer(hidden, bias)
        return self.norm(hidden)


class MaskedLm(nn.Module):
    """The encoder with the head of masked-language-model pretraining; the output layer shares the embedding."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        dim = encoder.size.dim
        self.encoder = encoder
        self.transform = nn.Linear(dim, dim)
        self.norm = nn.LayerNorm(dim)
        self.bias = nn.Parameter(torch.zeros(encoder.embedding.num_embeddings))

    def forward(self, input_ids: Tensor, attention_mask: Tensor, masked: Tensor) -> Tensor:
        """Logits `[masked positions, vocabulary]` at the flat indices `masked`."""
        hidden = self.encoder(input_ids, attention_mask).flatten(0, 1)[masked]
        hidden = self.norm(F.relu(self.transform(hidden)))
        return F.linear(hidden, self.encoder.embedding.table(), self.bias)
