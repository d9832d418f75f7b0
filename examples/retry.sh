#!/bin/sh
# A conflict fails a run and says why; once it is out of the way, a retry does exactly what had failed.
set -eu
. "$(dirname "$0")/lib.sh"
record_api="$WAYBILL_URL/replication/api/task/record"

make_repository files "$WAYBILL_URL"
make_repository files "$EDGE_URL"
echo new | call --upload-file - "$WAYBILL_URL/generic/$project/files/app/latest" >"$work/node"
echo fine | call --upload-file - "$WAYBILL_URL/generic/$project/files/app/other" >"$work/node"
echo old | call --upload-file - "$EDGE_URL/generic/$project/files/app/latest" >"$work/node"

send "$WAYBILL_URL/replication/api/cluster/create" >"$work/made" <<JSON
{ "name": "$project", "url": "$EDGE_URL", "type": "STANDALONE", "username": "$WAYBILL_USER", "password": "$WAYBILL_PASSWORD" }
JSON
cluster=$(call "$WAYBILL_URL/replication/api/cluster/info?name=$project" | member id)
send "$WAYBILL_URL/replication/api/task/create" >"$work/task" <<JSON
{ "name": "$project", "localProjectId": "$project", "replicaObjectType": "REPOSITORY", "replicaType": "RUN_ONCE",
  "replicaTaskObjects": [{ "localRepoName": "files", "remoteProjectId": "$project", "remoteRepoName": "files", "repoType": "GENERIC" }],
  "setting": { "conflictStrategy": "FAST_FAIL", "errorStrategy": "CONTINUE" }, "remoteClusterIds": ["$cluster"] }
JSON
task=$(member key <"$work/task")
call --request POST "$WAYBILL_URL/replication/api/task/execute/$task" >"$work/made"
record=$(call "$record_api/list/$task" | member id)

same 'it ended as' "$(ended "$record")" FAILED
echo "  $(call "$record_api/detail/page/$record?status=FAILED" | member errorReason)"
same 'what stands at the edge' "$(call "$EDGE_URL/generic/$project/files/app/latest")" old

# Out of the way with it, and the failed one again: a record of its own, through the native API.
call --request DELETE "$EDGE_URL/generic/$project/files/app/latest" >"$work/made"
again=$(echo '{}' | send "$WAYBILL_URL/api/v1/records/$record/retry" | member recordId)
same 'the retry' "$(ended "$again")" SUCCESS
same 'its rows' "$(call "$record_api/detail/page/$again" | member totalRecords)" 1
same 'what stands at the edge' "$(call "$EDGE_URL/generic/$project/files/app/latest")" new
