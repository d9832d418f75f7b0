#!/bin/sh
# A task in real time: what is uploaded is at the edge a moment later, without anybody asking.
set -eu
. "$(dirname "$0")/lib.sh"

make_repository files "$WAYBILL_URL"
send "$WAYBILL_URL/replication/api/cluster/create" >"$work/made" <<JSON
{ "name": "$project", "url": "$EDGE_URL", "type": "STANDALONE", "username": "$WAYBILL_USER", "password": "$WAYBILL_PASSWORD" }
JSON
cluster=$(call "$WAYBILL_URL/replication/api/cluster/info?name=$project" | member id)
send "$WAYBILL_URL/replication/api/task/create" >"$work/task" <<JSON
{ "name": "$project", "localProjectId": "$project", "replicaObjectType": "REPOSITORY", "replicaType": "REAL_TIME",
  "replicaTaskObjects": [{ "localRepoName": "files", "remoteProjectId": "$project", "remoteRepoName": "files", "repoType": "GENERIC" }],
  "setting": { "conflictStrategy": "OVERWRITE", "errorStrategy": "CONTINUE" }, "remoteClusterIds": ["$cluster"] }
JSON
task=$(member key <"$work/task")

echo 'news' | call --upload-file - "$WAYBILL_URL/generic/$project/files/news.txt" >"$work/node"
until call --output "$work/arrived" "$EDGE_URL/generic/$project/files/news.txt" 2>"$work/not-yet"; do sleep 0.2; done
same 'at the edge' "$(cat "$work/arrived")" news

# The log of it: a burst of changes is one record.
record=$(call "$WAYBILL_URL/replication/api/task/record/list/$task" | member id)
same 'it ended as' "$(ended "$record")" SUCCESS
same 'rows' "$(call "$WAYBILL_URL/replication/api/task/record/detail/page/$record" | member totalRecords)" 1
call --request POST "$WAYBILL_URL/replication/api/task/toggle/status/$task" >"$work/made"
