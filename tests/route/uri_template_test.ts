/** URI templates: what they match, capture and rewrite. */

import { compileTemplateRewrite, parseUriTemplate } from "../../src/route/uri_template.ts";
import { assertEquals } from "../support/assert.ts";

const ROWS: { template: string; path: string; want: string[] | undefined }[] = [
  { template: "/", path: "/", want: [] },
  { template: "/a/b", path: "/a/b", want: [] },
  { template: "/a/b", path: "/a/b/", want: undefined },
  { template: "/a/", path: "/a/", want: [] },
  { template: "/a/*", path: "/a/b", want: [] },
  { template: "/a/*", path: "/a/", want: undefined },
  { template: "/a/*", path: "/a/b/c", want: undefined },
  { template: "/a/*", path: '/a/"', want: undefined },
  { template: "/a/*", path: "/a/k=v*", want: [] },
  { template: "/a/**", path: "/a/", want: [] },
  { template: "/a/**", path: "/a/b/c", want: [] },
  { template: "/a/**", path: "/a", want: undefined },
  { template: "/**.mpd", path: "/content/1/manifest.mpd", want: [] },
  { template: "/**.mpd", path: "/content/1/manifest.mp4", want: undefined },
  { template: "/v/*.m4s", path: "/v/x.m4s", want: [] },
  { template: "/v/*.m4s", path: "/v/.m4s", want: undefined },
  { template: "/v/*.m4s", path: "/v/a/b.m4s", want: undefined },
  { template: "/{a}/{b}", path: "/x/y", want: ["x", "y"] },
  { template: "/{a=*}/{b=**}", path: "/x/y/z", want: ["x", "y/z"] },
  { template: "/{a=v/*}/end", path: "/v/1/end", want: ["v/1"] },
  { template: "/{a=v/*}/end", path: "/w/1/end", want: undefined },
  { template: "/{a=**}/end", path: "/x/y/end", want: ["x/y"] },
  { template: "/{a=**}.js", path: "/x/y.js", want: ["x/y"] },
];

for (const row of ROWS) {
  Deno.test(`${row.template} on ${row.path} captures ${row.want}`, () => {
    const template = parseUriTemplate(row.template);
    if ("fault" in template) throw new Error(template.fault);
    assertEquals(template.matches(row.path), row.want !== undefined);
    const spans = template.capture(row.path);
    const texts = spans === undefined
      ? undefined
      : template.variables.map((_, i) => row.path.slice(spans[i * 2], spans[i * 2 + 1]));
    assertEquals(texts, row.want);
  });
}

const FAULTS = [
  { template: "a", want: "Invalid pattern" },
  { template: "/a b", want: "Invalid pattern" },
  { template: "/{a", want: "Unmatched variable bracket" },
  { template: "/{1}", want: "Invalid variable name" },
  { template: "/{a=}", want: "Empty variable match" },
  { template: "/{a}/{a}", want: "Repeated variable name" },
  { template: "/{a}/{b}/{c}/{d}/{e}/{f}", want: "Exceeded variable count limit" },
  { template: "/**/*", want: "Glob after text glob." },
  { template: "/**/{a}", want: "Implicit variable path glob after text glob." },
  { template: "/*x/y", want: "Prefix match not supported." },
  { template: "/a//b", want: "Invalid literal" },
];
for (const row of FAULTS) {
  Deno.test(`The template ${row.template} is refused: ${row.want}`, () => {
    assertEquals(parseUriTemplate(row.template), { fault: row.want });
  });
}

const REWRITES: { rewrite: string; want: string | { fault: string } }[] = [
  { rewrite: "/{b}/x/{a}", want: "/y/z/x/1" },
  { rewrite: "/{a}{a}", want: "/11" },
  { rewrite: "/fixed", want: "/fixed" },
  { rewrite: "{a}", want: { fault: "Invalid rewrite variable placement" } },
  { rewrite: "/a//b", want: { fault: "Invalid rewrite literal" } },
  { rewrite: "/{a", want: { fault: "Unmatched variable bracket" } },
  { rewrite: "/{c}", want: { fault: "Nonexisting variable name" } },
];
for (const row of REWRITES) {
  Deno.test(`The rewrite ${row.rewrite} gives ${JSON.stringify(row.want)}`, () => {
    const template = parseUriTemplate("/v/{a}/{b=**}");
    if ("fault" in template) throw new Error(template.fault);
    const rewrite = compileTemplateRewrite(row.rewrite, template);
    assertEquals(typeof rewrite === "function" ? rewrite("/v/1/y/z") : rewrite, row.want);
  });
}
