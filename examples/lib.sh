# What the scripts share: who calls whom, and a look into answers. Read by them, not run.

: "${WAYBILL_URL:=http://127.0.0.1:7001}"
: "${EDGE_URL:=http://127.0.0.1:7002}"
: "${WAYBILL_USER:=admin}"
: "${WAYBILL_PASSWORD:?say who you are: export WAYBILL_PASSWORD=...}"

# Every run makes its own project, so that a script can be run again.
project="example_$(date +%s)_$$"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# curl as the user; a status of 400 or more ends the script and shows the answer.
call() {
    curl --silent --show-error --fail-with-body --user "$WAYBILL_USER:$WAYBILL_PASSWORD" "$@"
}

# The same with a JSON body on standard input.
send() {
    call --header 'Content-Type: application/json' --data-binary @- "$@"
}

# Makes the project and the GENERIC repository $1 in it, at the node $2.
make_repository() {
    send "$2/repository/api/project/create" >"$work/made" <<JSON
{ "name": "$project", "displayName": "$project", "description": "made by an example" }
JSON
    send "$2/repository/api/repo/create" >"$work/made" <<JSON
{ "projectId": "$project", "name": "$1", "type": "GENERIC", "category": "LOCAL", "public": false }
JSON
}

# Prints the first member $1 of the JSON on standard input: a text, a number or a flag.
member() {
    found=$(grep -oE "\"$1\" *: *(\"[^\"]*\"|[^],}]*)" | head -n 1 | sed 's/^[^:]*: *//; s/^"//; s/"$//')
    [ -n "$found" ] || { echo "the answer has no member $1" >&2; exit 1; }
    echo "$found"
}

# Ends the script unless $2, which is what $1 turned out to be, is $3.
same() {
    [ "$2" = "$3" ] || { echo "$1 is $2, not $3" >&2; exit 1; }
    echo "$1: $2"
}

# Expects that a call is refused with the HTTP status $1 and the code $2, and shows the message.
refused() {
    want_status=$1 want_code=$2
    shift 2
    got_status=$(curl --silent --user "$WAYBILL_USER:$WAYBILL_PASSWORD" --output "$work/refused" --write-out '%{http_code}' "$@")
    same "refused with" "$got_status/$(member code <"$work/refused")" "$want_status/$want_code"
    echo "  $(member message <"$work/refused")"
}

# Waits until the record $1 has ended and prints how.
ended() {
    while :; do
        status=$(call "$WAYBILL_URL/replication/api/task/record/$1" | member status)
        [ "$status" = RUNNING ] || break
        sleep 0.2
    done
    echo "$status"
}
