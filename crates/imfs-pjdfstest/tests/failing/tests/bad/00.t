#!/bin/sh
desc="a script with a failure, for the runner to report"

echo "1..2"
echo "ok 1"
echo "not ok 2 - tried 'nothing', expected 0, got ENOENT"
