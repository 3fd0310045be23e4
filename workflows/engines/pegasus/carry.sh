#!/bin/sh
# Runs one step of a scan where only files are transferred and each output must exist at the end:
#   carry.sh [unpack=FOLDER] [pack=FOLDER] [keep=NEW:OLD] -- STEP ...
# unpack  unpacks FOLDER.tar before the step
# pack    packs FOLDER into FOLDER.tar after the step
# keep    copies NEW, which the step wrote, to OLD, from which its next try continues

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

# With a missing output, the job would be held instead of failing.
for output in ${pack:+"$pack.tar"} ${new:+"$new"} ${old:+"$old"}; do
    [ -e "$output" ] || : >"$output"
done

# Without the owner, who may not exist on this machine.
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
