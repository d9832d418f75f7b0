#!/bin/sh
# A repository is distributed to a node that nobody registered: once, when somebody asks for it.
set -eu
. "$(dirname "$0")/lib.sh"
base="$WAYBILL_URL/replication/api/remote/distribution"

make_repository files "$WAYBILL_URL"
echo one | call --upload-file - "$WAYBILL_URL/generic/$project/files/img/one" >"$work/node"
echo two | call --upload-file - "$WAYBILL_URL/generic/$project/files/two" >"$work/node"

# Without a scheme https is tried, then http; a password is sent, and never shown again.
send "$base/create/runOnceTask/$project/files" >"$work/made" <<JSON
{ "name": "images", "registry": "${EDGE_URL#http://}", "username": "$WAYBILL_USER", "password": "$WAYBILL_PASSWORD",
  "pathConstraints": ["/img"] }
JSON
call "$base/info/$project/files" >"$work/info"
same 'the target' "$(member registry <"$work/info")" "$EDGE_URL"
same 'the password' "$(member password <"$work/info")" null

call --request POST "$base/execute/runOnceTask/$project/files?name=images" >"$work/made"
while :; do
    call "$base/get/runOnceTaskStatus/$project/files?name=images" >"$work/status"
    [ "$(member status <"$work/status")" = RUNNING ] || break
    sleep 0.2
done
same 'it ended as' "$(member status <"$work/status")" SUCCESS
same 'bytes moved' "$(member replicatedBytes <"$work/status")" 4
same 'what stands at the edge' "$(call "$EDGE_URL/generic/$project/files/img/one")" one
refused 404 251010 "$EDGE_URL/generic/$project/files/two"

# From now on by itself: a distribution follows every change of its repository unless it says otherwise.
send "$base/create/$project/files" >"$work/made" <<JSON
{ "configs": [{ "name": "mirror", "registry": "$EDGE_URL", "username": "$WAYBILL_USER", "password": "$WAYBILL_PASSWORD",
  "replicaObjectType": "REPOSITORY" }] }
JSON
echo three | call --upload-file - "$WAYBILL_URL/generic/$project/files/three" >"$work/node"
until [ "$(curl --silent --fail --user "$WAYBILL_USER:$WAYBILL_PASSWORD" "$EDGE_URL/generic/$project/files/three")" = three ]; do
    sleep 0.2
done
echo 'a change has arrived by itself'
call --request DELETE "$base/delete/$project/files/mirror" >"$work/made"

# A target that is no node is refused when it is saved, not when it runs.
cat >"$work/config" <<JSON
{ "name": "nowhere", "registry": "http://127.0.0.1:1", "pathConstraints": ["/img"] }
JSON
refused 400 250301 --header 'Content-Type: application/json' --data-binary "@$work/config" \
    "$base/create/runOnceTask/$project/files"
call --request DELETE "$base/delete/runOnceTask/$project/files?name=images" >"$work/made"
