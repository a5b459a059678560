#!/usr/bin/env python3
"""Renders an episode over HTTP: submits it, follows its events, fetches the lines' audio.

usage: render.py SCRIPT CAST FOLDER

TABLEREAD_URL says where the server is, TABLEREAD_TOKEN is sent if the server asks for one. Needs
nothing but Python 3.8.
"""

import hashlib
import json
import os
import pathlib
import sys
import urllib.error
import urllib.request

URL = os.environ.get("TABLEREAD_URL", "http://127.0.0.1:8080")
TOKEN = os.environ.get("TABLEREAD_TOKEN")


def ask(path, body=None, headers=None, timeout=60):
    """Opens an answer; a refusal ends the program with what it says to do."""
    request = urllib.request.Request(URL + path, headers=headers or {})
    if TOKEN:
        request.add_header("Authorization", f"Bearer {TOKEN}")
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    try:
        return urllib.request.urlopen(request, timeout=timeout)
    except urllib.error.HTTPError as refusal:
        problem = json.load(refusal)
        for error in problem.get("errors", []):
            place = f"{error['file']}:{error.get('line', '')}:{error.get('column', '')}"
            print(f"{place} {error['message']}; {error['advice']}", file=sys.stderr)
        sys.exit(f"{problem['title']}: {problem['detail']}")


def get(path):
    with ask(path) as answer:
        return json.load(answer)


def submit(script, cast):
    episode = {
        "script": {"name": script.name, "text": script.read_text(encoding="utf-8")},
        "cast": cast.read_text(encoding="utf-8"),
    }
    # The same key for the same upload: sent again after a broken connection, it is done once.
    key = hashlib.sha256(json.dumps(episode).encode()).hexdigest()
    with ask("/v1/episodes", episode, {"Idempotency-Key": key}) as answer:
        return json.load(answer)


def wait(here):
    """Follows events until nothing is open, coming back where it was when the stream ends."""
    last = "0"
    while True:
        with ask(f"{here}/events", headers={"Last-Event-ID": last}) as stream:
            progress = get(here)
            if progress["state"] != "active":
                return progress
            for line in stream:
                name, _, value = line.decode().strip().partition(": ")
                if name == "id":
                    last = value
                elif name == "data" and json.loads(value)["state"] in ("done", "failed", "cancelled"):
                    progress = get(here)
                    print(f"{progress['lines']['done']} done")
                    if progress["state"] != "active":
                        return progress


def lines(here):
    after = ""
    while True:
        page = get(f"{here}/lines?limit=1000&state=done{after}")
        yield from page["lines"]
        if page["next"] is None:
            return
        after = f"&after={page['next']}"


def main(script, cast, folder):
    taken = submit(pathlib.Path(script), pathlib.Path(cast))
    print(f"{taken['submission']} is queued")
    here = f"/v1/submissions/{taken['submission']}"
    progress = wait(here)

    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.json").write_bytes(ask(f"{here}/manifest").read())
    fetched = 0
    for line in lines(here):
        name = line["job"]["id"]
        (folder / f"{name}.m4a").write_bytes(ask(f"{here}/lines/{name}/audio.m4a").read())
        fetched += 1
    print(f"{progress['state']}: {fetched} of {taken['lines']} lines in {folder}")
    sys.exit(progress["state"] != "done")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
