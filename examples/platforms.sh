#!/bin/sh
# A platform: a program with keys of its own that acts as the people it works for; and what one of them may do.
set -eu
. "$(dirname "$0")/lib.sh"

make_repository files "$WAYBILL_URL"
plan="$WAYBILL_URL/generic/$project/files/plan.txt"
echo 'the plan' | call --upload-file - "$plan" >"$work/node"

# An administrator makes the account; the secret key is in this answer and nowhere else.
send "$WAYBILL_URL/api/v1/platforms" >"$work/platform" <<JSON
{ "appId": "$project" }
JSON
keys="$(member accessKey <"$work/platform"):$(member secretKey <"$work/platform")"
login="Authorization: Platform $(printf %s "$keys" | base64 | tr -d '\n')"
ann="ann-$project"
as_ann() {
    curl --silent --header "$login" --header "X-BKREPO-UID: $ann" "$@"
}

# It names a person nobody knew: added, but allowed nothing yet.
same 'acts as' "$(as_ann "$WAYBILL_URL/auth/api/user/info" | member userId)" "$ann"
same 'before access is granted' "$(as_ann "$plan" | member code)" 250113

# Who manages the project says what she may do in it.
granted="$WAYBILL_URL/api/v1/projects/$project/access/$ann"
echo '{ "access": "read" }' | send --request PUT "$granted" >"$work/access"
same 'with read' "$(as_ann "$plan")" 'the plan'
same 'but not write' "$(echo no | as_ann --upload-file - "$plan" | member code)" 250113

# Without its account the platform is nobody.
call --request DELETE "$WAYBILL_URL/api/v1/platforms/$project"
same 'after its removal' "$(as_ann "$plan" | member code)" 250114
