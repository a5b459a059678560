# The verbs of this project; `just` alone lists them.
_default:
    @just --list

# Render a shipped screenplay into ./out.
demo:
    ops/demo

# Pass every test.
test *args:
    ops/test {{ args }}

# What must hold before a change lands.
ci:
    .ci/run

# Write the JSON Schemas anew.
schemas:
    UPDATE_SCHEMAS=1 cargo test -p schemas -p scheduler -p voices schemas
