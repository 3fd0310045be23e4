#!/bin/sh
# HTCondor starts this script as DAGMan (condor_submit_dag -dagman). It repairs what a DAGMan
# cannot recover from (seen with 23.9.6).
#
# DAGMan dies at every start while there is no room for its logs, so the script waits for room.
#
# A full disk truncates an event: HTCondor writes as much of it to a log as fits. A reader takes
# the next event for the rest of it, and DAGMan may wait forever for a job that has ended. The
# script moves the end of the preceding event to where the next one begins: readers skip lines
# that they do not know. Logs keep their length, since HTCondor may be appending to them.
#
# DAGMan's log numbers the nodes that a PRE script skipped. A DAGMan that is started again counts
# from 1 again; when it then reads the same number for two nodes it dies, at that start and at
# every later one. The script renumbers those of earlier starts, from 999 down, before DAGMan
# reads them. They keep their place and length, too.
#
# A DAGMan that died after its FINAL node had ended reads that in its log and waits forever.

word_before=''
for word in "$@"; do
    [ "$word_before" != -Lockfile ] || lock=$word
    word_before=$word
done
dag=${lock%.lock}
log=$dag.nodes.log

# Print for each truncated event where the end of the preceding event begins, and the length of
# the truncated part, in bytes.
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

repair() {
    [ -f "$1" ] && [ -n "$(torn "$1")" ] || return 0
    sleep 1 # in case the event was just being written
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
repair "$log"
repair "$dag.dagman.log"

# The lock is left from a DAGMan that died. The event of a POST script's end has three lines: 016,
# how it ended, and its node.
if [ -f "${lock:-}" ] && final=$(sed -n 's/^FINAL \([^ ]*\) .*/\1/p' "$dag") &&
    [ -n "$final" ] && [ "$(tail -n 2 "$log")" = "    DAG Node: $final
..." ]; then
    how=$(tail -n 4 "$log" | head -n 2)
    case $how in
    '016 '*'Normal termination (return value 0)'*) code=0 ;;
    '016 '*) code=1 ;;
    *) code='' ;; # an event of the node's job, not of its script
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

# DAGMan has already read an event that is truncated while it runs. If it is killed, HTCondor
# starts it again through this script.
{
    before=''
    while sleep 30 && grep -aqF -e "$lock" /proc/$$/cmdline; do
        now=$(torn "$log")
        [ -z "$now" ] || [ "$now" != "$before" ] || kill -9 $$
        before=$now
    done
} </dev/null >/dev/null 2>&1 &
exec condor_dagman "$@"
