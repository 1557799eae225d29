//! What an answer holds besides its text, and which text a customer gets.

use super::Article;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// An answer for some channels, some customers, or both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TargetedAnswer {
    /// Channels it is for; all where empty.
    #[serde(default)]
    #[schema(example = json!(["douyin"]))]
    pub channels: Vec<String>,
    /// Customers it is for: those with one of these tags; all where empty.
    #[serde(default)]
    #[schema(example = json!(["会员"]))]
    pub tags: Vec<String>,
    /// The answer as Markdown.
    #[schema(example = "会员免运费退货，请在 App 里点「申请售后」。")]
    pub body: String,
}

/// A self-service action that the shop's own system runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
// A conversation has actions too, and the document of the interface one list of names.
#[schema(as = ShopAction)]
pub struct Action {
    /// Name that the shop's system knows: lower-case words with dots or underscores.
    #[schema(example = "order.lookup")]
    pub id: String,
    /// What the button says.
    #[schema(example = "查订单")]
    pub label: String,
    /// What is passed to it.
    #[serde(default)]
    #[schema(example = json!({"status": "待发货"}))]
    pub params: BTreeMap<String, String>,
}

/// A file that belongs to an answer, by reference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Attachment {
    /// What the customer sees.
    #[schema(example = "退货申请表.pdf")]
    pub name: String,
    /// Where it lies, relative to the media host.
    #[schema(example = "files/return-form.pdf")]
    pub url: String,
}

impl TargetedAnswer {
    /// How narrowly it is meant for this customer on this channel; `None` where it is not.
    fn fit(&self, channel: Option<&str>, tags: &[String]) -> Option<u8> {
        let on_channel = channel.is_some_and(|channel| self.channels.iter().any(|c| c == channel));
        let for_customer = self.tags.iter().any(|tag| tags.contains(tag));
        let fits =
            (self.channels.is_empty() || on_channel) && (self.tags.is_empty() || for_customer);
        // A tag says more about the customer than the channel does.
        fits.then_some(2 * u8::from(for_customer) + u8::from(on_channel))
    }
}

impl Article {
    /// The answer as Markdown for a customer with `tags` on `channel`: one meant for both goes
    /// before one for the tag, that before one for the channel, that before `body`. Of equals the
    /// first counts.
    #[must_use]
    pub fn answer_for(&self, channel: Option<&str>, tags: &[String]) -> &str {
        let mut best = (0, &self.body);
        for answer in &self.answers {
            if let Some(fit) = answer.fit(channel, tags)
                && fit > best.0
            {
                best = (fit, &answer.body);
            }
        }
        best.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(channel: Option<&str>, tags: &[&str], expected: &str) {
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        let answer = |channels: &[&str], tags: &[&str], body: &str| TargetedAnswer {
            channels: words(channels),
            tags: words(tags),
            body: body.to_owned(),
        };
        let article = Article {
            answers: vec![
                answer(&["douyin", "app"], &[], "channel"),
                answer(&["douyin"], &[], "second channel"),
                answer(&[], &["会员", "员工"], "tag"),
                answer(&["douyin"], &["会员"], "both"),
            ],
            body: "body".into(),
            ..Article::blank()
        };
        assert_eq!(article.answer_for(channel, &words(tags)), expected, "{channel:?} {tags:?}");
    }

    #[test]
    fn the_narrowest_answer_goes_first() {
        check(None, &[], "body");
        check(Some("web"), &["新客"], "body");
        check(Some("douyin"), &["新客"], "channel");
        check(Some("app"), &["会员"], "tag");
        check(None, &["员工"], "tag");
        check(Some("douyin"), &["新客", "会员"], "both");
        check(Some("douyin"), &["员工"], "tag");
    }
}
