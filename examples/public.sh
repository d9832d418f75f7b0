#!/bin/sh
# A public repository is read without a login; others do not even say that they exist.
set -eu
. "$(dirname "$0")/lib.sh"

make_repository private "$WAYBILL_URL"
send "$WAYBILL_URL/repository/api/repo/create" >"$work/made" <<JSON
{ "projectId": "$project", "name": "public", "type": "GENERIC", "category": "LOCAL", "public": true }
JSON
for repository in public private; do
    echo hello | call --upload-file - "$WAYBILL_URL/generic/$project/$repository/hello.txt" >"$work/node"
done

same 'without a login' "$(curl --silent --fail "$WAYBILL_URL/generic/$project/public/hello.txt")" hello
for repository in private none; do
    same "$repository" "$(curl --silent --output "$work/refused" --write-out '%{http_code}' "$WAYBILL_URL/generic/$project/$repository/hello.txt")" 401
done
same 'writing it' "$(echo x | curl --silent --output "$work/refused" --write-out '%{http_code}' --upload-file - "$WAYBILL_URL/generic/$project/public/x")" 401
