#!/usr/bin/env bash
# A PocketBase with a superuser, a collection and records, killed: both databases have a log. $1: the program
set -euo pipefail
"$1" --dir pb superuser upsert admin@example.com 'a password of a test' >/dev/null
"$1" --dir pb serve --http 127.0.0.1:18099 >/dev/null 2>&1 & server=$!
api=http://127.0.0.1:18099/api
until curl -fs "$api/health" >/dev/null; do :; done
token=$(curl -fs "$api/collections/_superusers/auth-with-password" -H 'Content-Type: application/json' \
    -d '{"identity":"admin@example.com","password":"a password of a test"}' | sed 's/.*"token":"\([^"]*\)".*/\1/')
curl -fs "$api/collections" -H "Authorization: $token" -H 'Content-Type: application/json' -d '{
    "name": "places", "type": "base", "createRule": "",
    "fields": [{"name": "title", "type": "text", "required": true}, {"name": "where", "type": "json"}]}' >/dev/null
for number in $(seq 40); do
    curl -fs "$api/collections/places/records" -H 'Content-Type: application/json' \
        -d "{\"title\": \"Café $number\", \"where\": {\"x\": $number}}" >/dev/null
done
# What it logs is written every few seconds.
until [ "$(sqlite3 "file:pb/auxiliary.db?mode=ro" 'SELECT count(*) >= 40 FROM _logs')" = 1 ]; do :; done
kill -KILL "$server"
