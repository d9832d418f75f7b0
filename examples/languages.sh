#!/bin/sh
# The same refusal in four languages: the best tag of Accept-Language decides, everything unknown means English.
set -eu
. "$(dirname "$0")/lib.sh"

unknown="$WAYBILL_URL/replication/api/task/info/nobody"
for language in en-US zh-CN zh-TW ja fr; do
    echo "$language:"
    refused 400 250310 --header "Accept-Language: $language" "$unknown"
done
