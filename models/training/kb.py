"""Reads the knowledge base's articles as far as training needs them."""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PARAGRAPH = (8, 120)  # characters of a paragraph worth learning from


@dataclass(frozen=True)
class KbArticle:
    """The highest published version of one article; `paragraphs` are the lines of its answer without their marks."""

    id: str
    question: str
    variants: Sequence[str]
    intents: Sequence[str]
    paragraphs: Sequence[str]


def paragraphs_of(body: str) -> list[str]:
    lines = (re.sub(r"^[\s>*#|\-]*(\d+\.)?\s*|\*\*|`", "", line).replace("|", " ").strip() for line in body.splitlines())
    return [line[: PARAGRAPH[1]] for line in lines if len(line) >= PARAGRAPH[0]]


def load_articles(folder: Path) -> list[KbArticle]:
    """Ordered by id."""
    newest: dict[str, tuple[int, KbArticle]] = {}
    for path in sorted(folder.glob("**/*.md")):
        _, front, body = path.read_text(encoding="utf-8").split("+++\n", 2)
        fields = tomllib.loads(front)
        if fields["status"] != "published" or fields["version"] <= newest.get(fields["id"], (0,))[0]:
            continue
        article = KbArticle(fields["id"], fields["question"], fields["variants"], fields["intents"], paragraphs_of(body))
        newest[article.id] = (fields["version"], article)
    return [newest[name][1] for name in sorted(newest)]
