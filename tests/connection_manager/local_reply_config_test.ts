/** local_reply_config over whole requests: the rows of the conformance area `headers`. */

import { HeaderMap } from "../../src/http/mod.ts";
import { assertEquals } from "../support/assert.ts";
import { Harness, type Script } from "./harness.ts";

const code = (op: string, value: number) => ({
  status_code_filter: {
    comparison: { op, value: { default_value: value, runtime_key: "unused" } },
  },
});

const CONFIG = {
  local_reply_config: {
    mappers: [
      {
        filter: code("EQ", 404),
        status_code: 410,
        body: { inline_string: "gone: %REQ(:path)%" },
        body_format_override: {
          text_format_source: { inline_string: "<%LOCAL_REPLY_BODY%> %RESPONSE_CODE%\n" },
          content_type: "text/html; charset=UTF-8",
        },
        headers_to_add: [{ header: { key: "x-mapped", value: "yes" } }],
      },
      {
        filter: {
          and_filter: {
            filters: [code("GE", 500), {
              header_filter: { header: { name: "x-plain", present_match: true } },
            }],
          },
        },
        body: { inline_string: "plain words" },
        body_format_override: { text_format: "%LOCAL_REPLY_BODY%!" },
      },
    ],
    body_format: {
      json_format: {
        code: "%RESPONSE_CODE%",
        details: "%RESPONSE_CODE_DETAILS%",
        message: "%LOCAL_REPLY_BODY%",
        path: "%REQ(:path)%",
      },
    },
  },
};

const reply = (status: number, body: string, details: string): Script => (callbacks) =>
  callbacks.sendLocalReply({ status, body, details });

const ROWS = [
  {
    name: "a mapper changes status, body, type and headers; its body is not formatted",
    script: reply(404, "", "route_not_found"),
    headers: "",
    want: [
      "HTTP/1.1 410 Gone",
      "x-mapped: yes",
      "content-length: 25",
      "content-type: text/html; charset=UTF-8",
    ],
    body: "<gone: %REQ(:path)%> 410\n",
  },
  {
    name: "a mapper with an and filter",
    script: reply(503, "no healthy upstream", "no_healthy_upstream"),
    headers: "x-plain: 1\r\n",
    want: ["HTTP/1.1 503 Service Unavailable", "content-length: 12", "content-type: text/plain"],
    body: "plain words!",
  },
  {
    name: "body_format json_format is typed",
    script: reply(503, "no healthy upstream", "no_healthy_upstream"),
    headers: "",
    want: [
      "HTTP/1.1 503 Service Unavailable",
      "content-length: 97",
      "content-type: application/json",
    ],
    body:
      '{"code":503,"details":"no_healthy_upstream","message":"no healthy upstream","path":"/none?x=1"}\n',
  },
] as const;

for (const { name, script, headers, want, body } of ROWS) {
  Deno.test(`local_reply_config: ${name}`, async () => {
    const harness = await Harness.create(CONFIG, { script });
    const text = harness.send(`GET /none?x=1 HTTP/1.1\r\nHost: c\r\n${headers}\r\n`);
    const [head, got] = text.split("\r\n\r\n");
    const length = `content-length: ${body.length}`;
    assertEquals(
      head!.split("\r\n").slice(0, -2),
      want.map((line) => line.startsWith("content-length") ? length : line),
    );
    assertEquals(got, body);
  });
}

Deno.test("local_reply_config formats what the codec refuses, without request headers", async () => {
  const harness = await Harness.create(CONFIG);
  const text = harness.send("GET / HTTP/1.1\r\nbad header\r\n\r\n");
  assertEquals(
    text.split("\r\n\r\n")[1],
    '{"code":400,"details":"http1.codec_error","message":"Bad Request","path":null}\n',
  );
});

Deno.test("local_reply_config leaves responses of the upstream alone", async () => {
  const script: Script = (callbacks) => {
    callbacks.encodeHeaders(HeaderMap.of([":status", "404"]), true);
  };
  const harness = await Harness.create(CONFIG, { script });
  assertEquals(harness.send("GET / HTTP/1.1\r\nHost: c\r\n\r\n").slice(9, 12), "404");
});
