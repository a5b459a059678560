#!/usr/bin/env bash
# Renders an episode over HTTP with curl: submits it, waits for its lines, fetches their audio.
# usage: render.sh SCRIPT CAST FOLDER   with TABLEREAD_URL, and TABLEREAD_TOKEN if the server asks for one
set -euo pipefail

script=$1 cast=$2 folder=$3
url=${TABLEREAD_URL:-http://127.0.0.1:8080}
headers=$(mktemp)
trap 'rm -f "$headers"' EXIT
# In a file: arguments can be read by every user of the machine.
if [ -n "${TABLEREAD_TOKEN:-}" ]; then
    printf 'Authorization: Bearer %s\n' "$TABLEREAD_TOKEN" >"$headers"
fi

ask() { curl --silent --show-error --fail-with-body --header "@$headers" "$@"; }
# The first field of that name that holds a word or a number: enough for what is read here.
field() { grep -oE "\"$1\":(\"[^\"]*\"|[0-9]+)" | sed -n '1s/.*:"\{0,1\}\([^"]*\).*/\1/p'; }

# The same key for the same upload: sent again after a broken connection, it is done once.
key=$(cat "$script" "$cast" | cksum | tr -d ' ')
taken=$(ask --retry 3 --header "Idempotency-Key: $key" \
    --form "script=@$script" --form "cast=@$cast" "$url/v1/episodes") || { echo "$taken" >&2; exit 1; }
submission=$(printf '%s' "$taken" | field submission)
echo "$submission is queued"

here=$url/v1/submissions/$submission
until progress=$(ask "$here") && state=$(printf '%s' "$progress" | field state) && [ "$state" != active ]; do
    sleep 1
done

mkdir -p "$folder"
ask --output "$folder/manifest.json" "$here/manifest"
fetched=0
while read -r line; do
    ask --output "$folder/$line.m4a" "$here/lines/$line/audio.m4a"
    fetched=$((fetched + 1))
done < <(ask "$here/lines?limit=1000&state=done" | grep -oE '"id":"[^"]+"' | cut -d '"' -f 4)

lines=$(printf '%s' "$taken" | field lines)
echo "$state: $fetched of $lines lines in $folder"
[ "$state" = done ]
