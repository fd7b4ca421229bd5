/** Canonical paths: rows as Envoy 1.40 answered them. */

import {
  canonicalPath,
  mergeSlashes,
  normalizePath,
  unescapeSlashes,
} from "../../src/connection_manager/path_normalize.ts";
import { H, HeaderMap } from "../../src/http/mod.ts";
import { assertEquals } from "../support/assert.ts";

const CANONICAL: readonly (readonly [name: string, input: string, want: string | undefined])[] = [
  ["a plain path", "/b/c", "/b/c"],
  ["..", "/a/../b", "/b"],
  [".", "/b/./c", "/b/c"],
  ["an escaped dot", "/a/%2e%2e/b", "/b"],
  ["a half-escaped ..", "/b/.%2e/c", "/c"],
  ["a . at the end", "/b/.", "/b/"],
  ["a .. at the end keeps the slash", "/b/c/..", "/b/"],
  ["a .. with a slash at the end", "/b/c/../", "/b/"],
  [".. at the root", "/../../b", "/b"],
  [".. from one level", "/b/%2e%2e", "/"],
  ["three dots are a name", "/b/...", "/b/..."],
  ["a name that begins with a dot", "/b/%2ea", "/b/.a"],
  ["a name that ends with a dot", "/b/a.", "/b/a."],
  ["double slashes stay", "/b//c", "/b//c"],
  [".. after a double slash", "/b//../c", "/b/c"],
  ["unreserved characters are unescaped", "/b/%41%7e%2D", "/b/A~-"],
  ["other escapes stay as they are", "/b/%20%2f%5c%5B", "/b/%20%2f%5c%5B"],
  ["an escape of an escape stays", "/b/%252e", "/b/%252e"],
  ["a backslash is a slash", "/b\\c", "/b/c"],
  ["a backslash and dots", "/b\\..\\b", "/b"],
  ["an escaped backslash is none", "/b%5c%2e%2e/b", "/b%5c../b"],
  ["a broken escape", "/b/%zz", "/b/%zz"],
  ["a cut escape", "/b/%4", "/b/%4"],
  ["an escaped NUL", "/b/%00", undefined],
  ["a path parameter is no dot segment", "/b/..;/c", "/b/..;/c"],
  ["characters that a URL escapes", `/b/x"<>^\`{|}y`, "/b/x%22%3C%3E%5E%60%7B%7C%7Dy"],
  ["characters that a URL keeps", "/b/x!$&'()*+,;=:@[]y", "/b/x!$&'()*+,;=:@[]y"],
];

for (const [name, input, want] of CANONICAL) {
  Deno.test(`Canonical path: ${name}`, () => {
    assertEquals(canonicalPath(input), want);
    // A canonical path is its own canonical form: no second reading is left.
    if (want !== undefined) assertEquals(canonicalPath(want), want);
  });
}

const off = { normalizes: false, mergesSlashes: false, escapedSlashes: "keep" } as const;
const WHOLE = [
  { name: "nothing asked for", options: off, path: "/a/../b", want: "/a/../b" },
  {
    name: "the query is never touched",
    options: { ...off, normalizes: true },
    path: "/a/../b?x=/../y",
    want: "/b?x=/../y",
  },
  {
    name: "merge_slashes",
    options: { ...off, mergesSlashes: true },
    path: "//b///c?x=a//b",
    want: "/b/c?x=a//b",
  },
  {
    name: "merge_slashes after normalize_path",
    options: { ...off, normalizes: true, mergesSlashes: true },
    path: "//a//..//b",
    want: "/a/b",
  },
  {
    name: "UNESCAPE_AND_FORWARD",
    options: { ...off, normalizes: true, escapedSlashes: "forward" },
    path: "/b%2Fc%5Cd?x=%2F",
    want: "/b/c/d?x=%2F",
  },
  {
    name: "UNESCAPE_AND_FORWARD, then dots",
    options: { ...off, normalizes: true, escapedSlashes: "forward" },
    path: "/a%2f..%2fb",
    want: "/b",
  },
  {
    name: "REJECT_REQUEST",
    options: { ...off, escapedSlashes: "reject" },
    path: "/b%5Cc",
    want: "reject",
  },
  {
    name: "REJECT_REQUEST looks at the path only",
    options: { ...off, escapedSlashes: "reject" },
    path: "/b?x=%2f",
    want: "/b?x=%2f",
  },
  {
    name: "UNESCAPE_AND_REDIRECT",
    options: { ...off, escapedSlashes: "redirect" },
    path: "/b%2Fc?x=%2F",
    want: "redirect /b/c?x=%2F",
  },
  { name: "a fragment", options: off, path: "/b#c", want: "reject" },
] as const;

for (const { name, options, path, want } of WHOLE) {
  Deno.test(`Path of a request: ${name}`, () => {
    const headers = HeaderMap.of([":path", path]);
    const verdict = normalizePath(headers, options);
    const after = headers.getId(H.path)!;
    const got = verdict === "continue"
      ? after
      : verdict === "redirect"
      ? `redirect ${after}`
      : verdict;
    assertEquals(got, want);
  });
}

Deno.test("Unescaping and merging leave an unaffected path the same string", () => {
  assertEquals(unescapeSlashes("/a%20b"), "/a%20b");
  assertEquals(mergeSlashes("/a/b/"), "/a/b/");
});
