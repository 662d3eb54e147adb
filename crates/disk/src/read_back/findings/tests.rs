use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rusqlite::functions::FunctionFlags;

use super::*;
use crate::sqlite;

/// A database as an application with its own collation and function makes it.
fn database(sql: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let connection = Connection::open(&path).unwrap();
    connection.create_collation("unicase", |one, other| one.to_lowercase().cmp(&other.to_lowercase())).unwrap();
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("slug", 1, flags, |context| context.get::<String>(0)).unwrap();
    connection.execute_batch(sql).unwrap();
    (folder, path)
}

fn check(path: &Path) -> Findings {
    of(&sqlite::open_immutable(path).unwrap()).unwrap()
}

#[test]
fn a_sound_database_has_neither_damage_nor_warnings() {
    let (_folder, path) = database("CREATE TABLE t(x UNIQUE); INSERT INTO t VALUES (1), (2)");
    assert_eq!(check(&path), Findings::default());
}

#[test]
fn data_that_breaks_its_own_declarations_is_a_warning() {
    let (_folder, path) = database(
        "CREATE TABLE n(x INTEGER); CREATE TABLE s(x INTEGER) STRICT; CREATE TABLE c(x CHECK (x > 0)); \
         INSERT INTO n VALUES (NULL), (NULL); PRAGMA ignore_check_constraints = ON; INSERT INTO c VALUES (-1); \
         PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE TABLE n(x INTEGER NOT NULL)' WHERE name = 'n'; \
         INSERT INTO s VALUES (1); UPDATE sqlite_schema SET sql = 'CREATE TABLE s(x TEXT) STRICT' WHERE name = 's'",
    );
    let found = check(&path);
    assert_eq!(found.problem, None);
    let said = found.warnings.join("\n");
    for words in ["NULL value in n.x (2 times)", "non-TEXT value in s.x"] {
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn an_index_that_disagrees_with_its_table_is_a_warning_since_all_rows_are_there() {
    let (_folder, path) = database(
        "CREATE TABLE t(x); CREATE INDEX i ON t(x); INSERT INTO t VALUES (1), (2); PRAGMA writable_schema = ON; \
         UPDATE sqlite_schema SET sql = 'CREATE INDEX i ON t(x DESC)' WHERE name = 'i'",
    );
    let found = check(&path);
    assert_eq!(found.problem, None);
    assert!(!found.warnings.is_empty());
}

#[test]
fn a_page_that_nothing_uses_is_a_warning() {
    let (_folder, path) = database(
        "CREATE TABLE t(x); CREATE TABLE gone(x); PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'gone'",
    );
    let found = check(&path);
    assert_eq!(found.problem, None);
    assert!(found.warnings[0].contains("never used"), "{found:?}");
}

#[test]
fn a_collation_of_the_application_is_a_warning_and_the_structure_is_checked() {
    let (_folder, path) = database(
        "CREATE TABLE t(x TEXT COLLATE unicase UNIQUE); CREATE TABLE k(x TEXT COLLATE unicase PRIMARY KEY) WITHOUT ROWID; \
         CREATE TABLE other(y); INSERT INTO t VALUES ('B'), ('a'), ('C'); INSERT INTO k SELECT x FROM t; \
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) \
         INSERT INTO other SELECT randomblob(100) FROM n",
    );
    let found = check(&path);
    assert_eq!(found.problem, None, "{found:?}");
    assert_eq!(found.warnings.len(), 1, "{found:?}");
    assert!(found.warnings[0].contains("'unicase'"), "{found:?}");

    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(&[0xa5; 2048], file.metadata().unwrap().len() - 2048).unwrap();
    assert!(check(&path).problem.is_some());
}

#[test]
fn a_function_of_the_application_is_a_warning_and_the_structure_is_checked() {
    let (_folder, path) = database(
        "CREATE TABLE t(x, y AS (slug(x)), CHECK (slug(x) > '')); CREATE INDEX i ON t(slug(x)); CREATE INDEX j ON t(y); \
         INSERT INTO t VALUES ('a'), ('b')",
    );
    let found = check(&path);
    assert_eq!(found.problem, None, "{found:?}");
    assert!(found.warnings.iter().any(|warning| warning.contains("'slug'")), "{found:?}");
}

#[test]
fn an_unknown_tokenizer_leaves_the_other_tables_checked() {
    let (_folder, path) = database(
        "CREATE VIRTUAL TABLE f USING fts5(body); INSERT INTO f VALUES ('one two'); CREATE TABLE t(x); \
         INSERT INTO t VALUES (NULL); PRAGMA writable_schema = ON; \
         UPDATE sqlite_schema SET sql = 'CREATE VIRTUAL TABLE f USING fts5(body, tokenize = ''own'')' WHERE name = 'f'; \
         UPDATE sqlite_schema SET sql = 'CREATE TABLE t(x NOT NULL)' WHERE name = 't'",
    );
    let found = check(&path);
    assert_eq!(found.problem, None, "{found:?}");
    let said = found.warnings.join("\n");
    assert!(said.contains("'f'") || said.contains("main.f"), "{said}");
    assert!(said.contains("NULL value in t.x"), "{said}");
}

#[test]
fn a_writable_connection_comes_to_the_same_verdict_as_one_that_only_reads() {
    let (_folder, path) = database(
        "CREATE TABLE t(x TEXT COLLATE unicase UNIQUE, y CHECK (y > 1)); PRAGMA ignore_check_constraints = ON; CREATE VIRTUAL TABLE f USING fts5(body); \
         INSERT INTO f VALUES ('one'); INSERT INTO t VALUES ('a', 1)",
    );
    let live = sqlite::open_live(&path, std::time::Duration::ZERO).unwrap();
    assert_eq!(of(&live).unwrap(), check(&path));
}
