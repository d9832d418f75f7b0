#!/bin/sh
# A file's life: upload with its digest and properties, look, read a part, replace, delete.
set -eu
. "$(dirname "$0")/lib.sh"

make_repository files "$WAYBILL_URL"
file="$WAYBILL_URL/generic/$project/files/app/1.4.2/app.bin"
head -c 100000 /dev/urandom >"$work/app.bin"
sha256=$(sha256sum "$work/app.bin" | cut -d ' ' -f 1)

# The node compares the digest before it says yes.
call --upload-file "$work/app.bin" --header "X-BKREPO-SHA256: $sha256" --header 'X-BKREPO-META-build: 7' "$file" >"$work/node"
same 'digest it keeps' "$(member sha256 <"$work/node")" "$sha256"
refused 400 251003 --upload-file "$work/app.bin" --header 'X-BKREPO-OVERWRITE: true' \
    --header 'X-BKREPO-SHA256: 0000000000000000000000000000000000000000000000000000000000000000' "$file"

# What is there: the digest is the ETag, the properties are the node's metadata.
etag=$(call --head "$file" | tr -d '\r' | sed -n 's/^[Ee][Tt][Aa][Gg]: //p')
same 'ETag' "$etag" "$sha256"
same 'build' "$(call "$WAYBILL_URL/repository/api/node/detail/$project/files/app/1.4.2/app.bin" | member build)" 7

# The whole file, and the last 100 bytes of it.
call --output "$work/back.bin" "$file"
cmp "$work/app.bin" "$work/back.bin"
call --range -100 --output "$work/tail" "$file"
tail -c 100 "$work/app.bin" | cmp - "$work/tail"

# What stands there is replaced only when that is said.
echo 'another build' >"$work/other"
refused 400 251012 --upload-file "$work/other" "$file"
call --upload-file "$work/other" --header 'X-BKREPO-OVERWRITE: true' "$file" >"$work/node"
same 'size' "$(member size <"$work/node")" 14

call --request DELETE "$file" >"$work/node"
refused 404 251010 "$file"
