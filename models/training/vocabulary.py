"""The tokenizer: one token a character, in a file that the `tokenizers` library reads."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from pypinyin import lazy_pinyin
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


# Keyboards and ears of many regions take these for one another.
FUZZY = (("zh", "z"), ("ch", "c"), ("sh", "s"), ("ing", "in"), ("eng", "en"), ("ang", "an"))


def sound_of(char: str) -> str:
    """The syllable a character is most often read as, without its tone, as people confuse syllables."""
    sound = lazy_pinyin(char)[0]
    for heard, other in FUZZY:
        sound = sound.replace(heard, other)
    return sound


def is_ideograph(token: str) -> bool:
    return len(token) == 1 and "\u4e00" <= token <= "\u9fff"


def sounds_of(vocab: dict[str, int]) -> np.ndarray:
    """For each token the number of its syllable, from 1; 0 for what is no Chinese character."""
    syllables = {token: sound_of(token) for token in vocab if is_ideograph(token)}
    number = {syllable: at for at, syllable in enumerate(sorted(set(syllables.values())), 1)}
    result = np.zeros(max(vocab.values()) + 1, dtype=np.int64)
    for token, syllable in syllables.items():
        result[vocab[token]] = number[syllable]
    return result
