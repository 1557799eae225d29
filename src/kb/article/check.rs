//! Reads a folder of articles and checks them against each other.

use super::{Article, ArticleFault, Parsed, Problem, Status, parse_article};
use crate::kb::KbError;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A folder of articles with everything that can be said against it.
#[derive(Debug, Default)]
pub struct Checked {
    /// The sound articles of all statuses, ordered by id and version.
    pub articles: Vec<Article>,
    /// What stops the folder from being indexed, ordered by file and line.
    pub faults: Vec<ArticleFault>,
    /// What an editor should look at, but may be meant, in the same order.
    pub warnings: Vec<ArticleFault>,
}

/// Loads all articles below `dir`, ordered by id and version.
///
/// # Errors
/// [`KbError::Faulty`] lists every fault of every file; [`KbError::Io`] where the folder cannot be
/// listed.
pub fn load_articles(dir: &Path) -> Result<Vec<Article>, KbError> {
    let checked = check_articles(dir)?;
    if !checked.faults.is_empty() {
        return Err(KbError::Faulty { faults: checked.faults });
    }
    for warning in &checked.warnings {
        tracing::warn!(file = %warning.file.display(), line = warning.line, "{}", warning.problem);
    }
    Ok(checked.articles)
}

/// Reads all `.md` files below `dir` and collects faults and warnings.
///
/// # Errors
/// [`KbError::Io`] where the folder cannot be listed; a file that cannot be read is a fault.
pub fn check_articles(dir: &Path) -> Result<Checked, KbError> {
    let mut paths = Vec::new();
    list_markdown(dir, &mut paths)?;
    paths.sort();
    let mut checked = Checked::default();
    let mut sources = Vec::new();
    for path in paths {
        let file = path.strip_prefix(dir).unwrap_or(&path).to_owned();
        let parsed = match fs::read_to_string(&path) {
            Ok(content) => parse_article(&content),
            Err(error) => Err(vec![(1, Problem::Unreadable(error.to_string()))]),
        };
        match parsed {
            Ok(parsed) => sources.push(Source { file, parsed }),
            Err(problems) => {
                let fault = |(line, problem)| ArticleFault { file: file.clone(), line, problem };
                checked.faults.extend(problems.into_iter().map(fault));
            }
        }
    }
    // A file with faults may hold the article a link means; telling of the link as well would send
    // the editor looking in the wrong place.
    if checked.faults.is_empty() {
        checked.faults.extend(dangling_links(&sources));
    }
    checked.faults.extend(duplicate_versions(&sources));
    checked.warnings = duplicate_questions(&sources);
    for list in [&mut checked.faults, &mut checked.warnings] {
        list.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    }
    checked.articles = sources.into_iter().map(|source| source.parsed.article).collect();
    checked.articles.sort_by(|a, b| (&a.id, a.version).cmp(&(&b.id, b.version)));
    Ok(checked)
}

struct Source {
    file: PathBuf,
    parsed: Parsed,
}

impl Source {
    fn fault(&self, line: usize, problem: Problem) -> ArticleFault {
        ArticleFault { file: self.file.clone(), line, problem }
    }
}

/// Adds all `.md` files below `dir` to `paths`.
///
/// # Errors
/// [`KbError::Io`] where a folder cannot be listed.
pub(crate) fn list_markdown(dir: &Path, paths: &mut Vec<PathBuf>) -> Result<(), KbError> {
    let failed = |error| KbError::io(dir, error);
    for entry in fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        if entry.file_type().map_err(failed)?.is_dir() {
            list_markdown(&path, paths)?;
        } else if path.extension().is_some_and(|extension| extension == "md") {
            paths.push(path);
        }
    }
    Ok(())
}

fn duplicate_versions(sources: &[Source]) -> Vec<ArticleFault> {
    let mut seen: HashMap<(&str, u32), &Source> = HashMap::new();
    let mut faults = Vec::new();
    for source in sources {
        let article = &source.parsed.article;
        match seen.get(&(article.id.as_str(), article.version)) {
            None => {
                seen.insert((&article.id, article.version), source);
            }
            Some(first) => {
                let problem = Problem::DuplicateVersion {
                    id: article.id.clone(),
                    version: article.version,
                    other: first.file.display().to_string(),
                };
                faults.push(source.fault(source.parsed.line_of("id"), problem));
            }
        }
    }
    faults
}

fn dangling_links(sources: &[Source]) -> Vec<ArticleFault> {
    let ids: HashSet<&str> = sources.iter().map(|source| &*source.parsed.article.id).collect();
    let mut faults = Vec::new();
    for source in sources {
        for (key, targets) in source.parsed.article.references() {
            let line = source.parsed.line_of(key);
            for id in targets.iter().filter(|id| !ids.contains(id.as_str())) {
                faults.push(source.fault(line, Problem::DanglingLink { key, id: id.clone() }));
            }
        }
    }
    faults
}

/// Questions and variants that stand in two published articles valid on a common day.
fn duplicate_questions(sources: &[Source]) -> Vec<ArticleFault> {
    let mut seen: HashMap<String, &Source> = HashMap::new();
    let mut warnings = Vec::new();
    for source in sources.iter().filter(|s| s.parsed.article.status == Status::Published) {
        let article = &source.parsed.article;
        for question in article.questions() {
            let letters: String = question.chars().filter(|c| c.is_alphanumeric()).collect();
            let first = *seen.entry(letters).or_insert(source);
            let other = &first.parsed.article;
            if other.id != article.id && other.valid_with(article) {
                let problem = Problem::DuplicateQuestion {
                    question: question.to_owned(),
                    other: other.id.clone(),
                };
                warnings.push(source.fault(source.parsed.line_of("question"), problem));
            }
        }
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixture(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/kb").join(name)
    }

    fn told(faults: &[ArticleFault]) -> Vec<String> {
        faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_sound_folder_has_no_faults() {
        let checked = check_articles(&fixture("small")).unwrap();
        assert_eq!(told(&checked.faults), [] as [&str; 0]);
        let ids: Vec<_> = checked.articles.iter().map(|a| (a.id.as_str(), a.version)).collect();
        assert!(ids.is_sorted());
        assert!(ids.contains(&("return-seven-days", 2)));
    }

    #[test]
    fn lists_the_faults_of_all_files_at_once() {
        let checked = check_articles(&fixture("faulty")).unwrap();
        assert_eq!(
            told(&checked.faults),
            [
                "broken.md:1: the file must start with a line `+++`, and the front matter end with another",
                "copy.md:2: version 1 of \"refund-time\" is already in a/refund-time.md",
                "unsound.md:6: the category \"退款\" must be 产品, 服务 or 售后 followed by one to three levels",
                "unsound.md:13: unknown key `title`",
            ]
        );
        let error = load_articles(&fixture("faulty")).unwrap_err();
        assert!(matches!(&error, KbError::Faulty { faults } if faults.len() == 4), "{error}");
    }

    #[test]
    fn tells_of_dangling_links_and_repeated_questions() {
        let checked = check_articles(&fixture("loose")).unwrap();
        assert_eq!(told(&checked.faults), ["one.md:11: the link \"nowhere\" names no article"]);
        assert_eq!(
            told(&checked.warnings),
            ["two.md:7: the question \"钱多久退回来\" also stands in \"one\""]
        );
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = check_articles(&fixture("absent")).unwrap_err();
        assert!(error.to_string().contains("absent"), "{error}");
    }
}
