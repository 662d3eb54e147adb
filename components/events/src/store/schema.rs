//! The schema's statements, one by one: Spin runs only one statement per call.

const SCHEMA: &str = include_str!("../../schema.sql");

/// The statements of the schema, in order, with the comments before them. Empty lines separate them.
pub(super) fn statements() -> impl Iterator<Item = &'static str> {
    SCHEMA.split("\n\n").filter(|part| part.trim_end().ends_with(';'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(database: &rusqlite::Connection) -> Vec<(String, String)> {
        let mut statement = database.prepare("SELECT name, sql FROM sqlite_schema ORDER BY name").unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn statement_by_statement_makes_the_same_as_the_whole_file() {
        let (whole, pieces) =
            (rusqlite::Connection::open_in_memory().unwrap(), rusqlite::Connection::open_in_memory().unwrap());
        whole.execute_batch(SCHEMA).unwrap();
        // Twice, since every statement may be run again; prepare refuses a text with more than one statement.
        for statement in statements().chain(statements()) {
            pieces.prepare(statement).unwrap().raw_execute().unwrap();
        }
        assert_eq!(objects(&pieces), objects(&whole));
        assert_eq!(objects(&pieces).iter().filter(|(name, _)| !name.starts_with("sqlite_")).count(), 8);
    }

    #[test]
    fn the_counter_follows_every_writer_and_counts_existing_events() {
        let database = rusqlite::Connection::open_in_memory().unwrap();
        let count = || database.query_row("SELECT events FROM event_count", [], |row| row.get::<_, i64>(0)).unwrap();
        database
            .execute_batch(
                "CREATE TABLE events (id INTEGER PRIMARY KEY, timestamp TEXT NOT NULL, message TEXT NOT NULL);
                 INSERT INTO events (timestamp, message) VALUES ('t', 'a'), ('t', 'b');",
            )
            .unwrap();
        database.execute_batch(SCHEMA).unwrap();
        assert_eq!(count(), 2);
        database
            .execute_batch("INSERT INTO events (timestamp, message) VALUES ('t', 'c'); DELETE FROM events WHERE id < 3")
            .unwrap();
        assert_eq!(count(), 1);
        database.execute_batch("DELETE FROM events").unwrap();
        assert_eq!(count(), 0);
    }
}
