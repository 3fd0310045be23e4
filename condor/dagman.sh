#!/bin/sh
# HTCondor starts this script as DAGMan (condor_submit_dag -dagman), and the script becomes
# DAGMan. Before that it works around faults of HTCondor after which a DAG would never end: one
# function for each. docs/htcondor-faults.md describes them, with the steps that show them.
#
# - Logs are edited in place and keep their length, because HTCondor may be appending to them.
#   Events that were written completely are not changed, except for numbers that DAGMan itself
#   has made up.
# - What it does is recorded in DAG.guard.log: time, fault and text, separated by tabs
#   (condor/logs/guard.py reads it).
# - `dagman_guard = false` in a site's profile turns it off: the DAG is then submitted without it.

# The newest HTCondor that the functions were tried with; with newer ones, the log warns.
tried=25.14.1

main() {
    word_before=''
    for word in "$@"; do
        case $word_before in
        -Lockfile) lock=$word ;;
        -CsdVersion) version=${word#*: } version=${version%% *} ;;
        esac
        word_before=$word
    done
    dag=${lock%.lock}
    log=$dag.nodes.log
    version=${version:-$tried}
    is_older "${tried%.*}" "${version%.*}" &&
        note untried "HTCondor $version is newer than $tried, the newest that was tried"

    # The second word is the first version without the fault; none is known yet.
    has no-space '' && wait_for_space
    if has truncated-event ''; then
        repair "$log"
        repair "$dag.dagman.log"
    fi
    has final-node '' && end_if_all_has_ended
    has restarts '' && end_if_it_only_restarts
    has skipped-nodes '' && renumber_skipped_nodes
    has truncated-event '' && watch_for_truncated_events </dev/null >/dev/null 2>&1 &
    exec condor_dagman "$@"
}

# Fault no-space, seen with 23.9.6: without space for its logs, DAGMan dies at every start.
wait_for_space() {
    waited=''
    until dd if=/dev/zero of="$dag.room" bs=64k count=1 2>/dev/null; do
        waited=yes
        rm -f "$dag.room"
        sleep 5
    done
    rm -f "$dag.room"
    [ -z "$waited" ] || note no-space 'waited for free disk space'
}

# Fault truncated-event, seen with 23.9.6 and 25.14.1: on a full disk, HTCondor writes as much of
# an event as fits. A reader takes the next event for the rest of it, and DAGMan waits forever for
# a job whose end it has missed. The end of the preceding event is moved to where the next event
# begins: readers skip lines that they do not know.
repair() {
    [ -f "$1" ] && [ -n "$(truncated "$1")" ] || return 0
    sleep 1 # in case the event was just being written
    truncated "$1" | while read -r end length; do
        printf '%*s\n...\n' $((length - 1)) '' |
            dd of="$1" bs=1 seek="$end" conv=notrunc 2>/dev/null
        note truncated-event "took $length bytes of an event at $end out of ${1##*/}"
    done
}

# Print for each truncated event where the end of the preceding event begins, and the length of
# the truncated part, in bytes.
truncated() {
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

# A DAGMan that runs has already read the truncated event. It is killed: HTCondor starts it again
# through this script, which repairs the log.
watch_for_truncated_events() {
    before=''
    while sleep 30 && grep -aqF -e "$lock" /proc/$$/cmdline; do
        now=$(truncated "$log")
        if [ -n "$now" ] && [ "$now" = "$before" ]; then
            note truncated-event "killed DAGMan ($$), which may have missed the next event"
            kill -9 $$
        fi
        before=$now
    done
}

# Fault final-node, seen with 23.9.6 and 25.14.1: a DAGMan that died after its FINAL node had ended
# (its lock is left) reads that in its log at the next start, and waits forever. The script ends as
# that DAGMan would have. A FINAL node of ours is skipped when its PRE script has done its work: the
# event is 034. Before that, and after a failure, the log has no event of it, and it runs again.
end_if_all_has_ended() {
    [ "$(tail -n 2 "$log" 2>/dev/null)" = "    DAG Node: $(final_node)
..." ] || return 0
    case $(tail -n 3 "$log") in
    '034 '*) ;;
    *) return 0 ;;
    esac
    note final-node 'ended with 0, because the FINAL node had ended'
    rm -f "$lock"
    exit 0
}

# Print the name of the FINAL node, if there is one and DAGMan died.
final_node() {
    [ ! -f "${lock:-}" ] || sed -n 's/^FINAL \([^ ]*\) .*/\1/p' "$dag"
}

# Fault restarts, seen with 23.9.6: a DAGMan that dies soon after each start is started again for
# ever, every other second. After six starts of a job in a row without an event of a node, each
# within 15 minutes of the one before (from 25.10 on, HTCondor waits for five), the script ends
# instead. The scan has failed then; a scan that is resumed has another job, and begins to count.
# The lock says nothing here: a DAGMan that dies of its configuration has not written it yet.
end_if_it_only_restarts() {
    size=0
    [ ! -f "$log" ] || size=$(wc -c <"$log")
    now=$(date +%s)
    job=${CONDOR_ID:-unknown}
    starts='' size_before='' last='' job_before=''
    [ ! -f "$dag.starts" ] || read -r starts size_before last job_before <"$dag.starts"
    if [ "$job" != "$job_before" ] || [ "$size" != "$size_before" ] ||
        [ $((now - ${last:-0})) -gt 900 ]; then
        starts=0
    fi
    starts=$((${starts:-0} + 1))
    echo "$starts $size $now $job" 2>/dev/null >"$dag.starts"
    [ "$starts" -gt 6 ] || return 0
    note restarts "ended, because DAGMan had died at $starts starts in a row"
    rm -f "$lock" "$dag.starts"
    exit 1
}

# Fault skipped-nodes, seen with 23.9.6 and 25.14.1: DAGMan's log numbers the nodes that a PRE
# script skipped. A DAGMan that is started again counts from 1 again; when it then reads the same
# number for two nodes it dies, at that start and at every later one. The numbers of earlier
# starts are changed before DAGMan reads them, from 999 down.
renumber_skipped_nodes() {
    skipped='^034 (000\.2147483647\.'
    [ -f "$log" ] || return 0
    number=$((999 - $(grep -ac "${skipped}[5-9][0-9][0-9])" "$log")))
    grep -ab "${skipped}[0-4][0-9][0-9])" "$log" | {
        first=$number
        while IFS=: read -r line _ && [ "$number" -gt 500 ]; do
            printf %03d "$number" |
                dd of="$log" bs=1 seek=$((line + 20)) conv=notrunc 2>/dev/null
            number=$((number - 1))
        done
        [ "$number" = "$first" ] ||
            note skipped-nodes "gave $((first - number)) skipped nodes of earlier starts other numbers"
    }
}

# Return whether this HTCondor has a fault (by its name) that is fixed in a version, if in any.
has() {
    [ -z "$2" ] || is_older "$version" "$2"
}

is_older() {
    [ "$1" != "$2" ] && [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]
}

note() {
    printf '%s\t%s\t%s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$1" "$2" 2>/dev/null \
        >>"$dag.guard.log" || : # on a full disk
}

main "$@"
