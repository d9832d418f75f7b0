#!/bin/sh
# A large file in blocks, which survive broken lines and restarts of the node: what arrived is not sent again.
set -eu
. "$(dirname "$0")/lib.sh"

make_repository files "$WAYBILL_URL"
path="$project/files/images/disk.img"
head -c 300000 /dev/urandom >"$work/disk.img"
split -b 100000 -a 1 "$work/disk.img" "$work/block-"

upload=$(call --request POST "$WAYBILL_URL/generic/block/$path" | member uploadId)
sequence=0
for block in "$work"/block-*; do
    sequence=$((sequence + 1))
    [ "$sequence" = 2 ] && continue # got lost on the way
    call --upload-file "$block" --header "X-BKREPO-UPLOAD-ID: $upload" --header "X-BKREPO-SEQUENCE: $sequence" \
        "$WAYBILL_URL/generic/$path" >"$work/made"
done

# Which are there? Whoever comes back asks, and sends what is missing.
call --header "X-BKREPO-UPLOAD-ID: $upload" "$WAYBILL_URL/generic/block/$path" >"$work/there"
same 'blocks there' "$(grep -o '"sequence"' "$work/there" | wc -l | tr -d ' ')" 2
call --upload-file "$work/block-b" --header "X-BKREPO-UPLOAD-ID: $upload" --header 'X-BKREPO-SEQUENCE: 2' \
    "$WAYBILL_URL/generic/$path" >"$work/made"

# Joined by their sequence, the file appears at once.
refused 404 251010 "$WAYBILL_URL/generic/$path"
call --request PUT --header "X-BKREPO-UPLOAD-ID: $upload" "$WAYBILL_URL/generic/block/$path" >"$work/made"
call --output "$work/back.img" "$WAYBILL_URL/generic/$path"
cmp "$work/disk.img" "$work/back.img"
refused 400 251201 --header "X-BKREPO-UPLOAD-ID: $upload" "$WAYBILL_URL/generic/block/$path"
