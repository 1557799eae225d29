use super::LineFaultCode as Code;
use super::*;
use crate::kb::article::Status;
use crate::kb::editorial::testing::{actor, article, at};
use crate::store::learning::{LexiconName, Span, Unanswered};
use crate::store::sqlite;
use std::sync::LazyLock;

static NORMALIZER: LazyLock<Arc<Normalizer>> = LazyLock::new(|| Arc::new(Normalizer::new()));

async fn library(two_person: bool) -> (Library, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = sqlite::open(&folder.path().join("fenzhen.db")).await.unwrap();
    let settings = LibrarySettings {
        policy: Policy { require_review: true, two_person },
        mask: Box::new(|text| text.replace("13800138000", "138****8000")),
        normalizer: NORMALIZER.clone(),
        dictionary: include_str!("../../config/dictionary.txt").to_owned(),
    };
    (Library::new(Arc::new(store), settings), folder)
}

fn by(name: &str, revision: u64) -> By {
    By { actor: actor(name), at: at(revision), revision, comment: None }
}

fn draft(question: &str) -> Article {
    Article { id: "a".into(), question: question.into(), ..article("a", 1, Status::Draft) }
}

#[tokio::test]
async fn an_editor_gets_their_own_revision_and_the_second_a_conflict() {
    let (library, _folder) = library(false).await;
    let first = library.create(draft("一"), by("林晓", 0)).await.unwrap();
    assert_eq!((first.revision, first.version.head.version), (1, 1));
    let second = library.save("a", draft("二"), by("林晓", 1)).await.unwrap();
    assert_eq!((second.revision, second.version.head.version), (2, 2));
    let late = library.save("a", draft("三"), by("周舟", 1)).await;
    let Err(LibraryError::Conflict { current }) = late else { panic!("{late:?}") };
    assert_eq!((current.revision, &*current.version.article.question), (2, "二"));
    let twin = library.create(draft("四"), by("周舟", 0)).await;
    assert!(matches!(twin, Err(LibraryError::Exists { .. })), "{twin:?}");
    let restored = library.restore("a", 1, Date::constant(2026, 11, 22), by("周舟", 2)).await;
    let restored = restored.unwrap().version.article;
    assert_eq!((restored.version, &*restored.question), (3, "一"));
    assert_eq!(restored.updated, Date::constant(2026, 11, 22));
}

#[tokio::test]
async fn only_what_concerns_readers_is_signalled() {
    let (library, _folder) = library(true).await;
    let mut changes = library.changes();
    library.create(draft("一"), by("林晓", 0)).await.unwrap();
    library.advance("a", Edit::Submit, by("林晓", 1)).await.unwrap();
    let own = library.advance("a", Edit::Approve, by("林晓", 2)).await;
    let Err(LibraryError::Refused { error: EditError::SamePerson { .. }, .. }) = own else {
        panic!("{own:?}")
    };
    let approved = library.advance("a", Edit::Approve, by("周舟", 2)).await.unwrap();
    assert_eq!(approved.allowed, [Action::Publish, Action::Archive]);
    assert!(!changes.has_changed().unwrap());
    library.advance("a", Edit::Publish, by("周舟", 3)).await.unwrap();
    assert!(changes.has_changed().unwrap());
    changes.mark_unchanged();
    library.pin(Some(1), &actor("周舟"), at(9)).await.unwrap();
    assert!(changes.has_changed().unwrap());
}

#[tokio::test]
async fn links_may_dangle_while_drafting_only() {
    let (library, _folder) = library(false).await;
    let linked = Article { links: vec!["b".into()], ..draft("一") };
    library.create(linked, by("林晓", 0)).await.unwrap();
    let refused = library.advance("a", Edit::Submit, by("林晓", 1)).await;
    let Err(LibraryError::Faulty { faults }) = refused else { panic!("{refused:?}") };
    assert_eq!(faults, [Problem::DanglingLink { key: "links", id: "b".into() }]);
    let other = Article { id: "b".into(), ..draft("二") };
    library.create(other, by("林晓", 0)).await.unwrap();
    library.advance("a", Edit::Submit, by("林晓", 1)).await.unwrap();
}

#[tokio::test]
async fn faults_of_word_lists_have_lines() {
    let (library, _folder) = library(false).await;
    let check = |name, text: &str, expected: &[(usize, Code)]| {
        let faults = library.lexicon_faults(name, text);
        let told: Vec<_> = faults.iter().map(|fault| (fault.line, fault.code)).collect();
        assert_eq!(told, expected, "{text}");
    };
    let (synonyms, dictionary) = (LexiconName::Synonyms, LexiconName::Dictionary);
    check(synonyms, "# 注释\n\n运费: 邮费, 快递费\n", &[]);
    check(
        synonyms,
        "运费 邮费\n: 邮费\n退款: 退钱,,退款",
        &[(1, Code::NoColon), (2, Code::NoName), (3, Code::EmptyPhrase)],
    );
    check(
        synonyms,
        "运费: 郵費\n运费: 邮费,邮费",
        &[(1, Code::NotNormalized), (2, Code::Repeated), (2, Code::Repeated)],
    );
    check(dictionary, "暖羽 1000 # 羽绒服\n\n# 注释", &[]);
    check(
        dictionary,
        "暖羽 很多\n露白 1 n\n暖羽",
        &[(1, Code::BadFrequency), (2, Code::TooManyFields), (3, Code::Repeated)],
    );
    for name in [synonyms, dictionary] {
        let shipped = library.lexicon(name).await.unwrap();
        assert_eq!((shipped.version, shipped.actor), (0, None));
        check(name, &shipped.text, &[]);
    }
}

#[tokio::test]
async fn word_lists_are_saved_once_from_each_version() {
    let (library, _folder) = library(false).await;
    let changes = library.changes();
    let save = async |text: &str, version| {
        library.save_lexicon(LexiconName::Synonyms, text.into(), by("林晓", version)).await
    };
    let refused = save("运费", 0).await;
    assert!(matches!(refused, Err(LibraryError::LexiconFaulty { .. })), "{refused:?}");
    assert!(!changes.has_changed().unwrap());
    assert_eq!(save("运费: 邮费", 0).await.unwrap().version, 1);
    assert!(changes.has_changed().unwrap());
    let late = save("运费: 邮钱", 0).await;
    let Err(LibraryError::LexiconConflict { current }) = late else { panic!("{late:?}") };
    assert_eq!(current.text, "运费: 邮费");
    let history = library.lexicon_history(LexiconName::Synonyms).await.unwrap();
    assert_eq!(history.iter().map(|text| text.version).collect::<Vec<_>>(), [1, 0]);
}

#[tokio::test]
async fn the_same_question_is_counted_once_and_masked() {
    let (library, _folder) = library(false).await;
    let ask = async |query: &str, second| {
        let question = Unanswered {
            conversation_id: None,
            reference: None,
            query: query.into(),
            intent: None,
            top_article: None,
            score: None,
            at: at(second),
        };
        library.store.add_unanswered(question).await.unwrap();
    };
    ask("可以貨到付款嗎", 1).await;
    ask("能开发票吗", 2).await;
    ask("可以货到付款吗", 3).await;
    let groups = library.unanswered(Span { from: at(0), until: at(9) }).await.unwrap();
    let told: Vec<_> = groups.iter().map(|group| (&*group.query, group.count)).collect();
    assert_eq!(told, [("可以货到付款吗", 2), ("能开发票吗", 1)]);
    assert_eq!((groups[0].first_at, groups[0].last_at), (at(1), at(3)));

    let case = CaseDraft {
        id: Some("1".into()),
        query: "我的手机13800138000".into(),
        relevant: [("a".to_owned(), 3)].into(),
    };
    let kept = library.keep_case(case.clone(), actor("林晓"), at(0)).await.unwrap();
    assert_eq!((&*kept.query, &*kept.relevant), ("我的手机138****8000", r#"{"a":3}"#));
    let again = library.keep_case(case.clone(), actor("林晓"), at(0)).await;
    assert!(matches!(again, Err(LibraryError::BadField { field: "id", .. })), "{again:?}");
    let graded = CaseDraft { relevant: [("a".to_owned(), 4)].into(), ..case };
    let refused = library.keep_case(graded, actor("林晓"), at(0)).await;
    assert!(
        matches!(refused, Err(LibraryError::BadField { field: "relevant", .. })),
        "{refused:?}"
    );
}
