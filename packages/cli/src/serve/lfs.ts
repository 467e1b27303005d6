// serve/lfs.ts — A CGI program that answers git-lfs for the copies in a data_dir, for servers that run programs. Pure.

/**
 * The text of the program, for /bin/sh. `url`: the address that readers use, without a path; null: the one that each
 * reader used.
 */
export function lfsProgram({ dir, url }: { readonly dir: string; readonly url: string | null }): string {
  return PROGRAM.replace('@DIR@', () => dir).replace('@URL@', () => url ?? '')
}

const PROGRAM = String.raw`#!/bin/sh
# Answers git-lfs, which asks POST /NAME/info/lfs/objects/batch where the LFS objects of the copy NAME are. They are
# plain files below NAME/lfs/objects, which the web server itself then sends. Looks at these alone, and writes nothing.
set -euf
export LC_ALL=C PATH=/usr/local/bin:/usr/bin:/bin
dir='@DIR@'
url='@URL@'
: "${'$'}{REQUEST_SCHEME:=http}" "${'$'}{HTTP_HOST:=}" "${'$'}{CONTENT_LENGTH:=}"

answer() {
  printf 'Status: %s\r\nContent-Type: application/vnd.git-lfs+json\r\nCache-Control: no-store\r\n\r\n%s\n' "$1" "$2"
  exit 0
}
refuse() { answer "$1" "{\"message\":\"$2\"}"; }

[ "$REQUEST_METHOD" = POST ] || refuse '405 Method Not Allowed' 'only POST'

# All of it is read before anything is answered: a server may take the opposite for a program that failed.
case "$CONTENT_LENGTH" in
'' | *[!0-9]*) refuse '411 Length Required' 'the length of the request is missing' ;;
???????*) refuse '413 Content Too Large' 'ask for fewer objects at a time' ;;
esac
body="$(head -c "$CONTENT_LENGTH" | tr -d ' \t\r\n')"

# The copy: git-lfs puts .git behind an address that has none.
path="$(printf %s "$REQUEST_URI" | sed 's/[?].*//; s|//*|/|g')"
name="$(printf %s "$path" | sed -n 's|^/\([A-Za-z0-9][A-Za-z0-9._-]*\)/info/lfs/objects/batch$|\1|p')"
case "$name" in '' | *..*) refuse '404 Not Found' 'no such mirror' ;; esac
[ -d "$dir/$name/lfs/objects" ] || name="$(printf %s "$name" | sed 's/\.git$//')"
[ -d "$dir/$name/lfs/objects" ] || refuse '404 Not Found' 'this mirror has no LFS objects'

if [ -z "$url" ]; then
  case "$HTTP_HOST" in '' | *[!]A-Za-z0-9.:[-]*) refuse '400 Bad Request' 'no usable Host' ;; esac
  scheme="$(printf %s "$REQUEST_SCHEME" | sed -n '/^https*$/p')"
  url="$scheme://$HTTP_HOST"
fi

case "$body" in
*'"operation":"download"'*) ;;
*) refuse '403 Forbidden' 'this is a mirror: nothing can be uploaded' ;;
esac
case "$body" in
*'"hash_algo":"sha256"'*) ;;
*'"hash_algo":'*) refuse '409 Conflict' 'only sha256' ;;
esac

object() {
  oid="$(printf %s "$1" | sed -n 's/.*"oid":"\([0-9a-f]\{64\}\)".*/\1/p')"
  size="$(printf %s "$1" | sed -n 's/.*"size":\([0-9]\{1,15\}\)[,}].*/\1/p')"
  [ -n "$oid" ] && [ -n "$size" ] || return 0
  rest="${'$'}{oid#??}"
  file="lfs/objects/${'$'}{oid%"$rest"}/${'$'}{rest%"${'$'}{rest#??}"}/$oid"
  if [ -f "$dir/$name/$file" ]; then
    found="\"actions\":{\"download\":{\"href\":\"$url/$name/$file\"}}"
  else
    found='"error":{"code":404,"message":"this mirror does not have the object"}'
  fi
  printf '%s{"oid":"%s","size":%s,%s}' "$comma" "$oid" "$size" "$found"
  comma=,
}

objects="$(printf '%s\n' "$body" | { grep -o '{[^{}]*"oid"[^{}]*}' || :; } | {
  comma=
  while IFS= read -r one; do object "$one"; done
})"
answer '200 OK' "{\"transfer\":\"basic\",\"hash_algo\":\"sha256\",\"objects\":[$objects]}"
`
