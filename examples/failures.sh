#!/bin/sh
# The open failures of all tasks: what does not stand where it should, why, and one of them again.
set -eu
. "$(dirname "$0")/lib.sh"
failure_api="$WAYBILL_URL/replication/api/replica/failure"

make_repository files "$WAYBILL_URL"
make_repository files "$EDGE_URL"
for name in one two; do
    echo new | call --upload-file - "$WAYBILL_URL/generic/$project/files/$name" >"$work/node"
    echo old | call --upload-file - "$EDGE_URL/generic/$project/files/$name" >"$work/node"
done
send "$WAYBILL_URL/replication/api/cluster/create" >"$work/made" <<JSON
{ "name": "$project", "url": "$EDGE_URL", "type": "STANDALONE", "username": "$WAYBILL_USER", "password": "$WAYBILL_PASSWORD" }
JSON
cluster=$(call "$WAYBILL_URL/replication/api/cluster/info?name=$project" | member id)
send "$WAYBILL_URL/replication/api/task/create" >"$work/task" <<JSON
{ "name": "$project", "localProjectId": "$project", "replicaObjectType": "REPOSITORY", "replicaType": "SCHEDULED",
  "replicaTaskObjects": [{ "localRepoName": "files", "remoteProjectId": "$project", "remoteRepoName": "files", "repoType": "GENERIC" }],
  "setting": { "conflictStrategy": "FAST_FAIL", "errorStrategy": "CONTINUE", "executionStrategy": "IMMEDIATELY" },
  "remoteClusterIds": ["$cluster"] }
JSON
task=$(member key <"$work/task")
until call "$WAYBILL_URL/replication/api/task/record/list/$task" | grep -q '"id"'; do sleep 0.2; done
record=$(call "$WAYBILL_URL/replication/api/task/record/list/$task" | member id)
same 'it ended as' "$(ended "$record")" FAILED

call "$failure_api/page?taskKey=$task" >"$work/page"
same 'open failures' "$(member totalRecords <"$work/page")" 2
echo "  $(member failureReason <"$work/page")"
failure=$(member id <"$work/page")

# Out of the way, and again: what succeeds is open no more.
for name in one two; do
    call --request DELETE "$EDGE_URL/generic/$project/files/$name" >"$work/made"
done
same 'again' "$(echo "{ \"id\": \"$failure\" }" | send "$failure_api/retry" | member data)" true
same 'open failures' "$(call "$failure_api/page?taskKey=$task" | member totalRecords)" 1

# The other one is nobody's business any more.
other=$(call "$failure_api/page?taskKey=$task" | member id)
same 'dismissed' "$(echo "{ \"ids\": [\"$other\"] }" | send --request DELETE "$failure_api/delete" | member data)" 1
same 'open failures' "$(call "$failure_api/page?taskKey=$task" | member totalRecords)" 0
