#!/bin/sh
desc="tests that are left out or expected to fail are no failures"

echo "1..3"
echo "ok 1"
echo "ok 2 # skip not here"
echo "not ok 3 # TODO some day"
exit 0
