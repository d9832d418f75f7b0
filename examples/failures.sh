#!/bin/sh
# What failed last is on one list; one entry of it is carried again, another is dismissed.
set -eu
. "$(dirname "$0")/lib.sh"
failure_api="$WAYBILL_URL/replication/api/replica/failure"

make_repository files "$WAYBILL_URL"
make_repository files "$EDGE_URL"
for name in first second; do
    echo new | call --upload-file - "$WAYBILL_URL/generic/$project/files/$name" >"$work/node"
    echo old | call --upload-file - "$EDGE_URL/generic/$project/files/$name" >"$work/node"
done
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
record=$(call "$WAYBILL_URL/replication/api/task/record/list/$task" | member id)
same 'it ended as' "$(ended "$record")" FAILED

mine="$failure_api/page?taskKey=$task&sortField=createdDate&sortDirection=asc"
same 'failures' "$(call "$mine" | member totalRecords)" 2
failure=$(call "$mine" | member id)
echo "  $(call "$failure_api/$failure" | member failureReason)"

# Nothing has changed: it fails again. With the other content out of the way it arrives, and is off the list.
same 'retried' "$(echo "{ \"id\": \"$failure\" }" | send "$failure_api/retry" | member data)" false
same 'its retries' "$(call "$failure_api/$failure" | member retryCount)" 1
path=$(call "$failure_api/$failure" | member path)
call --request DELETE "$EDGE_URL/generic/$project/files$path" >"$work/made"
same 'retried' "$(echo "{ \"id\": \"$failure\" }" | send "$failure_api/retry" | member data)" true
same 'failures' "$(call "$mine" | member totalRecords)" 1

failure=$(call "$mine" | member id)
same 'dismissed' "$(echo "{ \"ids\": [\"$failure\"] }" | send --request DELETE "$failure_api/delete" | member data)" 1
same 'failures' "$(call "$mine" | member totalRecords)" 0
