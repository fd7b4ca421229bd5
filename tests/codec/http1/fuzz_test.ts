import { fuzzHttp1 } from "../../fuzz/http1_fuzz.ts";

Deno.test("mutated HTTP/1 messages break no rule: 1500 rounds of one seed", () => {
  fuzzHttp1(1, 1500);
});
