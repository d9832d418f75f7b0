#!/bin/sh
# Logs in as the web console does: the node's public key, the password encrypted with it, and a cookie.
set -eu
. "$(dirname "$0")/lib.sh"
web="$WAYBILL_URL/web"

# The key is base64 of a SubjectPublicKeyInfo.
curl --silent --fail "$web/auth/api/user/rsa" | member data | base64 -d >"$work/key.der"
token=$(printf %s "$WAYBILL_PASSWORD" |
    openssl pkeyutl -encrypt -pubin -keyform DER -inkey "$work/key.der" -pkeyopt rsa_padding_mode:pkcs1 | base64 | tr -d '\n')
same 'logged in' "$(curl --silent --fail --cookie-jar "$work/cookies" --form-string "uid=$WAYBILL_USER" --form-string "token=$token" \
    "$web/auth/api/user/login" | member data)" true

# The cookie counts below /web/ and nowhere else.
console() {
    curl --silent --cookie "$work/cookies" --cookie-jar "$work/cookies" "$@"
}
same 'user' "$(console --fail "$web/auth/api/user/info" | member userId)" "$WAYBILL_USER"
same 'administrator' "$(console --fail "$web/auth/api/user/userinfo/$WAYBILL_USER" | member admin)" true
console --fail "$web/replication/api/cluster/list" >"$work/clusters"
same 'elsewhere' "$(console --output "$work/refused" --write-out '%{http_code}' "$WAYBILL_URL/replication/api/cluster/list")" 401

console --fail --request POST "$web/auth/api/user/logout" >"$work/made"
same 'logged out' "$(console --output "$work/refused" --write-out '%{http_code}' "$web/auth/api/user/info")" 401
