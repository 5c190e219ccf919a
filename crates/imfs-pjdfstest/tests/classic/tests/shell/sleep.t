#!/bin/sh
desc="time goes by for the script that sleeps"

dir=`dirname $0`
. ${dir}/../misc.sh

expect 0 create a 0644
before=`${fstest} stat a ctime`
sleep 1
expect 0 chmod a 0600
after=`${fstest} stat a ctime`
check ${before} -lt ${after}
sleep 3600
expect 0 chmod a 0644
check $(( ${after} + 3600 )) -le `${fstest} stat a ctime`
sleep nonsense 2>/dev/null
check "$?" -eq 1
finish
