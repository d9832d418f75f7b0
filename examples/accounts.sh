#!/bin/sh
# Users and tokens: somebody with a role for one project only, and a token for a program.
set -eu
. "$(dirname "$0")/lib.sh"

make_repository files "$WAYBILL_URL"
plan="$WAYBILL_URL/generic/$project/files/plan.txt"
echo 'the plan' | call --upload-file - "$plan" >"$work/node"

# A user for machines that replicate into this project, and a token for one of them.
send "$WAYBILL_URL/api/v1/users" >"$work/made" <<JSON
{ "name": "sync-$project", "password": "a long password", "role": "replicator", "projects": ["$project"] }
JSON
send "$WAYBILL_URL/api/v1/tokens" >"$work/token" <<JSON
{ "name": "ci", "user": "sync-$project", "expiresInDays": 7 }
JSON
token=$(member token <"$work/token")

# The token logs in by itself, or in the place of the password; administering is another matter.
same 'read with the token' "$(curl --silent --header "Authorization: Bearer $token" "$plan")" 'the plan'
same 'or as a password' "$(curl --silent --user "sync-$project:$token" "$plan")" 'the plan'
WAYBILL_USER="sync-$project" WAYBILL_PASSWORD=$token
refused 403 250113 "$WAYBILL_URL/replication/api/cluster/list"
WAYBILL_PASSWORD=wrong
refused 401 250114 "$plan"
