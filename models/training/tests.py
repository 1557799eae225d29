"""Checks of the parts that need no outside data: `python -m unittest training.tests`."""

import random
import tempfile
import unittest
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

from training.augment import fill_placeholders
from training.calibrate import fit_temperature, oos_features
from training.data import Row, near_duplicates
from training.encoder import Characters, Encoder, EncoderSize, MaskedLm
from training.labels import Label, merged
from training.metrics import accuracy_of_surest, calibration_error, softmax
from training.linear import Features
from training.model import MultiTask, NgramBag, OneTask, PooledEncoder, TextCnn
from training.noise import Noise
from training.pretrain import MASK_ID, Homophones, hide
from training.retrain import DataError, check, hold_back, read_table
from training.settings import PAD_ID, Recipe, UNK_ID
from training.train import Example, encode, examples_of, predict, train
from training.vocabulary import load_vocab, sounds_of, write_tokenizer

SMALL = EncoderSize(dim=64, layers=2, heads=2, ffn=96)


def networks() -> list[OneTask]:
    torch.manual_seed(1)
    bodies = [TextCnn(30, 8, 6, (2, 3, 4, 5)), PooledEncoder(Encoder(30, SMALL)), NgramBag(64, 4)]
    torch.nn.init.uniform_(bodies[2].table.weight)
    members = [MultiTask(body, {"intent": 4, "other": 3}, 0.1) for body in bodies]
    return [OneTask([members[0]], "intent").eval(), OneTask([members[2]], "intent").eval(), OneTask(members, "intent").eval()]


class Networks(unittest.TestCase):
    def test_padding_changes_nothing(self) -> None:
        for model in networks():
            for n_tokens in (1, 2, 3, 7):
                ids = torch.randint(2, 30, (1, n_tokens))
                alone = model(ids, torch.ones_like(ids))
                # Ids under the mask are arbitrary, not only [PAD].
                padded = torch.cat([ids, torch.full((1, 9), 5)], dim=1)
                mask = torch.cat([torch.ones_like(ids), torch.zeros((1, 9), dtype=torch.int64)], dim=1)
                torch.testing.assert_close(model(padded, mask), alone, atol=1e-4, rtol=0)

    def test_empty_text_is_finite(self) -> None:
        nothing = torch.zeros((1, 1), dtype=torch.int64)
        for model in networks():
            self.assertTrue(torch.isfinite(model(nothing, nothing)).all())

    def test_a_mean_of_networks_is_a_distribution(self) -> None:
        ids = torch.randint(2, 30, (5, 7))
        scores = networks()[2](ids, torch.ones_like(ids)).exp().sum(dim=1)
        self.assertTrue((scores <= 1.0001).all())


class Bag(unittest.TestCase):
    def test_the_network_computes_what_the_machine_was_fitted_on(self) -> None:
        vocab = {char: at for at, char in enumerate("__退款货换发票什么时候")}
        bag, texts = NgramBag(997, 2), ["退款", "什么时候退款退款", "票"]
        features = Features(bag, vocab)
        features.idf = np.random.default_rng(1).uniform(0.5, 2.0, 997).astype(np.float32)
        weights = np.random.default_rng(2).normal(size=(997, 2)).astype(np.float32)
        expected = features.weighted(features.counts(texts)) @ weights
        table = np.concatenate([weights * features.idf[:, None], features.idf[:, None] ** 2], axis=1)
        with torch.no_grad():
            bag.table.weight.copy_(torch.from_numpy(table))
            found = bag(*encode(texts, vocab)).numpy()
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


class Pretraining(unittest.TestCase):
    def test_hides_a_fixed_number_of_real_positions(self) -> None:
        ids = np.random.default_rng(3).integers(2, 100, (32, 16))
        ids[:, 13:] = PAD_ID
        homophones = Homophones(np.arange(100) // 10)
        changed, masked = hide(ids, homophones, np.random.default_rng(4))
        again, _ = hide(ids, homophones, np.random.default_rng(4))
        self.assertEqual(len(masked), int(ids.size * 0.2))
        self.assertTrue((ids.ravel()[masked] != PAD_ID).all())
        untouched = np.delete(np.arange(ids.size), masked)
        np.testing.assert_array_equal(changed.ravel()[untouched], ids.ravel()[untouched])
        self.assertGreater((changed.ravel()[masked] == MASK_ID).mean(), 0.7)
        np.testing.assert_array_equal(changed, again)

    def test_homophones_sound_alike(self) -> None:
        vocab = {"[PAD]": 0, "[UNK]": 1, "换": 2, "还": 3, "环": 4, "退": 5, "a": 6}
        sounds = sounds_of(vocab)
        self.assertEqual(list(sounds[[0, 1, 6]]), [0, 0, 0])
        self.assertEqual(sounds[2], sounds[4])
        drawn = Homophones(sounds).draw(np.array([2] * 50 + [5, 6]), np.random.default_rng(1))
        self.assertEqual({2, 4}, set(drawn[:50]) - {3})
        self.assertEqual(list(drawn[50:]), [5, 6])

    def test_shared_sounds_are_folded_into_the_characters(self) -> None:
        torch.manual_seed(2)
        characters = Characters(5, 4, padding_idx=0)
        before = characters.weight.detach().clone()
        characters.share_sounds(torch.tensor([0, 0, 1, 1, 2]))
        with torch.no_grad():
            characters.of_sound.weight[1] = 1.0
        learnt = characters(torch.arange(5)).detach()
        characters.fold_sounds()
        torch.testing.assert_close(characters(torch.arange(5)), learnt)
        torch.testing.assert_close(characters.weight[2:4], before[2:4] + 1.0)
        self.assertEqual(list(characters.state_dict()), ["weight"])

    def test_learns_a_repeated_text(self) -> None:
        torch.manual_seed(2)
        model = MaskedLm(Encoder(12, SMALL))
        ids = torch.tensor([[2, 3, 4, 5, 6, 7]] * 8)
        hidden = ids.clone()
        hidden[:, 2] = MASK_ID
        optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
        at = torch.arange(8) * 6 + 2
        losses = []
        for _ in range(30):
            loss = torch.nn.functional.cross_entropy(model(hidden, torch.ones_like(ids), at), ids.flatten()[at])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        self.assertLess(losses[-1], 0.5 * losses[0])


class Training(unittest.TestCase):
    recipe = Recipe("cnn", ("intent",), epochs=20, learning_rate=1e-2, batch_size=4, noise=0.0, dim=8, filters=8, ema_decay=0.5)

    def test_learns_soft_targets_and_repeats_itself(self) -> None:
        vocab = {char: at for at, char in enumerate("__退款货换发票", 0)}
        texts, labels = ["退款", "退货", "换货", "发票"], {"intent": ["a", "b"]}
        targets = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], dtype=np.float32)
        examples = [Example(text, {"intent": target}, {"intent": 1.0}) for text, target in zip(texts * 4, np.tile(targets, (4, 1)))]
        found = []
        for _ in range(2):
            torch.manual_seed(5)
            model = MultiTask(TextCnn(max(vocab.values()) + 1, 8, 8, (1, 2)), {"intent": 2}, 0.1)
            trained = train(model, examples, self.recipe, 5, vocab, "test", [], labels)
            found.append(predict(trained, texts, vocab, "intent"))
        np.testing.assert_array_equal(found[0].argmax(axis=1), [0, 0, 1, 1])
        np.testing.assert_allclose(found[0], found[1], atol=1e-6)

    def test_doubtful_and_disputed_rows_count_less_and_are_shared(self) -> None:
        rows = [
            Row("a", "outside", {"intent": {"x": 1.0}}, ["intent"]),
            Row("b", "outside", {"intent": {"x": 0.6, "y": 0.4}}),
            Row("c", "own", {"intent": {"y": 1.0}}, ["intent"]),
        ]
        recipe = replace(self.recipe, n_rare=3, max_repeats=3)
        examples = examples_of(rows, {"intent": ["x", "y"]}, recipe)
        self.assertEqual([example.text for example in examples], ["a", "b", "c", "c", "c"])
        self.assertEqual([example.weights["intent"] for example in examples[:2]], [1.0, 0.7])
        np.testing.assert_allclose(examples[1].targets["intent"], [0.6, 0.4])


class Labels(unittest.TestCase):
    def test_two_labels_become_one_distribution(self) -> None:
        other = Label("b", "neutral", "calm", "1", True, "")
        self.assertEqual(merged("b", other, None), {"b": 1.0})
        self.assertEqual(merged("a", other, "b"), {"b": 0.8, "a": 0.2})
        self.assertEqual(merged("a", other, "a"), {"b": 0.5, "a": 0.5})
        self.assertEqual(merged("a", other, "c"), {"b": 0.65, "a": 0.35})
        self.assertEqual(merged("a", replace(other, intent="agent"), "c"), {"a": 1.0})


class Texts(unittest.TestCase):
    def test_tokenizer_gives_one_id_a_character(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "tokenizer.json"
            write_tokenizer(["退款 退款", "退货 了了"], path)
            ids = Tokenizer.from_file(str(path)).encode("退 款🙃a").ids
            vocab = load_vocab(path)
        self.assertEqual(ids, encode(["退 款🙃a"], vocab)[0][0].tolist())
        self.assertEqual(ids[3], UNK_ID)

    def test_near_duplicates(self) -> None:
        found = near_duplicates(["什么时候发货呀", "退货运费谁出"], ["什么时候发货"])
        self.assertEqual(found.tolist(), [True, False])

    def test_placeholders_are_filled(self) -> None:
        rng = random.Random(1)
        filled = {fill_placeholders("单号[数字x]", rng) for _ in range(40)}
        self.assertIn("单号[数字x]", filled)
        self.assertTrue(any("[" not in text for text in filled))

    def test_every_kind_of_noise_leaves_a_text(self) -> None:
        text = "我的退款怎么还没到账,麻烦催一下客服"
        noise, rng = Noise(Counter(text + "推宽者吗")), random.Random(2)
        for name, change in noise.kinds.items():
            results = {change(text, rng) for _ in range(30)}
            self.assertTrue(all(results), name)
            self.assertTrue(any(result != text for result in results), name)
        self.assertEqual(noise("退款", rng), "退款")


class Figures(unittest.TestCase):
    def test_temperature_of_overconfident_scores_is_above_one(self) -> None:
        rng = np.random.default_rng(1)
        truth = rng.integers(0, 3, 500)
        logits = rng.normal(0, 1, (500, 3))
        logits[np.arange(500), truth] += 1.0
        self.assertGreater(fit_temperature(logits * 4, truth), 3 * fit_temperature(logits, truth) - 0.5)

    def test_calibration_error_and_surest(self) -> None:
        scores = np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.55, 0.45], [0.5, 0.5]])
        truth = np.array([0, 0, 0, 1, 1])
        self.assertEqual(accuracy_of_surest(0.6)(truth, scores), 1.0)
        self.assertAlmostEqual(calibration_error(np.array([0]), np.array([[1.0, 0.0]])), 0.0)

    def test_out_of_scope_features(self) -> None:
        logits = np.array([[4.0, 0.0, 0.0], [0.0, 0.0, 4.0], [0.0, 0.0, 0.0]])
        found = oos_features(logits, 1.0, oos_idx=2)
        np.testing.assert_allclose(found[:, 0], softmax(logits)[:, 2])
        self.assertGreater(found[0, 1], found[1, 1])
        self.assertAlmostEqual(found[2, 2], np.log(3))
        self.assertLess(found[0, 2], found[2, 2])


class OwnLabels(unittest.TestCase):
    def test_faults_are_named_by_row(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "rows.csv"
            path.write_text("text,label\n你好,a\n,b\n再见,\n", encoding="utf-8")
            with self.assertRaisesRegex(DataError, "row 2: text.*\n.*row 3: label"):
                read_table(path, "label")
        with self.assertRaisesRegex(DataError, "at least 20 rows"):
            check([("你好", "a")])

    def test_no_near_duplicate_crosses_and_no_label_is_left_bare(self) -> None:
        texts = [f"{word}{tail}" for word in "苹果香蕉橘子西瓜葡萄" for tail in ("什么时候发货", "什么时候发货呀", "能退吗")]
        rows = [Row(text, "mine", {"intent": {text[0]: 1.0}}) for text in dict.fromkeys(texts)]
        learnt, kept = hold_back(rows, random.Random(3))
        self.assertEqual(len(learnt) + len(kept), len(rows))
        self.assertEqual({row.label("intent") for row in kept} - {row.label("intent") for row in learnt}, set())


if __name__ == "__main__":
    unittest.main()
