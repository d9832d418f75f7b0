#!/bin/sh
# Files and folders: make, rename, move, copy, search, count, and take several as one zip.
set -eu
. "$(dirname "$0")/lib.sh"
node_api="$WAYBILL_URL/repository/api/node"

make_repository files "$WAYBILL_URL"
for path in app/1.0/a.jar app/1.0/a.pom app/2.0/a.jar; do
    echo "$path" | call --upload-file - --header 'X-BKREPO-META-stage: test' "$WAYBILL_URL/generic/$project/files/$path" >"$work/node"
done

# An empty folder; a folder under another name; a file into it; a copy, which moves no bytes.
call --request POST "$node_api/mkdir/$project/files/old" >"$work/made"
call --request POST "$node_api/rename/$project/files/app/1.0?newFullPath=/app/1.0.0" >"$work/made"
send "$node_api/move" >"$work/made" <<JSON
{ "srcProjectId": "$project", "srcRepoName": "files", "srcFullPath": "/app/1.0.0/a.pom", "destFullPath": "/old/a.pom" }
JSON
send "$node_api/copy" >"$work/made" <<JSON
{ "srcProjectId": "$project", "srcRepoName": "files", "srcFullPath": "/app/2.0", "destFullPath": "/app/latest" }
JSON
same 'the copy' "$(call "$WAYBILL_URL/generic/$project/files/app/latest/a.jar")" 'app/2.0/a.jar'
refused 404 251010 "$WAYBILL_URL/generic/$project/files/app/1.0/a.jar"

# What is there: by pages, by rules, in numbers.
call "$node_api/page/$project/files/%2F?deep=true&includeFolder=false&sort=true" | grep -oE '"fullPath":"[^"]*"'
send "$node_api/search" >"$work/found" <<JSON
{ "select": ["fullPath"], "page": { "pageNumber": 1, "pageSize": 20 }, "sort": { "properties": ["fullPath"], "direction": "ASC" },
  "rule": { "relation": "AND", "rules": [
    { "field": "projectId", "value": "$project", "operation": "EQ" },
    { "field": "repoName", "value": "files", "operation": "EQ" },
    { "field": "name", "value": "*.jar", "operation": "MATCH" },
    { "field": "metadata.stage", "value": "test", "operation": "EQ" } ] } }
JSON
same 'jars in stage test' "$(member totalRecords <"$work/found")" 3
same 'files below /app' "$(call "$node_api/size/$project/files/app" | member subNodeWithoutFolderCount)" 3

# Several as one zip, and a folder.
echo '{ "paths": ["/app/latest/a.jar", "/old/a.pom"] }' | send --output "$work/batch.zip" "$WAYBILL_URL/generic/batch/$project/files"
call --output "$work/app.zip" "$WAYBILL_URL/generic/$project/files/app?download=true"
same 'both begin as zips do' "$(head -c 2 "$work/batch.zip")$(head -c 2 "$work/app.zip")" PKPK

# A folder goes with all that is below it.
same 'deleted, folders too' "$(call --request DELETE "$node_api/delete/$project/files/app" | member deletedNumber)" 7
