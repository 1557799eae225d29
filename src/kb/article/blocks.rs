//! Cuts an answer into blocks that a chat window can show one by one.

use super::{Article, MediaKind};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A part of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Block {
    /// A paragraph, heading or table without marks; rows of a table are lines.
    Text {
        /// The text; a link in it is told once more as a block of its own.
        #[schema(example = "支持的。从签收起 7 天内可以申请。")]
        text: String,
    },
    /// Things to do in this order.
    Steps {
        /// One step each; what is nested below it follows on lines of their own.
        #[schema(example = json!(["打开订单详情", "点「申请售后」"]))]
        items: Vec<String>,
    },
    /// Things side by side.
    List {
        /// One point each.
        #[schema(example = json!(["商品完好", "配件齐全"]))]
        items: Vec<String>,
    },
    /// A still picture.
    Image {
        /// Where it lies.
        #[schema(example = "media/return-entry.png")]
        url: String,
        /// What it shows.
        #[schema(example = "「申请售后」入口")]
        alt: String,
    },
    /// A film.
    Video {
        /// Where it lies.
        #[schema(example = "media/return.mp4")]
        url: String,
        /// What it shows.
        #[schema(example = "退货打包演示")]
        alt: String,
    },
    /// A page to go to.
    Link {
        /// Where it leads.
        #[schema(example = "https://shop.example/returns")]
        url: String,
        /// What it says.
        #[schema(example = "退货说明")]
        text: String,
    },
}

impl Block {
    fn media(kind: MediaKind, url: String, alt: String) -> Self {
        match kind {
            MediaKind::Image => Self::Image { url, alt },
            MediaKind::Video => Self::Video { url, alt },
        }
    }

    fn url(&self) -> Option<&str> {
        match self {
            Self::Image { url, .. } | Self::Video { url, .. } => Some(url),
            _ => None,
        }
    }
}

impl Article {
    /// `body`, the article's own or one of its answers for some, in blocks; pictures and films of
    /// the article that the text does not show follow.
    #[must_use]
    pub fn blocks(&self, body: &str) -> Vec<Block> {
        let mut blocks = blocks(body);
        for media in &self.media {
            if !blocks.iter().any(|block| block.url() == Some(&media.url)) {
                blocks.push(Block::media(media.kind, media.url.clone(), media.alt.clone()));
            }
        }
        blocks
    }
}

fn blocks(markdown: &str) -> Vec<Block> {
    let mut cutter = Cutter::default();
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES) {
        cutter.take(event);
    }
    cutter.end_text();
    cutter.blocks
}

/// What is being put together.
#[derive(Default)]
struct Cutter {
    blocks: Vec<Block>,
    /// Text since the last block.
    text: String,
    /// The outermost list, once inside one: whether it counts, and its items.
    list: Option<(bool, Vec<String>)>,
    /// Lists around the text.
    depth: usize,
    /// The links and pictures around the text: where each leads and where in `text` it starts.
    links: Vec<(String, usize)>,
    /// Blocks that follow the text or list they stood in.
    after: Vec<Block>,
}

impl Cutter {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Text(text) | Event::Code(text) | Event::Html(text) | Event::InlineHtml(text) => {
                self.text.push_str(&text);
            }
            Event::SoftBreak | Event::HardBreak => self.text.push('\n'),
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            _ => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::List(first) => {
                if self.depth == 0 {
                    self.end_text();
                    self.list = Some((first.is_some(), Vec::new()));
                }
                self.depth += 1;
            }
            Tag::Item if self.depth == 1 => self.end_item(),
            Tag::Item => self.text.push_str("\n- "),
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                self.links.push((dest_url.into_string(), self.text.len()));
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::CodeBlock | TagEnd::Table => {
                self.end_paragraph();
            }
            TagEnd::HtmlBlock => self.end_paragraph(),
            TagEnd::TableCell => self.text.push_str(" | "),
            TagEnd::TableRow | TagEnd::TableHead => {
                let row = self.text.trim_end_matches(" | ").len();
                self.text.truncate(row);
                self.text.push('\n');
            }
            TagEnd::Item if self.depth == 1 => self.end_item(),
            TagEnd::List(_) => {
                self.depth -= 1;
                if self.depth == 0 {
                    self.end_list();
                }
            }
            TagEnd::Link => self.end_link(false),
            TagEnd::Image => self.end_link(true),
            _ => {}
        }
    }

    /// Inside a list a paragraph is a line of its item.
    fn end_paragraph(&mut self) {
        if self.depth == 0 {
            self.end_text();
        } else {
            self.text.push('\n');
        }
    }

    fn end_text(&mut self) {
        let text = std::mem::take(&mut self.text);
        if !text.trim().is_empty() {
            self.blocks.push(Block::Text { text: text.trim().to_owned() });
        }
        self.blocks.append(&mut self.after);
    }

    fn end_item(&mut self) {
        let text = std::mem::take(&mut self.text);
        if let Some((_, items)) = &mut self.list
            && !text.trim().is_empty()
        {
            items.push(text.trim().to_owned());
        }
    }

    fn end_list(&mut self) {
        if let Some((counts, items)) = self.list.take()
            && !items.is_empty()
        {
            self.blocks.push(if counts { Block::Steps { items } } else { Block::List { items } });
        }
        self.blocks.append(&mut self.after);
    }

    /// A link stays in the text; a picture or film leaves it.
    fn end_link(&mut self, is_image: bool) {
        let Some((url, start)) = self.links.pop() else { return };
        let text = self.text.get(start..).unwrap_or_default().trim().to_owned();
        let block = if is_video(&url) {
            Block::Video { url, alt: text }
        } else if is_image {
            Block::Image { url, alt: text }
        } else {
            self.after.push(Block::Link { url, text });
            return;
        };
        self.text.truncate(start);
        self.after.push(block);
        if self.depth == 0 && self.links.is_empty() {
            self.end_text();
        }
    }
}

fn is_video(url: &str) -> bool {
    let path = url.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    [".mp4", ".webm", ".mov"].iter().any(|ending| path.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kb::article::Media;
    use proptest::prelude::*;
    use serde_json::json;

    fn check(markdown: &str, expected: serde_json::Value) {
        let blocks = Article::blank().blocks(markdown);
        assert_eq!(serde_json::to_value(blocks).unwrap(), expected, "{markdown}");
    }

    #[test]
    fn cuts_at_lists_media_and_paragraphs() {
        check(
            "## 可以\n**支持**的，\n见[说明](a.html)。\n\n1. 打开\n2. 点`申请`\n   - 选原因\n\n- 甲\n\n- 乙",
            json!([
                {"type": "text", "text": "可以"},
                {"type": "text", "text": "支持的，\n见说明。"},
                {"type": "link", "url": "a.html", "text": "说明"},
                {"type": "steps", "items": ["打开", "点申请\n- 选原因"]},
                {"type": "list", "items": ["甲", "乙"]},
            ]),
        );
        check(
            "先看![入口](a.png)再看[演示](b.MP4?x=1)。",
            json!([
                {"type": "text", "text": "先看"},
                {"type": "image", "url": "a.png", "alt": "入口"},
                {"type": "text", "text": "再看"},
                {"type": "video", "url": "b.MP4?x=1", "alt": "演示"},
                {"type": "text", "text": "。"},
            ]),
        );
        check(
            "- 甲![图](a.png)\n- 乙",
            json!([
                {"type": "list", "items": ["甲", "乙"]},
                {"type": "image", "url": "a.png", "alt": "图"},
            ]),
        );
        check(
            "|单|价|\n|-|-|\n|甲|1|\n\n完",
            json!([
                {"type": "text", "text": "单 | 价\n甲 | 1"},
                {"type": "text", "text": "完"},
            ]),
        );
        check("", json!([]));
    }

    #[test]
    fn media_follow_unless_the_text_shows_them() {
        let media = |kind, url: &str| Media { kind, url: url.into(), alt: "图".into() };
        let article = Article {
            media: vec![media(MediaKind::Image, "a.png"), media(MediaKind::Video, "b.bin")],
            ..Article::blank()
        };
        let blocks = article.blocks("![图](a.png)");
        assert_eq!(
            blocks.iter().map(Block::url).collect::<Vec<_>>(),
            [Some("a.png"), Some("b.bin")]
        );
        assert!(matches!(blocks[1], Block::Video { .. }));
    }

    proptest! {
        #[test]
        fn any_text_passes(markdown in "[\\PC\\n]{0,80}|[\\[\\]()!*`#|0-9. a>\\n-]{0,60}") {
            let _ = Article::blank().blocks(&markdown);
        }
    }
}
