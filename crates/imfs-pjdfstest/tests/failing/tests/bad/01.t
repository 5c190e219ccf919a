#!/bin/sh
desc="a script that ends too soon"

echo "1..3"
echo "ok 1"
exit 3
