use super::*;
use crate::kb::testing::any_article;
use encoding_rs::GB18030;
use proptest::prelude::*;
use rust_xlsxwriter::Workbook;
use std::io::Write as _;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const FORMATS: [Format; 4] = [Format::Markdown, Format::Csv, Format::Xlsx, Format::Jsonl];
const HEADER: &str = "类型,分类,标准问题,答案";

fn dry(format: Format, bytes: &[u8]) -> Dry {
    let known = |id: &str| id == "known";
    let mut progress = |_, _| {};
    let today = Date::constant(2026, 7, 1);
    read(format, "a", bytes, &mut Reading { today, known: &known, progress: &mut progress })
}

/// Each fault as `row column code`.
fn told(dry: &Dry) -> Vec<String> {
    let word = |fault: &Fault| {
        assert!(!fault.message.is_empty() && !fault.message_zh.is_empty());
        let row = fault.row.map_or("-".to_owned(), |row| row.to_string());
        format!("{row} {} {}", fault.column.as_deref().unwrap_or("-"), fault.code)
    };
    dry.faults.iter().map(word).collect()
}

fn check(format: Format, bytes: impl AsRef<[u8]>, expected: &[&str]) -> Dry {
    let dry = dry(format, bytes.as_ref());
    assert_eq!(told(&dry), expected, "{:?}", dry.faults);
    dry
}

fn xlsx(fill: impl FnOnce(&mut rust_xlsxwriter::Worksheet)) -> Vec<u8> {
    let mut book = Workbook::new();
    book.add_worksheet().write_string(0, 0, "说明").unwrap();
    fill(book.add_worksheet().set_name("知识库").unwrap());
    book.save_to_buffer().unwrap()
}

fn zip_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in files {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn sound() -> Article {
    let row = format!("{HEADER}\n常见问题,售后/退货,能退吗？,能。");
    dry(Format::Csv, row.as_bytes()).into_articles().remove(0)
}

#[test]
fn fills_in_what_may_be_left_out() {
    let row = format!("{HEADER}\r\n常见问题,售后/退货,能退吗？,能。\r\n");
    let article = check(Format::Csv, row, &[]).articles.remove(0);
    assert_eq!((article.version, article.row, article.article.version), (None, 2, 1));
    let article = article.article;
    assert_eq!(article.id, derived_id(" 能退吗？ "));
    assert!(article.id.starts_with("kb-") && article.id.len() == 13, "{}", article.id);
    assert_eq!(article.valid_from, Date::constant(2026, 7, 1));
    assert_eq!(serde_json::to_value(article.status).unwrap(), "draft");
}

/// The sample for editors; a spreadsheet made of it reads the same.
#[test]
fn the_sample_table_is_sound() {
    let sample =
        std::fs::read(crate::kb::testing::package("tests/fixtures/kb/sample.csv")).unwrap();
    let articles = check(Format::Csv, sample, &[]).into_articles();
    let ids: Vec<_> = articles.iter().map(|a| (a.id.as_str(), a.version)).collect();
    assert_eq!(ids, [("refund-time", 1), ("return-seven-days", 2)]);
    assert_eq!(articles[1].answer_for(Some("douyin"), &[]), "支持的，请在抖音订单里申请。");
    assert_eq!(articles[1].actions[0].label, "申请退货");
    assert_eq!(articles[1].blocks(&articles[1].body).len(), 2);
    let sheet = write(Format::Xlsx, &articles).unwrap();
    assert_eq!(check(Format::Xlsx, sheet, &[]).into_articles(), articles);
}

#[test]
fn lists_every_fault_of_every_row() {
    let table = "编号,版本,状态,类型,分类,标准问题,相似问法,生效日期,失效日期,后续文章,自助操作,备注,答案\n\
        a,2.0,已发布,faq,售后/退货,问,\"一\n二\",2026/1/1,2026年2月1日,known,,x,答\n\
        \n\
        a,2,草稿,常见问题,售后/退货,问,,,,,,,答\n\
        b,1.5,上线,问答,退货,,,昨天,,nowhere,[{},,答,多\n\
        ,,,,,,,,,,,,\n\
        B,,,faq,售后/退货,问,,2026-02-01,2026-01-01,,\"[{\"\"id\"\":\"\"X\"\"}]\",,答\n";
    let dry = check(
        Format::Csv,
        table,
        &[
            "1 备注 unknown_column",
            "4 version duplicate_version",
            "5 - extra_cells",
            "5 actions bad_json",
            "5 version wrong_type",
            "5 status unknown_value",
            "5 kind unknown_value",
            "5 question missing",
            "5 valid_from wrong_type",
            "5 category bad_category",
            "5 links dangling_link",
            "7 actions missing",
            "7 id bad_id",
            "7 valid_until dates_reversed",
            "7 actions bad_action_id",
        ],
    );
    assert_eq!(dry.articles.len(), 1);
    let article = &dry.articles[0].article;
    assert_eq!(article.variants, ["一", "二"]);
    assert_eq!(article.valid_until, Some(Date::constant(2026, 2, 1)));
    assert_eq!(article.version, 2);
}

#[test]
fn refuses_tables_whose_header_does_not_fit() {
    check(Format::Csv, "", &["- - no_rows"]);
    check(
        Format::Csv,
        "question,标准问题,body\n一,二,三",
        &["1 - duplicate_column", "1 kind missing", "1 category missing"],
    );
    check(Format::Csv, b"\xff\xff", &["- - encoding"]);
    check(Format::Xlsx, b"PK", &["- - unreadable"]);
    check(Format::Jsonl, "[1]\n\n{", &["1 - not_an_object", "3 - not_an_object"]);
}

#[test]
fn reads_what_spreadsheet_programs_in_china_write() {
    let table = "标准问题\t答案\t分类\t类型\n能退吗？\t能，7天。\t售后/退货\t常见问题";
    for separator in ["\t", ";", ","] {
        let table = table.replace('\t', separator);
        let (gbk, ..) = GB18030.encode(&table);
        for bytes in [&gbk[..], table.as_bytes(), format!("\u{feff}{table}").as_bytes()] {
            let dry = check(Format::Csv, bytes, &[]);
            assert_eq!(dry.articles[0].article.body, "能，7天。");
        }
    }
}

#[test]
fn reads_sheets_filled_in_by_hand() {
    let bytes = xlsx(|sheet| {
        let header = ["标准问题", "答案", "分类", "类型", "版本", "生效日期", "标签", "更新日期"];
        for (column, name) in header.iter().enumerate() {
            // The table may start below the first row.
            sheet.write_string(2, column as u16, *name).unwrap();
        }
        for (column, text) in ["能退吗？", "能。", "售后/退货", "常见问题"].iter().enumerate()
        {
            sheet.write_string(4, column as u16, *text).unwrap();
        }
        let date = rust_xlsxwriter::Format::new().set_num_format("yyyy/m/d");
        let day = Date::constant(2026, 3, 4);
        sheet.write_number(4, 4, 2.0).unwrap();
        sheet.write_datetime_with_format(4, 5, day, &date).unwrap();
        sheet.write_number(4, 6, 2026.0).unwrap();
        sheet.write_string(4, 7, "2026-3-5").unwrap();
        sheet.write_string(1_048_575, 0, "最后一行").unwrap();
    });
    let dry = check(
        Format::Xlsx,
        bytes,
        &["1048576 kind missing", "1048576 category missing", "1048576 body missing"],
    );
    assert_eq!(dry.faults[0].sheet.as_deref(), Some("知识库"));
    let incoming = &dry.articles[0];
    assert_eq!((incoming.row, incoming.version), (5, Some(2)));
    assert_eq!(incoming.article.valid_from, Date::constant(2026, 3, 4));
    assert_eq!(incoming.article.updated, Date::constant(2026, 3, 5));
    assert_eq!(incoming.article.tags, ["2026"]);
}

#[test]
fn refuses_archives_that_mean_harm() {
    let zeros = vec![0; 100_000_000];
    let bomb: Vec<(&str, &[u8])> = ["1", "2", "3", "4", "5", "6"].map(|n| (n, &zeros[..])).into();
    let bomb = zip_of(&bomb);
    assert!(bomb.len() < MAX_FILE_BYTES);
    check(Format::Markdown, &bomb, &["- - unpacks_too_large"]);
    check(Format::Xlsx, &bomb, &["- - unpacks_too_large"]);
    for name in ["../a.md", "/a.md", "a/../../b.md"] {
        check(Format::Markdown, zip_of(&[(name, b"+++")]), &["- - unsafe_name"]);
    }
    let huge = vec![b'a'; MAX_FILE_BYTES + 1];
    check(Format::Csv, huge, &["- - file_too_large"]);
    let file = crate::kb::article::to_markdown(&sound());
    let zip = zip_of(&[
        ("知识/a.md", file.as_bytes()),
        ("__MACOSX/a.md", b"\0"),
        ("b.md", b"+++\n"),
        ("c.png", b"\x89"),
    ]);
    let dry = check(Format::Markdown, zip, &["1 - no_front_matter"]);
    assert_eq!(dry.faults[0].file, "b.md");
    assert_eq!(dry.articles[0].file, "知识/a.md");
}

#[test]
fn a_version_with_a_dangling_link_is_not_sound() {
    for format in FORMATS {
        let article = Article { see_also: vec!["nowhere".into()], ..sound() };
        let dry = dry(format, &write(format, &[article]).unwrap());
        assert_eq!(dry.faults.len(), 1, "{:?}", dry.faults);
        assert_eq!((dry.faults[0].code, dry.articles.len()), ("dangling_link", 0));
    }
}

#[test]
fn the_list_of_faults_ends_somewhere() {
    let lines = "x\n".repeat(MAX_ROWS + 1);
    let lines = dry(Format::Jsonl, lines.as_bytes());
    assert_eq!((lines.faults.len(), lines.faults[0].code), (1, "too_many_rows"));
    let rows = format!("{HEADER}\n{}", "甲,乙,丙,丁,,戊,己\n".repeat(MAX_FAULTS / 2));
    let dry = dry(Format::Csv, rows.as_bytes());
    assert_eq!(dry.faults.len(), MAX_FAULTS + 1);
    assert_eq!(dry.faults[0].code, "too_many_faults");
}

#[test]
fn next_versions_follow_the_highest_of_the_file() {
    let table = format!(
        "id,version,{HEADER}\na,,faq,售后/退货,一,二\na,3,faq,售后/退货,一,二\na,,faq,售后/退货,一,二"
    );
    let dry = check(Format::Csv, table, &["4 id duplicate_id"]);
    let versions: Vec<u32> = dry.into_articles().iter().map(|article| article.version).collect();
    assert_eq!(versions, [3, 4]);
}

#[test]
fn texts_too_long_for_a_cell_go_on_in_the_next() {
    let body = format!("甲{}", "\u{1F600} ".repeat(9_999));
    let answer = |tag: &str| super::super::article::TargetedAnswer {
        channels: vec![],
        tags: vec![tag.into()],
        body: body.clone(),
    };
    let answers = vec![answer("一"), answer("二"), answer("三")];
    let long = Article { body: body.clone(), answers, ..sound() }.tidy();
    let articles = [Article { id: "short".into(), ..sound() }, long];
    let dry = dry(Format::Xlsx, &write(Format::Xlsx, &articles).unwrap());
    assert_eq!(told(&dry), [] as [&str; 0]);
    assert_eq!(
        dry.articles.iter().map(|incoming| &incoming.article).collect::<Vec<_>>(),
        articles.iter().collect::<Vec<_>>()
    );
}

#[test]
fn writes_a_folder_once() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("articles");
    write_dir(&dir, &[sound()]).unwrap();
    assert!(matches!(write_dir(&dir, &[sound()]), Err(ExchangeError::NotEmpty { .. })));
    let mut seen = Vec::new();
    let mut progress = |done, total| seen.push((done, total));
    let known = |_: &str| false;
    let today = Date::constant(2026, 7, 1);
    let dry = read_dir(&dir, &mut Reading { today, known: &known, progress: &mut progress });
    assert_eq!(dry.unwrap().into_articles(), [sound()]);
    assert_eq!(seen, [(0, 1), (1, 1)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Over all fields and several versions of several articles.
    #[test]
    fn every_format_gives_back_the_same(articles in prop::collection::vec(any_article(), 1..6)) {
        let mut articles = articles;
        articles.sort_by(|a, b| (&a.id, a.version).cmp(&(&b.id, b.version)));
        articles.dedup_by(|a, b| (&a.id, a.version) == (&b.id, b.version));
        for format in FORMATS {
            let bytes = write(format, &articles).unwrap();
            let mut progress = |_, _| {};
            let today = Date::constant(2026, 7, 1);
            let known = |_: &str| true;
            let dry = read(format, "a", &bytes, &mut Reading { today, known: &known, progress: &mut progress });
            prop_assert!(dry.faults.is_empty(), "{:?}: {:?}", format, dry.faults);
            prop_assert!(dry.articles.iter().all(|incoming| incoming.version == Some(incoming.article.version)));
            prop_assert_eq!(dry.into_articles(), articles.clone(), "{:?}", format);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "[\\PC\\n,;\"{}\\[\\]:=+-]{0,200}") {
        for format in FORMATS {
            let _ = dry(format, &bytes);
            let _ = dry(format, text.as_bytes());
            let _ = dry(format, format!("{HEADER}\n{text}").as_bytes());
        }
    }
}
