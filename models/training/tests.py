"""Checks of the parts that need no outside data: `python -m unittest training.tests`."""

import random
import tempfile
import unittest
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

from training.augment import Noise, fill_placeholders
from training.calibrate import choose_thresholds, fit_temperature, outcomes
from training.data import near_duplicates
from training.export import fold_bias
from training.metrics import calibration_error
from training.model import Ensemble, TextCnn
from training.settings import Recipe, UNK_ID
from training.train import encode
from training.vocabulary import load_vocab, write_tokenizer


class Network(unittest.TestCase):
    def setUp(self) -> None:
        torch.manual_seed(1)
        recipe = Recipe(embedding_dim=8, filters=6)
        self.model = Ensemble([TextCnn(30, 4, recipe) for _ in range(2)]).eval()

    def test_padding_changes_nothing(self) -> None:
        for n_tokens in (1, 2, 3, 7):
            ids = torch.randint(2, 30, (1, n_tokens))
            alone = self.model(ids, torch.ones_like(ids))
            # Ids under the mask are arbitrary, not only [PAD].
            padded = torch.cat([ids, torch.full((1, 9), 5)], dim=1)
            mask = torch.cat([torch.ones_like(ids), torch.zeros((1, 9), dtype=torch.int64)], dim=1)
            torch.testing.assert_close(self.model(padded, mask), alone, atol=1e-5, rtol=0)

    def test_folded_bias_shifts_the_mean(self) -> None:
        ids = torch.randint(2, 30, (5, 7))
        with torch.no_grad():
            before = self.model(ids, torch.ones_like(ids))
            fold_bias(list(self.model.members), ["a", "b", "c", "d"], {"b": -0.7})
            after = self.model(ids, torch.ones_like(ids))
        expected = torch.softmax(before + torch.tensor([0.0, -0.7, 0.0, 0.0]), dim=-1)
        torch.testing.assert_close(torch.softmax(after, dim=-1), expected, atol=1e-6, rtol=0)

    def test_empty_text_is_finite(self) -> None:
        nothing = torch.zeros((1, 1), dtype=torch.int64)
        self.assertTrue(torch.isfinite(self.model(nothing, nothing)).all())


class Texts(unittest.TestCase):
    def test_tokenizer_gives_one_id_a_character(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "tokenizer.json"
            write_tokenizer(["退款 退款", "退货 了了"], path)
            ids = Tokenizer.from_file(str(path)).encode("退 款🙃a").ids
            vocab = load_vocab(path)
        self.assertEqual(ids, encode(["退 款🙃a"], vocab)[0][0].tolist())
        self.assertEqual(ids[3], UNK_ID)

    def test_placeholders_are_filled(self) -> None:
        rng = random.Random(3)
        filled = {fill_placeholders("我叫[姓名x]电话[电话x]", rng) for _ in range(50)}
        self.assertTrue(any("[" not in text for text in filled))
        self.assertEqual(fill_placeholders("[玫瑰]", rng), "[玫瑰]")

    def test_noise_spares_short_texts(self) -> None:
        noise, rng = Noise("退款推腿"), random.Random(3)
        self.assertEqual({noise("退款", rng) for _ in range(50)}, {"退款"})
        self.assertGreater(len({noise("我要退款", rng) for _ in range(50)}), 1)

    def test_near_duplicates(self) -> None:
        hits = near_duplicates(["怎么申请退款呢", "你好", "发货了吗"], ["怎么申请退款", "好的"])
        self.assertEqual(hits.tolist(), [True, False, False])


class Calibration(unittest.TestCase):
    def test_temperature_undoes_overconfidence(self) -> None:
        rng = np.random.default_rng(1)
        logits = rng.normal(size=(4000, 3))
        truth = np.array([rng.choice(3, p=np.exp(row) / np.exp(row).sum()) for row in logits])
        self.assertAlmostEqual(fit_temperature(2 * logits, truth), 2.0, delta=0.15)

    def test_costs(self) -> None:
        sure, unsure, none = [0.9, 0.1, 0.0], [0.5, 0.4, 0.1], [0.2, 0.1, 0.7]
        scores = np.array([sure, sure, sure, unsure, unsure, unsure, none, none])
        # Right, wrong route, oos answered; needless and useful question, question about oos; rejected in scope and oos.
        truth = np.array([0, 1, 2, 0, 1, 2, 0, 2])
        cost = outcomes(scores, truth, 2, (0.8, 0.3))["cost"]
        self.assertEqual(cost.tolist(), [0.0, 1.0, 1.0, 0.45, 0.0, 0.45, 0.6, 0.0])

    def test_thresholds_stay_in_bounds(self) -> None:
        rng = np.random.default_rng(1)
        scores, truth = rng.dirichlet(np.ones(4), size=300), rng.integers(0, 4, 300)
        accept, clarify = choose_thresholds(scores, truth, 3)
        self.assertTrue(0.40 <= accept <= 0.70 and 0.15 <= clarify <= 0.35)

    def test_calibration_error(self) -> None:
        scores = np.array([[0.8, 0.2]] * 10)
        self.assertAlmostEqual(calibration_error(np.array([0] * 8 + [1] * 2), scores), 0.0)
        self.assertAlmostEqual(calibration_error(np.zeros(10, dtype=int), scores), 0.2)


if __name__ == "__main__":
    unittest.main()
