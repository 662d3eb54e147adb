"""The peer of `cargo xtask bench`: the event application as the workshop teaches it.

Flask under gunicorn, one SQLite connection per request, the journal mode and the five seconds of
busy timeout that Python's sqlite3 has by default. The routes are the workshop's, and two of the
event API's so that batches and pages can be compared.
"""

import os
import sqlite3
from contextlib import closing
from datetime import datetime, timezone

from flask import Flask, jsonify, request

app = Flask(__name__)
DATABASE = os.environ["DATABASE"]


def connect():
    connection = sqlite3.connect(DATABASE)
    connection.row_factory = sqlite3.Row
    return connection


def now():
    return datetime.now(timezone.utc).isoformat()


def rows(statement, *values):
    with closing(connect()) as db:
        return jsonify([dict(row) for row in db.execute(statement, values)])


@app.get("/health")
def health():
    return jsonify(status="ok")


@app.get("/add")
def add():
    timestamp, message = now(), request.args.get("message", "hello")
    with closing(connect()) as db:
        db.execute("INSERT INTO events (timestamp, message) VALUES (?, ?)", (timestamp, message))
        db.commit()
    return jsonify(status="added", timestamp=timestamp, message=message)


@app.get("/count")
def count():
    with closing(connect()) as db:
        return jsonify(count=db.execute("SELECT COUNT(*) FROM events").fetchone()[0])


@app.get("/consultation")
def consultation():
    return rows("SELECT id, timestamp, message FROM events ORDER BY id DESC LIMIT 50")


@app.get("/events")
def page():
    limit = min(request.args.get("limit", 50, type=int), 1000)
    return rows("SELECT id, timestamp, message FROM events ORDER BY id LIMIT ?", limit)


@app.post("/events")
def batch():
    timestamp = now()
    events = [(timestamp, event["message"]) for event in request.get_json()]
    with closing(connect()) as db:
        db.executemany("INSERT INTO events (timestamp, message) VALUES (?, ?)", events)
        db.commit()
    return jsonify(added=len(events)), 201
