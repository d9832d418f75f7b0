#!/bin/sh
# A distribution of a few paths that runs when it is asked to, set up by whoever may write the repository.
set -eu
. "$(dirname "$0")/lib.sh"
distribution_api="$WAYBILL_URL/replication/api/remote/distribution"

make_repository files "$WAYBILL_URL"
for name in release/app.bin release/notes.txt draft.txt; do
    echo "$name" | call --upload-file - "$WAYBILL_URL/generic/$project/files/$name" >"$work/node"
done
send "$WAYBILL_URL/replication/api/cluster/create" >"$work/made" <<JSON
{ "name": "$project", "url": "$EDGE_URL", "type": "STANDALONE", "username": "$WAYBILL_USER", "password": "$WAYBILL_PASSWORD" }
JSON
cluster=$(call "$WAYBILL_URL/replication/api/cluster/info?name=$project" | member id)

send "$distribution_api/create/runOnceTask/$project/files" >"$work/made" <<JSON
{ "name": "release", "clusterId": "$cluster", "remoteProjectId": "$project", "remoteRepoName": "files", "pathConstraints": ["/release"] }
JSON
call --request POST "$distribution_api/execute/runOnceTask/$project/files?name=release" >"$work/made"
until call "$distribution_api/get/runOnceTaskStatus/$project/files?name=release" >"$work/status" && ! grep -q '"RUNNING"' "$work/status"; do
    sleep 0.2
done
same 'it ended as' "$(member status <"$work/status")" SUCCESS
same 'bytes' "$(member replicatedBytes <"$work/status")" "$(member totalBytes <"$work/status")"
same 'at the edge' "$(call "$EDGE_URL/generic/$project/files/release/notes.txt")" release/notes.txt
refused 404 251010 "$EDGE_URL/generic/$project/files/draft.txt"

# What is not there cannot be started; what is not needed any more goes.
refused 400 250108 --request POST "$distribution_api/execute/runOnceTask/$project/files?name=nothing"
call --request DELETE "$distribution_api/delete/runOnceTask/$project/files?name=release" >"$work/made"
