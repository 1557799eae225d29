"""Stage 2: joins texts and labels, normalises them as the runtime does, and writes work/{train,dev,evaluation}.jsonl
and work/pool.txt, the unlabelled texts that distillation reads.

Training rows too near to a dev or eval-data text are dropped, so that those stay unseen.
"""

import argparse
import csv
import lzma
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from training.data import Row, Target, near_duplicates, read_jsonl, write_rows
from training.labels import DECISIONS, LABELS, merged, read_decisions, read_labels
from training.settings import EVAL_DATA, EVALUATION_SETS, OUTSIDE, OWN, REPO, WORK

UNLABELLED = "UVC"  # first letters of the ids of texts that only we labelled
REVIEW_CHARS = range(2, 129)
N_OTHER_FEELINGS = 8000  # microblog posts with an emotion: auxiliary task
MIN_LEAK_CHARS = 6
POOL_CHARS = range(4, 49)
# `source` of the outside rows that were passed on under a licence; see the data's README.
LICENSED_SOURCES = ("jd-select", "jd-sts")
SERVICE_DIALOGUE_LINES = 54_565  # of chat.txt: customers and agents of marketplaces, before the summaries


def normalise(texts: list[str], binary: Path) -> list[str]:
    """Runs `fenzhen text normalize`, the only implementation of the rules, over all texts at once."""
    lines = "".join(" ".join(text.split()) + "\n" for text in texts)
    done = subprocess.run([binary, "text", "normalize"], input=lines, capture_output=True, text=True, check=True)
    result = done.stdout.split("\n")[:-1]
    if len(result) != len(texts):
        raise ValueError(f"the normaliser answered {len(texts)} lines with {len(result)}")
    return result


def normalise_rows(rows: list[Row], binary: Path) -> list[Row]:
    texts = normalise([row.text for row in rows], binary)
    return [replace(row, text=text) for row, text in zip(rows, texts) if text]


def one(label: object) -> Target:
    return {str(label): 1.0}


def text_of_id() -> dict[str, str]:
    """Texts of the outside files by the ids used in the label files: Q…, R… and S… of train, U…, V… and C… by line number."""
    found = {record["id"]: record["text"] for record in read_jsonl(OUTSIDE / "utterances" / "train.jsonl")}
    for letter, name, width in (("U", "customer_utterances.txt", 5), ("V", "service_text.txt", 5)):
        with (OUTSIDE / "unlabelled" / name).open(encoding="utf-8") as file:
            found |= {f"{letter}{number:0{width}}": line.strip() for number, line in enumerate(file, 1)}
    with lzma.open(OUTSIDE / "pretraining" / "chat.txt.xz", "rt", encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if number > 111_148:
                break
            found[f"C{number:06}"] = line.strip()
    return found


def outside_rows() -> list[Row]:
    """The labelled utterances of others, with our second labels where there are some."""
    second, decisions = read_labels(LABELS), read_decisions(DECISIONS)
    rows = []
    for record in read_jsonl(OUTSIDE / "utterances" / "train.jsonl"):
        other = second.get(record["id"])
        targets = {"sentiment": one(record["sentiment"]), "intent": one(record["intent"])}
        certain = ["intent"] * record["clear"] + ["sentiment"] * record["sentiment_agreed"]
        if other:
            targets |= {"emotion": one(other.emotion), "urgency": one(other.urgency)}
            targets["intent"] = merged(record["intent"], other, decisions.get(record["id"]))
            targets["sentiment"] = merged_sentiment(record["sentiment"], other.sentiment)
        rows.append(Row(record["text"], "outside", targets, certain))
    return rows


def merged_sentiment(first: str, second: str) -> Target:
    return one(first) if first == second else {second: 0.75, first: 0.25}  # see `labels.merged`


def pool_rows(texts: dict[str, str]) -> list[Row]:
    """Texts of the unlabelled files that we labelled ourselves."""
    rows = []
    for key, label in read_labels(LABELS).items():
        if key[0] in UNLABELLED and label.intent != "agent":
            intent = one(label.intent)
            if label.second and label.second != "agent":
                intent = {label.intent: 0.75, label.second: 0.25}
            targets = {
                "intent": intent,
                "sentiment": one(label.sentiment),
                "emotion": one(label.emotion),
                "urgency": one(label.urgency),
            }
            rows.append(Row(texts[key], "pool", targets, ["intent", "sentiment"] if label.certain else ["sentiment"]))
    return rows


def own_rows() -> list[Row]:
    rows = []
    for path in sorted(OWN.glob("*.jsonl")):
        for record in read_jsonl(path):
            targets = {task: one(record[task]) for task in ("intent", "sentiment", "emotion", "urgency") if task in record}
            rows.append(Row(record["text"], "own", targets, ["intent", "sentiment"], style=record.get("style", "")))
    return list({row.text: row for row in rows}.values())


def review_rows() -> list[Row]:
    records = read_jsonl(OUTSIDE / "sentiment" / "shopping_train.jsonl")
    return [
        Row(record["text"], "review", {"review": one(record["sentiment"])})
        for record in records
        if len(record["text"]) in REVIEW_CHARS
    ]


def auxiliary_rows() -> list[Row]:
    """Other labels on near texts: the marketplace's own 123 categories, topics of service questions, feelings of posts."""
    rows = [
        Row(record["text"], "auxiliary", {"jd123": one(record["intent"])})
        for record in read_jsonl(OUTSIDE / "jd123" / "train.jsonl")
    ]
    questions = read_jsonl(OUTSIDE / "kb" / "service_qa.jsonl")
    topics = Counter(record["intent"] for record in questions)
    rows += [
        Row(record["q"], "auxiliary", {"topic": one(record["intent"])})
        for record in questions
        if topics[record["intent"]] >= 20
    ]
    posts = read_jsonl(OUTSIDE / "sentiment" / "weibo_emotion_train.jsonl")
    rows += [Row(r["text"], "auxiliary", {"post_emotion": one(r["emotion"])}) for r in posts[:N_OTHER_FEELINGS]]
    return rows


# The English set's 27 intents in our labels; those it splits finer or coarser take the label most of their rows mean.
ENGLISH_INTENTS = {
    "cancel_order": "order.cancel", "change_order": "order.modify", "change_shipping_address": "order.modify",
    "check_cancellation_fee": "order.cancel", "check_invoice": "invoice", "check_invoices": "invoice",
    "check_payment_methods": "payment.method", "check_refund_policy": "refund.request", "complaint": "complaint.service",
    "contact_customer_service": "chat.human", "contact_human_agent": "chat.human", "create_account": "account.login",
    "delete_account": "account.profile", "delivery_options": "shipping.arrange", "delivery_period": "shipping.track",
    "edit_account": "account.profile", "get_invoice": "invoice", "get_refund": "refund.request",
    "newsletter_subscription": "promotion.coupon", "payment_issue": "payment.failure", "place_order": "order.place",
    "recover_password": "account.login", "registration_problems": "account.login", "review": "order.review",
    "set_up_shipping_address": "account.profile", "switch_account": "account.profile", "track_order": "shipping.track",
    "track_refund": "refund.status",
}  # fmt: skip
ENGLISH_HELD_OUT = 5  # every fifth English row is kept for evaluation


def english_rows() -> tuple[list[Row], list[Row]]:
    """Rows of the English customer-service set in our labels: for training, and held out."""
    path = next((OUTSIDE / "outside" / "bitext_2023q3_older").glob("*.csv"))
    with path.open(encoding="utf-8") as file:
        records = [record for record in csv.DictReader(file) if record["intent"] in ENGLISH_INTENTS]
    rows = [
        Row(record["instruction"], "english", {"intent": one(ENGLISH_INTENTS[record["intent"]])}, ["intent"], ["intent"])
        for record in records
    ]
    rows = list({row.text: row for row in rows}.values())
    held_out = rows[::ENGLISH_HELD_OUT]
    leaks = near_duplicates([row.text for row in rows], [row.text for row in held_out], 0.8)
    return [row for row, leak in zip(rows, leaks) if not leak], [replace(row, style="bitext") for row in held_out]


# Voice-assistant domains that no shop serves. Left out: chat, and the tickets and phone matters that `service.virtual` is.
ASSISTANT_DOMAINS = (
    "app", "calc", "contacts", "cookbook", "datetime", "email", "epg", "health", "lottery", "map", "match", "message", "music",
    "news", "novel", "poetry", "radio", "riddle", "schedule", "stock", "translation", "tvchannel", "video", "weather", "website",
)  # fmt: skip


def assistant_texts(split: str) -> list[str]:
    """Voice-assistant utterances; `train` is learnt as out of scope, `test` is only measured."""
    folder = OUTSIDE / "outside" / "smp2017_2019_ecdt" / "dataSet" / "往年数据" / "Task1data" / split
    paths = [folder / f"{split}_{domain}.txt" for domain in ASSISTANT_DOMAINS]
    return [line.strip() for path in paths for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]


def assistant_rows() -> list[Row]:
    targets = {"intent": one("oos"), "sentiment": one("neutral"), "emotion": one("calm"), "urgency": one(0)}
    return [Row(text, "assistant", targets, ["intent", "sentiment"]) for text in assistant_texts("train")]


def cross_language_assistant_texts() -> list[str]:
    """Chinese rows of a cross-lingual assistant set: measured only."""
    lines = (OUTSIDE / "outside" / "xsid_zh" / "data" / "xSID-0.4" / "zh.test.conll").read_text(encoding="utf-8").splitlines()
    return [line.removeprefix("# text: ") for line in lines if line.startswith("# text: ")]


def dev_rows() -> list[Row]:
    rows = []
    for record in read_jsonl(OUTSIDE / "utterances" / "dev.jsonl"):
        targets = {"intent": one(record["intent"]), "sentiment": one(record["sentiment"])}
        agreed = ["intent"] * record["agreed"] + ["sentiment"] * record["sentiment_agreed"]
        rows.append(Row(record["text"], "dev", targets, ["intent"] * record["clear"], agreed))
    return rows


def evaluation_rows() -> list[Row]:
    """The project's own evaluation sets: measured at the end, never trained or tuned on."""
    rows = []
    for name in EVALUATION_SETS:
        path = EVAL_DATA / f"{name}.jsonl"
        for record in read_jsonl(path) if path.exists() else []:
            tasks = ("intent", "sentiment", "emotion", "urgency")
            targets = {task: one(record[task]) for task in tasks if task in record}
            rows.append(Row(record["text"], name, targets, ["intent"] * record.get("clear", True)))
    return rows


def evaluation_texts(value: object) -> Iterator[str]:
    """All that customers say in the evaluation sets: messages, queries and the steps of conversations.

    Very short ones are left out: everybody says 你好, and a model must have seen it.
    """
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from evaluation_texts(part)
    if isinstance(value, dict):
        said = (value.get(key) for key in ("text", "query", "say"))
        yield from (text for text in said if isinstance(text, str) and len(text) >= MIN_LEAK_CHARS)


def drop_leaks(rows: list[Row], unseen: list[str]) -> list[Row]:
    leaks = near_duplicates([row.text for row in rows], unseen)
    kept = [row for row, leak in zip(rows, leaks) if not leak]
    print(f"dropped {len(rows) - len(kept)} of {len(rows)} {rows[0].origin if rows else ''} rows near unseen texts")
    return kept


def pool_texts(texts: dict[str, str], labelled: set[str]) -> list[str]:
    """Unlabelled customer utterances and service dialogue: what the teacher explains to the students."""
    chosen = []
    for key, text in texts.items():
        kept = key[0] in "UV" or (key[0] == "C" and int(key[1:]) <= SERVICE_DIALOGUE_LINES)
        if kept and key not in labelled and len(text) in POOL_CHARS:
            chosen.append(text)
    return chosen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--normalizer", type=Path, default=REPO / "target" / "release" / "fenzhen")
    parser.add_argument("--licensed", action="store_true", help="only rows with a licence, and own texts")
    args = parser.parse_args()
    if not args.normalizer.exists():
        parser.error(f"{args.normalizer} is missing: cargo build --release, or name another with --normalizer")

    WORK.mkdir(parents=True, exist_ok=True)
    dev = normalise_rows(dev_rows(), args.normalizer)
    evaluation = normalise_rows(evaluation_rows(), args.normalizer)
    sets = [read_jsonl(path) for path in sorted(EVAL_DATA.glob("*.jsonl"))]
    unseen = [row.text for row in dev] + normalise(list(evaluation_texts(sets)), args.normalizer)
    texts = text_of_id()
    english, english_held_out = english_rows()
    sources = [own_rows(), english]
    if args.licensed:
        licensed = {r["text"] for r in read_jsonl(OUTSIDE / "utterances" / "train.jsonl") if r["source"] in LICENSED_SOURCES}
        sources.append([row for row in outside_rows() if row.text in licensed])
        sources.append([row for row in auxiliary_rows() if "jd123" in row.targets])
    else:
        sources += [outside_rows(), pool_rows(texts), assistant_rows(), review_rows(), auxiliary_rows()]
    train = [row for rows in sources for row in drop_leaks(normalise_rows(rows, args.normalizer), unseen)]
    pool = [] if args.licensed else normalise(pool_texts(texts, set(read_labels(LABELS))), args.normalizer)
    known = {row.text for row in train} | set(unseen)
    pool = [text for text in dict.fromkeys(pool) if text not in known]

    assistant = [Row(text, "assistant", {"intent": one("oos")}) for text in assistant_texts("test")]
    assistant += [Row(text, "assistant", {"intent": one("oos")}) for text in cross_language_assistant_texts()]
    evaluation += normalise_rows(assistant, args.normalizer)
    write_rows(WORK / "dev.jsonl", dev)
    write_rows(WORK / "evaluation.jsonl", evaluation + normalise_rows(english_held_out, args.normalizer))
    write_rows(WORK / "train.jsonl", train)
    (WORK / "pool.txt").write_text("".join(f"{text}\n" for text in pool), encoding="utf-8")
    print(f"train {dict(Counter(row.origin for row in train))}, dev {len(dev)}, pool {len(pool)}")


if __name__ == "__main__":
    main()
