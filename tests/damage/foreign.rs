//! Databases of other applications: every path keeps their content, whatever SQLite's checks find in it.

use std::fs;

use mini_pra_tests::{Data, Job};
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;

/// A kind of database, and whether its copies come with a warning.
struct Exhibit {
    name: &'static str,
    sql: &'static str,
    warned: bool,
}

const ROWS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) \
    INSERT INTO plain SELECT i, 'text ' || i, randomblob(200) FROM n;";

const EXHIBITS: [Exhibit; 11] = [
    // As Anki has it: names in a collation of its own, in an index and in a table without rowid.
    Exhibit {
        name: "a collation of the application",
        sql: "CREATE TABLE notetypes (id INTEGER PRIMARY KEY, name TEXT NOT NULL COLLATE unicase); \
              CREATE UNIQUE INDEX idx_notetypes_name ON notetypes (name); \
              CREATE TABLE tags (tag TEXT NOT NULL PRIMARY KEY COLLATE unicase, usn INTEGER NOT NULL) WITHOUT ROWID; \
              INSERT INTO notetypes (name) VALUES ('Basic'), ('cloze'), ('Andere'); \
              INSERT INTO tags VALUES ('Zebra', 1), ('apple', 2), ('Book', 3);",
        warned: true,
    },
    Exhibit {
        name: "a function of the application",
        sql: "CREATE TABLE page (title TEXT, short AS (slug(title))); CREATE INDEX i ON page (slug(title)); \
              INSERT INTO page (title) VALUES ('One'), ('Two');",
        warned: true,
    },
    Exhibit {
        name: "a tokenizer of the application",
        sql: "CREATE VIRTUAL TABLE note USING fts5(body); INSERT INTO note VALUES ('one two'), ('three'); \
              PRAGMA writable_schema = ON; UPDATE sqlite_schema \
              SET sql = 'CREATE VIRTUAL TABLE note USING fts5(body, tokenize = ''own'')' WHERE name = 'note';",
        warned: true,
    },
    Exhibit {
        name: "NULL where none may be",
        sql: "CREATE TABLE t (x); INSERT INTO t VALUES (NULL); PRAGMA writable_schema = ON; \
              UPDATE sqlite_schema SET sql = 'CREATE TABLE t (x NOT NULL)' WHERE name = 't';",
        warned: true,
    },
    Exhibit {
        name: "another type in a strict table",
        sql: "CREATE TABLE t (x INTEGER) STRICT; INSERT INTO t VALUES (7); PRAGMA writable_schema = ON; \
              UPDATE sqlite_schema SET sql = 'CREATE TABLE t (x TEXT) STRICT' WHERE name = 't';",
        warned: true,
    },
    Exhibit {
        name: "a page that nothing uses",
        sql: "CREATE TABLE gone (x); INSERT INTO gone VALUES (1); PRAGMA writable_schema = ON; \
              DELETE FROM sqlite_schema WHERE name = 'gone';",
        warned: true,
    },
    Exhibit {
        name: "a CHECK that is broken",
        sql: "CREATE TABLE t (x CHECK (x > 0)); PRAGMA ignore_check_constraints = ON; INSERT INTO t VALUES (-1);",
        warned: false,
    },
    Exhibit {
        name: "UTF-16",
        sql: "PRAGMA encoding = 'UTF-16le'; CREATE TABLE t (x); INSERT INTO t VALUES ('é');",
        warned: false,
    },
    Exhibit { name: "pages of 512 bytes", sql: "PRAGMA page_size = 512;", warned: false },
    Exhibit { name: "pages of 65,536 bytes", sql: "PRAGMA page_size = 65536;", warned: false },
    Exhibit {
        // As a GeoPackage has it: an application id, and features found by an R-tree.
        name: "an R-tree",
        sql: "PRAGMA application_id = 0x47504B47; CREATE VIRTUAL TABLE r USING rtree(id, a, b, c, d); \
              INSERT INTO r VALUES (1, 0, 1, 0, 1), (2, 5, 6, 5, 6);",
        warned: false,
    },
];

impl Exhibit {
    fn make(&self, data: &Data) {
        let application = self.open(data);
        application.execute_batch(self.sql).unwrap();
        application.execute_batch("CREATE TABLE plain (id INTEGER PRIMARY KEY, name, body);").unwrap();
        application.execute_batch(ROWS).unwrap();
    }

    /// As the application opens it.
    fn open(&self, data: &Data) -> Connection {
        let connection = Connection::open(data.database()).unwrap();
        connection.create_collation("unicase", |one, other| one.to_lowercase().cmp(&other.to_lowercase())).unwrap();
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
        connection.create_scalar_function("slug", 1, flags, |context| context.get::<String>(0)).unwrap();
        connection
    }

    fn spoil(&self, data: &Data) {
        self.open(data).execute_batch("DELETE FROM plain WHERE id % 2; UPDATE plain SET name = 'spoiled'").unwrap();
    }

    /// The names and the sizes of all rows of the table that every exhibit has.
    fn rows(&self, data: &Data) -> Vec<(i64, String, i64)> {
        let connection = self.open(data);
        let mut statement = connection.prepare("SELECT id, name, length(body) FROM plain ORDER BY id").unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }
}

#[test]
fn what_other_applications_make_is_backed_up_verified_and_restored_in_both_ways() {
    for exhibit in &EXHIBITS {
        let name = exhibit.name;
        let data = Data::new();
        exhibit.make(&data);
        let rows = exhibit.rows(&data);
        let made = Job::new("backup", &data).succeeds();
        let warnings = made["warnings"].as_array().unwrap();
        assert_eq!(!warnings.is_empty(), exhibit.warned, "{name}: {warnings:?}");
        let file = made["file"].as_str().unwrap();
        let verified = Job::new("verify", &data).arg(file).succeeds();
        assert_eq!(
            (&verified[0]["verified"], verified[0]["warnings"].as_array()),
            (&true.into(), Some(warnings)),
            "{name}"
        );
        let listed = Job::new("list", &data).succeeds();
        assert_eq!(listed[0]["warnings"].as_array().is_some(), exhibit.warned, "{name}: {listed}");
        for mode in ["in-place", "replace"] {
            exhibit.spoil(&data);
            assert_ne!(exhibit.rows(&data), rows, "{name}");
            let report = Job::new("restore", &data).args(&["--yes", "--mode", mode, "--point", file]).succeeds();
            assert_eq!(report["mode"], mode, "{name}");
            assert_eq!(!report["warnings"].as_array().unwrap().is_empty(), exhibit.warned, "{name}, {mode}: {report}");
            assert_eq!(exhibit.rows(&data), rows, "{name}, {mode}");
        }
    }
}

#[test]
fn what_other_applications_make_is_restored_from_a_replica() {
    for exhibit in &EXHIBITS {
        let name = exhibit.name;
        let data = Data::new();
        exhibit.make(&data);
        let rows = exhibit.rows(&data);
        let url = format!("file://{}", data.path().join("store").display());
        fs::create_dir(data.path().join("store")).unwrap();
        assert_eq!(Job::new("replicate", &data).args(&["--once", "--replica", &url]).run().code, Some(0), "{name}");
        exhibit.spoil(&data);
        let restore = Job::new("restore", &data).args(&["--yes", "--mode", "replace", "--replica", &url]);
        let report = restore.succeeds();
        assert_eq!(!report["warnings"].as_array().unwrap().is_empty(), exhibit.warned, "{name}: {report}");
        assert_eq!(exhibit.rows(&data), rows, "{name}");
    }
}

#[test]
fn an_encrypted_database_and_another_file_are_not_called_damaged() {
    let data = Data::new();
    fs::write(data.database(), b"no database, as far as one can tell. ".repeat(200)).unwrap();
    let answer = Job::new("backup", &data).fails_with(4);
    assert!(!answer.stdout.contains("file is damaged"), "{}", answer.stdout);
    assert!(answer.json()["error"]["hint"].as_str().unwrap().contains("encrypted"), "{}", answer.stdout);
}
