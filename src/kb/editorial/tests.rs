use super::testing::{actor, after, article, by};
use super::*;
use proptest::prelude::*;

const STRICT: Policy = Policy { require_review: true, two_person: true };
const LOOSE: Policy = Policy { require_review: false, two_person: false };

fn record_of(statuses: &[Status]) -> ArticleRecord {
    let empty = ArticleRecord::new("a", super::testing::at(0));
    let versions = (1..).zip(statuses).map(|(number, status)| article("a", number, *status));
    let import = Edit::Import(versions.collect());
    let change = apply(&empty, import, by("编辑甲", &empty), LOOSE).unwrap();
    after(&empty, &change, 1)
}

fn statuses(record: &ArticleRecord) -> Vec<Status> {
    record.versions.iter().map(|head| head.status).collect()
}

/// `edit` by another editor turns versions of these statuses into `expected`; `None`: refused.
fn check(before: &[Status], edit: &Edit, policy: Policy, expected: Option<&[Status]>) {
    let record = record_of(before);
    let result = apply(&record, edit.clone(), by("编辑乙", &record), policy);
    let told = format!("{before:?} {:?}: {result:?}", edit.action());
    match (result, expected) {
        (Ok(change), Some(expected)) => {
            assert_eq!(statuses(&after(&record, &change, 2)), expected, "{told}");
            assert_eq!(change.latest_status, expected[expected.len() - 1], "{told}");
            assert_eq!(change.event.seq, 2, "{told}");
        }
        (Err(EditError::NotAllowed { status, action, .. }), None) => {
            assert_eq!((status, action), (before[before.len() - 1], edit.action()));
        }
        _ => panic!("{told}"),
    }
}

#[test]
fn statuses_move_only_along_the_life_cycle() {
    use Status::{Approved, Archived, Draft, Published, Review};
    let save = Edit::Save(Box::new(article("other", 9, Published)));
    check(&[Draft], &Edit::Submit, STRICT, Some(&[Review]));
    check(&[Review], &Edit::Withdraw, STRICT, Some(&[Draft]));
    check(&[Review], &Edit::Reject, STRICT, Some(&[Draft]));
    check(&[Review], &Edit::Approve, STRICT, Some(&[Approved]));
    check(&[Approved], &Edit::Publish, STRICT, Some(&[Published]));
    check(&[Published, Approved], &Edit::Publish, STRICT, Some(&[Published, Published]));
    check(&[Draft], &Edit::Publish, LOOSE, Some(&[Published]));
    check(&[Draft], &Edit::Publish, STRICT, None);
    for status in [Draft, Review, Approved] {
        check(&[Published, status], &save, STRICT, Some(&[Published, Archived, Draft]));
        check(&[Published, status], &Edit::Archive, STRICT, Some(&[Archived, Archived]));
    }
    check(&[Archived], &save, STRICT, Some(&[Archived, Draft]));
    check(&[Archived], &Edit::Archive, STRICT, None);
    for (statuses, edit) in [
        (&[Review, Approved, Published, Archived][..], Edit::Submit),
        (&[Draft, Approved, Published, Archived], Edit::Withdraw),
        (&[Draft, Approved, Published, Archived], Edit::Reject),
        (&[Draft, Approved, Published, Archived], Edit::Approve),
        (&[Review, Published, Archived], Edit::Publish),
    ] {
        for status in statuses {
            check(&[*status], &edit, LOOSE, None);
        }
    }
}

#[test]
fn a_refusal_names_status_and_action() {
    let record = record_of(&[Status::Published]);
    let refused = apply(&record, Edit::Submit, by("编辑乙", &record), LOOSE).unwrap_err();
    let expected = "version 1 is published, which `submit` does not start from: read it again";
    assert_eq!(refused.to_string(), expected);
}

#[test]
fn a_lost_update_is_refused() {
    let record = record_of(&[Status::Draft]);
    let stale = By { revision: 0, ..by("编辑乙", &record) };
    assert_eq!(apply(&record, Edit::Submit, stale, LOOSE), Err(EditError::Stale { current: 1 }));
}

#[test]
fn who_wrote_or_submitted_does_not_approve() {
    let record = record_of(&[Status::Draft]);
    let submit = apply(&record, Edit::Submit, by("编辑乙", &record), STRICT).unwrap();
    let record = after(&record, &submit, 2);
    let check = |name: &str, policy: Policy, allowed: bool| {
        let result = apply(&record, Edit::Approve, by(name, &record), policy);
        match result {
            Ok(_) => assert!(allowed, "{name}"),
            Err(EditError::SamePerson { version: 1, .. }) => assert!(!allowed, "{name}"),
            other => panic!("{other:?}"),
        }
    };
    check("编辑甲", STRICT, false);
    check("编辑乙", STRICT, false);
    check("审核丙", STRICT, true);
    check("编辑甲", Policy { two_person: false, ..STRICT }, true);
}

#[test]
fn a_rejection_says_why() {
    let record = record_of(&[Status::Review]);
    let with = |comment: Option<String>| {
        apply(&record, Edit::Reject, By { comment, ..by("审核丙", &record) }, STRICT)
    };
    assert_eq!(with(None), Err(EditError::CommentMissing));
    assert_eq!(with(Some(" \n".into())), Err(EditError::CommentMissing));
    assert_eq!(with(Some("长".repeat(1001))), Err(EditError::CommentTooLong { chars: 1001 }));
    let event = with(Some("运费没写".into())).unwrap().event;
    assert_eq!(event.comment.as_deref(), Some("运费没写"));
}

#[test]
fn imports_keep_numbers_and_refuse_what_exists() {
    let record = record_of(&[Status::Published]);
    let import = |versions: &[u32]| {
        let articles = versions.iter().map(|v| article("x", *v, Status::Published)).collect();
        apply(&record, Edit::Import(articles), by("编辑甲", &record), STRICT)
    };
    let change = import(&[7, 3]).unwrap();
    assert_eq!((change.latest, change.published, change.event.version), (7, Some(7), 7));
    assert!(change.created.iter().all(|article| article.id == "a"));
    let exists = |version| Err(EditError::VersionExists { id: "a".into(), version });
    assert_eq!(import(&[1]), exists(1));
    assert_eq!(import(&[2, 2]), exists(2));
    assert_eq!(import(&[0]), Err(EditError::VersionZero));
}

#[test]
fn nothing_is_done_to_nothing() {
    let empty = ArticleRecord::new("a", super::testing::at(0));
    for edit in [Edit::Submit, Edit::Archive, Edit::Publish, Edit::Import(Vec::new())] {
        let result = apply(&empty, edit, by("编辑甲", &empty), LOOSE);
        assert_eq!(result, Err(EditError::NoVersion));
    }
}

#[test]
fn names_are_short_and_visible() {
    let check = |name: &str, sound: bool| {
        assert_eq!(Actor::try_from(name.to_owned()).is_ok(), sound, "{name:?}");
    };
    check("编辑甲", true);
    check(&"长".repeat(64), true);
    check(&"长".repeat(65), false);
    check(" ", false);
    check("a\u{7}b", false);
    assert_eq!(actor(" 甲 ").as_str(), "甲");
}

proptest! {
    /// Whatever editors do: at most one version is under way, it is the latest, and versions only
    /// become published through the states before.
    #[test]
    fn one_version_is_under_way_at_most(
        edits in prop::collection::vec((0..7_u8, 0..3_u8), 1..40),
        require_review: bool,
        two_person: bool,
    ) {
        let policy = Policy { require_review, two_person };
        let mut record = ArticleRecord::new("a", super::testing::at(0));
        for (publication, (edit, editor)) in (1..).zip(edits) {
            let edit = match edit {
                0 => Edit::Save(Box::new(article("a", 1, Status::Published))),
                1 => Edit::Submit,
                2 => Edit::Withdraw,
                3 => Edit::Approve,
                4 => Edit::Reject,
                5 => Edit::Publish,
                _ => Edit::Archive,
            };
            let by = by(&format!("编辑{editor}"), &record);
            let Ok(change) = apply(&record, edit, by, policy) else { continue };
            record = after(&record, &change, publication);
            let open = |head: &&VersionHead| {
                !matches!(head.status, Status::Published | Status::Archived)
            };
            let n_open = record.versions.iter().filter(open).count();
            prop_assert!(n_open <= 1);
            prop_assert!(n_open == 0 || record.latest().is_some_and(|head| open(&head)));
            for head in &record.versions {
                let served = head.published_in.is_some() && head.archived_in.is_none();
                prop_assert_eq!(served, head.status == Status::Published);
            }
            let highest = record.versions.iter().rev().find(|h| h.status == Status::Published);
            prop_assert_eq!(change.published, highest.map(|head| head.version));
            prop_assert_eq!(Some(change.latest), record.latest().map(|head| head.version));
        }
    }
}
