//! Text to token numbers: tokenize, shorten, pad. Buffers are reused by the worker that owns them.

use std::{ops::Range, sync::Arc};

use tokenizers::{Encoding, Tokenizer};

use super::error::ModelError;

/// One batch as a model takes it. Both matrices are `[n_turns, padded_len]`, row-major, int64.
#[derive(Debug, Default)]
pub struct EncodeBuf {
    /// Token numbers, filled up with the pad token on the right.
    pub input_ids: Vec<i64>,
    /// 1 for real tokens, 0 for padding.
    pub attention_mask: Vec<i64>,
    /// Rows.
    pub n_turns: usize,
    /// Columns: the longest text of the batch, or the model's fixed length.
    pub padded_len: usize,
}

/// The token numbers of several texts, end to end, without padding.
#[derive(Debug, Default)]
pub struct TokenBuf {
    ids: Vec<i64>,
    spans: Vec<Range<usize>>,
}

impl TokenBuf {
    /// Forgets the texts and keeps the memory.
    pub fn clear(&mut self) {
        self.ids.clear();
        self.spans.clear();
    }

    /// Number of texts.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The token numbers of a text; never empty.
    pub fn ids(&self, text_idx: usize) -> &[i64] {
        &self.ids[self.spans[text_idx].clone()]
    }
}

/// A tokenizer with the model's limits. Immutable and cheap to clone: the vocabulary is shared.
#[derive(Debug, Clone)]
pub struct Encoder {
    tokenizer: Arc<Tokenizer>,
    pad_id: i64,
    max_tokens: usize,
}

impl Encoder {
    /// An encoder that keeps at most `max_tokens` tokens of a text, special tokens included.
    ///
    /// The tokenizer's own truncation and padding must be off: they cut the end of a text, and a
    /// complaint often says at the end what it wants.
    pub fn new(tokenizer: Arc<Tokenizer>, pad_id: i64, max_tokens: usize) -> Encoder {
        debug_assert!(tokenizer.get_truncation().is_none() && tokenizer.get_padding().is_none());
        Encoder { tokenizer, pad_id, max_tokens: max_tokens.max(1) }
    }

    /// The same encoder for a model that takes no more than `max_tokens`.
    pub fn limited_to(mut self, max_tokens: usize) -> Encoder {
        self.max_tokens = self.max_tokens.min(max_tokens).max(1);
        self
    }

    /// The most tokens a text can have.
    pub fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    /// Entries of the vocabulary, added ones included.
    pub fn vocabulary_size(&self) -> usize {
        self.tokenizer.get_vocab_size(true)
    }

    /// Appends the tokens of `text` to `tokens`.
    ///
    /// A text longer than [`max_tokens`](Encoder::max_tokens) keeps its first and last halves and
    /// the special tokens around them. A text without tokens becomes one unknown token (or one pad
    /// token), since models fail on an empty sequence.
    ///
    /// # Errors
    /// [`ModelError::Encode`]; `tokens` is unchanged then.
    pub fn push(&self, text: &str, tokens: &mut TokenBuf) -> Result<(), ModelError> {
        let encoding = self
            .tokenizer
            .encode_fast(text, true)
            .map_err(|source| ModelError::Encode { source: source.into() })?;
        let start = tokens.ids.len();
        let [head, tail] = kept(&encoding, self.max_tokens);
        let ids = encoding.get_ids();
        tokens.ids.extend(ids[head].iter().chain(&ids[tail]).map(|id| i64::from(*id)));
        if tokens.ids.len() == start {
            tokens.ids.push(self.stand_in());
        }
        tokens.spans.push(start..tokens.ids.len());
        Ok(())
    }

    /// Fills `batch` with the texts `text_idx` of `tokens`, padded to the longest of them or to
    /// `fixed_len` where the model takes only one length.
    pub fn fill(
        &self,
        tokens: &TokenBuf,
        text_idx: &[usize],
        fixed_len: Option<usize>,
        batch: &mut EncodeBuf,
    ) {
        let longest = text_idx.iter().map(|&idx| tokens.ids(idx).len()).max().unwrap_or(0);
        batch.padded_len = fixed_len.unwrap_or(longest).max(longest);
        batch.n_turns = text_idx.len();
        batch.input_ids.clear();
        batch.attention_mask.clear();
        for (row, &idx) in text_idx.iter().enumerate() {
            let ids = tokens.ids(idx);
            batch.input_ids.extend_from_slice(ids);
            batch.attention_mask.resize(row * batch.padded_len + ids.len(), 1);
            batch.input_ids.resize((row + 1) * batch.padded_len, self.pad_id);
            batch.attention_mask.resize((row + 1) * batch.padded_len, 0);
        }
    }

    fn stand_in(&self) -> i64 {
        ["[UNK]", "<unk>"]
            .iter()
            .find_map(|token| self.tokenizer.token_to_id(token))
            .map_or(self.pad_id, i64::from)
    }
}

/// The two ranges of an encoding that are kept: everything, or the first and last halves of the
/// text with the special tokens at both ends.
fn kept(encoding: &Encoding, max_tokens: usize) -> [Range<usize>; 2] {
    let len = encoding.len();
    if len <= max_tokens {
        return [0..len, len..len];
    }
    let special = encoding.get_special_tokens_mask();
    let n_leading = special.iter().take_while(|&&mask| mask == 1).count();
    let n_trailing = special.iter().rev().take_while(|&&mask| mask == 1).count();
    // Where the limit leaves no room for text, the special tokens give way.
    let n_text = max_tokens.saturating_sub(n_leading + n_trailing);
    let n_head = (n_leading + n_text.div_ceil(2)).min(max_tokens);
    [0..n_head, len - (max_tokens - n_head)..len]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One token per character of "abcdefghij", unknown otherwise, `[CLS] … [SEP]` around.
    fn tokenizer(with_special: bool) -> Arc<Tokenizer> {
        let mut vocab = serde_json::json!({"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3});
        for (index, letter) in ('a'..='j').enumerate() {
            vocab[letter.to_string()] = (10 + index).into();
        }
        let special = |id: u32, content: &str| {
            serde_json::json!({"id": id, "content": content, "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false, "special": true})
        };
        let mut file = serde_json::json!({
            "version": "1.0", "truncation": null, "padding": null, "normalizer": null,
            "added_tokens": [special(0, "[PAD]"), special(1, "[UNK]"), special(2, "[CLS]"), special(3, "[SEP]")],
            "pre_tokenizer": {"type": "Split", "pattern": {"Regex": ""}, "behavior": "Isolated", "invert": false},
            "post_processor": null, "decoder": null,
            "model": {"type": "WordLevel", "vocab": vocab, "unk_token": "[UNK]"},
        });
        if with_special {
            file["post_processor"] = serde_json::json!({"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]});
        }
        Arc::new(Tokenizer::from_bytes(file.to_string()).unwrap())
    }

    fn encode(encoder: &Encoder, texts: &[&str]) -> TokenBuf {
        let mut tokens = TokenBuf::default();
        for text in texts {
            encoder.push(text, &mut tokens).unwrap();
        }
        tokens
    }

    #[test]
    fn long_texts_keep_both_ends_and_the_special_tokens() {
        let check = |max_tokens, with_special, expected: &[i64]| {
            let encoder = Encoder::new(tokenizer(with_special), 0, max_tokens);
            assert_eq!(encode(&encoder, &["abcdefghij"]).ids(0), expected, "{max_tokens}");
        };
        check(12, true, &[2, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 3]);
        check(7, true, &[2, 10, 11, 12, 18, 19, 3]);
        check(6, true, &[2, 10, 11, 18, 19, 3]);
        check(3, true, &[2, 10, 3]);
        check(1, true, &[2]);
        check(5, false, &[10, 11, 12, 18, 19]);
    }

    #[test]
    fn a_text_without_tokens_becomes_one_unknown_token() {
        assert_eq!(encode(&Encoder::new(tokenizer(false), 0, 8), &[""]).ids(0), [1]);
        assert_eq!(encode(&Encoder::new(tokenizer(true), 0, 8), &[""]).ids(0), [2, 3]);
    }

    #[test]
    fn batches_are_padded_on_the_right() {
        let encoder = Encoder::new(tokenizer(true), 7, 8);
        let tokens = encode(&encoder, &["abc", "j", "ab"]);
        let mut batch = EncodeBuf::default();
        for _reused in 0..2 {
            encoder.fill(&tokens, &[2, 1], None, &mut batch);
            assert_eq!((batch.n_turns, batch.padded_len), (2, 4));
            assert_eq!(batch.input_ids, [2, 10, 11, 3, 2, 19, 3, 7]);
            assert_eq!(batch.attention_mask, [1, 1, 1, 1, 1, 1, 1, 0]);
        }
        encoder.fill(&tokens, &[1], Some(5), &mut batch);
        assert_eq!(batch.input_ids, [2, 19, 3, 7, 7]);
        assert_eq!(batch.attention_mask, [1, 1, 1, 0, 0]);
    }
}
