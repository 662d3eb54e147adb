#!/usr/bin/env bash
# Databases that few programs make, and two that a killed process left, in the current folder.
set -euo pipefail

# A sqlite3 that is killed once it has printed the last line of its input.
killed() {
    local database=$1 output
    coproc SQLITE { exec sqlite3 -batch "$database"; }
    cat >&"${SQLITE[1]}"
    echo "SELECT 'written';" >&"${SQLITE[1]}"
    until read -r output <&"${SQLITE[0]}" && [ "$output" = written ]; do :; done
    kill -KILL "$SQLITE_PID"
    wait "$SQLITE_PID" || true
}

rows() {
    cat <<'SQL'
CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, body BLOB);
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600)
    INSERT INTO item SELECT i, 'item é ' || i, zeroblob(100 + i % 700) FROM n;
SQL
}

# 32 reserved bytes at the end of each page, as extensions for encryption and checksums have them.
{ rows; echo '.filectrl reserve_bytes 32'; echo 'VACUUM; PRAGMA user_version = 7;'; } | sqlite3 -batch reserved.db

# UTF-16, and a page size that is not the default.
{ echo "PRAGMA encoding = 'UTF-16be'; PRAGMA page_size = 1024; PRAGMA auto_vacuum = INCREMENTAL;"; rows; } | sqlite3 -batch utf16.db

# A transaction that had spilled into the database: its journal rolls it back.
rows | sqlite3 -batch hot-journal.db
killed hot-journal.db <<'SQL'
PRAGMA cache_size = 5;
BEGIN;
UPDATE item SET body = zeroblob(900), name = 'never committed ' || id;
SQL

# A writer that was killed: the last commits are in the log alone.
{ rows; echo 'PRAGMA journal_mode = WAL;'; } | sqlite3 -batch killed-writer.db
killed killed-writer.db <<'SQL'
PRAGMA wal_autocheckpoint = 0;
UPDATE item SET name = 'committed ' || id WHERE id % 3;
DELETE FROM item WHERE id > 500;
BEGIN;
PRAGMA cache_size = 5;
UPDATE item SET name = 'never committed ' || id;
SQL
