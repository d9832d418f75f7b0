#!/bin/sh
# A repository to another node, and the six record endpoints about it.
set -eu
. "$(dirname "$0")/lib.sh"
record_api="$WAYBILL_URL/replication/api/task/record"

make_repository files "$WAYBILL_URL"
for name in a b c; do
    echo "content of $name" | call --upload-file - "$WAYBILL_URL/generic/$project/files/docs/$name.txt" >"$work/node"
done

# Where it goes: a cluster is asked whether it answers before it is kept.
send "$WAYBILL_URL/replication/api/cluster/create" >"$work/made" <<JSON
{ "name": "$project", "url": "$EDGE_URL", "type": "STANDALONE", "username": "$WAYBILL_USER", "password": "$WAYBILL_PASSWORD" }
JSON
cluster=$(call "$WAYBILL_URL/replication/api/cluster/info?name=$project" | member id)

# What goes, and how.
send "$WAYBILL_URL/replication/api/task/create" >"$work/task" <<JSON
{ "name": "$project", "localProjectId": "$project", "replicaObjectType": "REPOSITORY", "replicaType": "RUN_ONCE",
  "replicaTaskObjects": [{ "localRepoName": "files", "remoteProjectId": "$project", "remoteRepoName": "files", "repoType": "GENERIC" }],
  "setting": { "conflictStrategy": "OVERWRITE", "errorStrategy": "CONTINUE" }, "remoteClusterIds": ["$cluster"] }
JSON
task=$(member key <"$work/task")
call --request POST "$WAYBILL_URL/replication/api/task/execute/$task" >"$work/made"

# 1 the records of a task, 2 the same by pages, 3 one record
record=$(call "$record_api/list/$task" | member id)
same 'it ended as' "$(ended "$record")" SUCCESS
same 'records' "$(call "$record_api/page/$task?pageNumber=1&pageSize=20" | member totalRecords)" 1
same 'its type' "$(call "$record_api/$record" | member replicaType)" RUN_ONCE

# 4 what it added up to, 5 every artifact, 6 the same by pages, filtered
same 'successful' "$(call "$record_api/overview/$record" | member success)" 3
same 'rows' "$(call "$record_api/detail/list/$record" | grep -o '"artifactName"' | wc -l | tr -d ' ')" 3
same 'of b' "$(call "$record_api/detail/page/$record?artifactName=/docs/b" | member totalRecords)" 1

# It is there, as it was.
same 'content at the edge' "$(call "$EDGE_URL/generic/$project/files/docs/b.txt")" 'content of b'

# A second run finds everything equal and moves nothing.
call --request POST "$WAYBILL_URL/replication/api/task/execute/$task" >"$work/made"
record=$(call "$record_api/list/$task" | member id)
same 'the second run' "$(ended "$record")" SUCCESS
same 'files moved' "$(call "$record_api/overview/$record" | member fileSuccess)" 0
