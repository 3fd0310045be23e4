#!/bin/sh
# Runs one step of a scan where only files travel and each output must be there at the end:
#   carry.sh [unpack=FOLDER] [pack=FOLDER] [keep=NEW:OLD] -- STEP ...
# unpack  makes FOLDER of FOLDER.tar before the step
# pack    makes FOLDER.tar of FOLDER after it
# keep    gives what the step wrote to NEW also to OLD, from where its next try goes on

unpack='' pack='' new='' old=''
while [ $# -gt 0 ]; do
    case $1 in
    unpack=*) unpack=${1#unpack=} ;;
    pack=*) pack=${1#pack=} ;;
    keep=*) old=${1#keep=*:} new=${1#keep=} new=${new%%:*} ;;
    --) shift && break ;;
    esac
    shift
done

# A missing output would be a held job, not a failed one.
for output in ${pack:+"$pack.tar"} ${new:+"$new"} ${old:+"$old"}; do
    [ -e "$output" ] || : >"$output"
done

# Not with its owner, whom this machine may not know.
if [ -n "$unpack" ] && ! tar -xof "$unpack.tar"; then
    echo "skyscan: error: $unpack.tar cannot be unpacked on $(uname -n) (exit 75)" >&2
    exit 75
fi

sh ./job.sh "$@"
code=$?

if [ -n "$pack" ] && [ "$code" -eq 0 ]; then
    tar -cf "$pack.tar" "$pack" || code=75
fi
if [ -n "$new" ] && [ -s "$new" ]; then
    cp "$new" "$old" || code=75
fi
exit "$code"
