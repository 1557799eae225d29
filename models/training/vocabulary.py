"""The tokenizer: one token a character, in a file that the `tokenizers` library reads."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Regex, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Split

from training.settings import PAD, UNK

MIN_COUNT = 2
# Made-up values may hold any of these, whatever the texts hold.
ALWAYS = "0123456789abcdefghijklmnopqrstuvwxyz"


def write_tokenizer(texts: Iterable[str], path: Path, min_count: int = MIN_COUNT) -> int:
    """Writes a character tokenizer of the texts and returns the size of its vocabulary."""
    counts = Counter(char for text in texts for char in text)
    chars = [char for char, count in counts.items() if count >= min_count or char in ALWAYS]
    chars += [char for char in ALWAYS if char not in counts]
    # By code point: the file does not change when only the counts do.
    vocab = {token: idx for idx, token in enumerate([PAD, UNK, *sorted(chars)])}
    tokenizer = Tokenizer(WordLevel(vocab, unk_token=UNK))
    tokenizer.pre_tokenizer = Split(Regex(r"[\s\S]"), behavior="isolated")
    tokenizer.save(str(path))
    return len(vocab)


def load_vocab(path: Path) -> dict[str, int]:
    return Tokenizer.from_file(str(path)).get_vocab()
