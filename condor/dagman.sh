#!/bin/sh
# What HTCondor starts as DAGMan (condor_submit_dag -dagman). It mends what a DAGMan does not get
# over (seen with 23.9.6).
#
# Without room for its logs DAGMan dies, at each start again. So it starts when there is room.
#
# A disk that is full tears an event: HTCondor writes as much of it to a log as there is room
# for. A reader takes the next one for the rest of it, and so DAGMan may wait for ever for a job
# that has ended. Here the end of the event before moves to where the next begins: its readers
# pass over lines they do not know. Logs keep their length: HTCondor may be writing to the end.
#
# DAGMan's log numbers the nodes that a PRE script skipped. Started again, it counts them from 1
# anew, and when it reads the same number for another node, it dies, and so it does at every
# start from then on. So numbers of earlier starts become others here, from 999 down, before it
# reads them. They keep their place and length, too.
#
# And if it died when its FINAL node had ended already, it reads so and waits for ever.

word_before=''
for word in "$@"; do
    [ "$word_before" != -Lockfile ] || lock=$word
    word_before=$word
done
dag=${lock%.lock}
log=$dag.nodes.log

# Prints for each torn event where the end of the one before begins, and the length of what is
# torn, in bytes.
torn() {
    LC_ALL=C awk -v size="$(wc -c <"$1")" '
        function event_begins(here) {
            if (end >= 0 && here > end + 4) print end, here - end - 4
        }
        BEGIN { end = -4 }
        {
            from = 1
            while (match(substr($0, from), /[0-9][0-9][0-9] \([0-9]+\.[0-9]+\.[0-9]+\) [0-9]/)) {
                event_begins(at + from + RSTART - 2)
                from += RSTART + RLENGTH - 2
            }
            if ($0 == "...") end = at
            at += length($0) + 1
        }
        END { event_begins(size) }' "$1"
}

mend() {
    [ -f "$1" ] && [ -n "$(torn "$1")" ] || return 0
    sleep 1 # so that it was not just being written
    torn "$1" | while read -r end length; do
        printf '%*s\n...\n' $((length - 1)) '' |
            dd of="$1" bs=1 seek="$end" conv=notrunc 2>/dev/null
    done
}

until dd if=/dev/zero of="$dag.room" bs=64k count=1 2>/dev/null; do
    rm -f "$dag.room"
    sleep 5
done
rm -f "$dag.room"
mend "$log"
mend "$dag.dagman.log"

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

# What tears while DAGMan runs it has read already. Killed, it is started again, by way of here.
{
    before=''
    while sleep 30 && grep -aqF -e "$lock" /proc/$$/cmdline; do
        now=$(torn "$log")
        [ -z "$now" ] || [ "$now" != "$before" ] || kill -9 $$
        before=$now
    done
} </dev/null >/dev/null 2>&1 &
exec condor_dagman "$@"
