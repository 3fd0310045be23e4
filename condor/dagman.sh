#!/bin/sh
# What HTCondor starts as DAGMan (condor_submit_dag -dagman). It mends two things that a DAGMan
# which died and is started again never gets over (seen with 23.9.6).
#
# DAGMan's log numbers the nodes that a PRE script skipped. Started again, it counts them from 1
# anew, and when it reads the same number for another node, it dies, and so it does at every
# start from then on. So numbers of earlier starts become others here, from 999 down, before it
# reads them. They keep their place and length: HTCondor may be writing to the end of the log.
#
# And if it died when its FINAL node had ended already, it reads so and waits for ever.

word_before=''
for word in "$@"; do
    [ "$word_before" != -Lockfile ] || lock=$word
    word_before=$word
done
dag=${lock%.lock}
log=$dag.nodes.log

# The lock is that of a DAGMan which died. A POST script ends with three lines: 016, how, which.
if [ -f "${lock:-}" ] && final=$(sed -n 's/^FINAL \([^ ]*\) .*/\1/p' "$dag") &&
    [ -n "$final" ] && [ "$(tail -n 2 "$log")" = "    DAG Node: $final
..." ]; then
    how=$(tail -n 4 "$log" | head -n 2)
    case $how in
    '016 '*'Normal termination (return value 0)'*) code=0 ;;
    '016 '*) code=1 ;;
    *) code='' ;; # of its job, not of its script
    esac
    if [ -n "$code" ]; then
        rm -f "$lock"
        exit "$code"
    fi
fi

skipped='^034 (000\.2147483647\.'
if [ -f "$log" ]; then
    number=$((999 - $(grep -ac "${skipped}[5-9][0-9][0-9])" "$log")))
    grep -ab "${skipped}[0-4][0-9][0-9])" "$log" | while IFS=: read -r line _; do
        [ "$number" -gt 500 ] || break
        printf %03d "$number" | dd of="$log" bs=1 seek=$((line + 20)) conv=notrunc 2>/dev/null
        number=$((number - 1))
    done
fi
exec condor_dagman "$@"
