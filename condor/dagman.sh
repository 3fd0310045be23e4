#!/bin/sh
# What HTCondor starts as DAGMan (condor_submit_dag -dagman).
#
# DAGMan's log numbers the nodes that a PRE script skipped. A DAGMan that died and is started
# again counts them from 1 anew, and when it reads the same number for another node, it dies, and
# so it does at every start from then on (seen with 23.9.6). So numbers of earlier starts become
# others here, from 999 down, before it reads them. They keep their place and length: HTCondor
# may be writing to the end of the log.

word_before=''
for word in "$@"; do
    [ "$word_before" != -Lockfile ] || log=${word%.lock}.nodes.log
    word_before=$word
done

skipped='^034 (000\.2147483647\.'
if [ -f "${log:-}" ]; then
    number=$((999 - $(grep -ac "${skipped}[5-9][0-9][0-9])" "$log")))
    grep -ab "${skipped}[0-4][0-9][0-9])" "$log" | while IFS=: read -r line _; do
        [ "$number" -gt 500 ] || break
        printf %03d "$number" | dd of="$log" bs=1 seek=$((line + 20)) conv=notrunc 2>/dev/null
        number=$((number - 1))
    done
fi
exec condor_dagman "$@"
