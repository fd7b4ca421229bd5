/** HeaderMap against a plain list of pairs as oracle; H and HEADER_NAMES against each other. */

import { H, HEADER_NAMES, headerId, HeaderMap } from "../../src/http/mod.ts";
import { assertEquals } from "../support/assert.ts";

type Pairs = [string, string][];
const A: Pairs = [["x-a", "1"], ["host", "c"], ["x-b", "2"], ["x-a", "3"], ["host", "d"]];

interface Row {
  readonly name: string;
  readonly act: (map: HeaderMap) => unknown;
  readonly result?: unknown;
  readonly want: Pairs;
}

const ROWS: readonly Row[] = [
  {
    name: "get takes the first of a plain name",
    act: (map) => map.get("x-a"),
    result: "1",
    want: A,
  },
  {
    name: "get takes the first of a known name",
    act: (map) => map.get("host"),
    result: "c",
    want: A,
  },
  { name: "getId does so too", act: (map) => map.getId(H.host), result: "c", want: A },
  { name: "get of an absent plain name", act: (map) => map.get("x-z"), want: A },
  { name: "get of an absent known name", act: (map) => map.get("cookie"), want: A },
  { name: "names are looked for in lower case", act: (map) => map.get("X-A"), want: A },
  { name: "has", act: (map) => [map.has("x-b"), map.has("x-z")], result: [true, false], want: A },
  {
    name: "hasId",
    act: (map) => [map.hasId(H.host), map.hasId(H.te)],
    result: [true, false],
    want: A,
  },
  { name: "all", act: (map) => map.all("x-a"), result: ["1", "3"], want: A },
  { name: "all of a known name", act: (map) => map.all("host"), result: ["c", "d"], want: A },
  { name: "joined", act: (map) => map.joined("x-a"), result: "1,3", want: A },
  { name: "joined of a known name", act: (map) => map.joined("host"), result: "c,d", want: A },
  { name: "joined of an absent name", act: (map) => map.joined("te"), want: A },
  {
    name: "set replaces the first and removes the others",
    act: (map) => map.set("x-a", "9"),
    want: [["x-a", "9"], ["host", "c"], ["x-b", "2"], ["host", "d"]],
  },
  {
    name: "set of a known name",
    act: (map) => map.setId(H.host, "long"),
    want: [["x-a", "1"], ["host", "long"], ["x-b", "2"], ["x-a", "3"]],
  },
  {
    name: "set of an absent name appends",
    act: (map) => map.set("te", "t"),
    want: [...A, ["te", "t"]],
  },
  {
    name: "remove",
    act: (map) => map.remove("x-a"),
    result: 2,
    want: [["host", "c"], ["x-b", "2"], ["host", "d"]],
  },
  {
    name: "remove of a known name",
    act: (map) => map.remove("host"),
    result: 2,
    want: [["x-a", "1"], ["x-b", "2"], ["x-a", "3"]],
  },
  { name: "remove of an absent name", act: (map) => map.remove("x-z"), result: 0, want: A },
  { name: "removeId of an absent name", act: (map) => map.removeId(H.te), result: 0, want: A },
  {
    name: "a removed known name is gone, and may be set again",
    act: (map) => {
      map.removeId(H.host);
      const gone = [map.getId(H.host), map.hasId(H.host), map.joined("host")];
      map.setId(H.host, "e");
      return gone;
    },
    result: [undefined, false, undefined],
    want: [["x-a", "1"], ["x-b", "2"], ["x-a", "3"], ["host", "e"]],
  },
  {
    name: "removeWhere leaves stale presence bits harmless",
    act: (map) => [map.removeWhere((id) => id === H.host), map.getId(H.host)],
    result: [2, undefined],
    want: [["x-a", "1"], ["x-b", "2"], ["x-a", "3"]],
  },
  {
    name: "setValueAt",
    act: (map) => map.setValueAt(2, "longer"),
    want: [["x-a", "1"], ["host", "c"], ["x-b", "longer"], ["x-a", "3"], ["host", "d"]],
  },
  {
    name: "clear",
    act: (map) => [map.clear(), map.getId(H.host)],
    result: [undefined, undefined],
    want: [],
  },
  {
    name: "append with an id that is known already",
    act: (map) => map.append(H.te, "te", "x"),
    want: [...A, ["te", "x"]],
  },
  { name: "addId", act: (map) => map.addId(H.via, "x"), want: [...A, ["via", "x"]] },
];

function check(map: HeaderMap, want: Pairs): void {
  assertEquals(map.entries(), want);
  assertEquals(map.length, want.length);
  assertEquals(
    map.byteSize,
    want.reduce((sum, [name, value]) => sum + name.length + value.length, 0),
  );
  want.forEach(([name, value], i) => {
    assertEquals([map.nameAt(i), map.valueAt(i), map.idAt(i)], [name, value, headerId(name)]);
  });
}

for (const row of ROWS) {
  Deno.test(`HeaderMap: ${row.name}`, () => {
    const map = HeaderMap.of(...A);
    assertEquals(row.act(map), row.result);
    check(map, row.want);
  });
}

Deno.test("HeaderMap copies are independent", () => {
  const map = HeaderMap.of(...A);
  map.originalNames = new Map([["x-a", "X-A"]]);
  const copy = map.copy();
  copy.remove("host");
  check(map, A);
  assertEquals(copy.originalNames?.get("x-a"), "X-A");
});

Deno.test("names of objects are ordinary headers (T63)", () => {
  const map = new HeaderMap();
  for (const name of ["__proto__", "constructor", "tostring", "1"]) map.add(name, "v");
  assertEquals(map.length, 4);
  assertEquals([map.get("__proto__"), map.get("hasownproperty")], ["v", undefined]);
});

Deno.test("H and HEADER_NAMES agree", () => {
  for (const [key, id] of Object.entries(H)) {
    const name = HEADER_NAMES[id]!;
    const camel = name.replace(/^:/, "").replace(/-([a-z0-9])/g, (_, char) => char.toUpperCase());
    assertEquals(camel, key);
    assertEquals(headerId(name), id);
  }
  const ids = Object.values(H);
  assertEquals(new Set(ids).size, ids.length);
  assertEquals(HEADER_NAMES.length, ids.length + 1);
  assertEquals(headerId("x-unknown"), 0);
});

Deno.test("every well-known id has its own presence bit", () => {
  for (const id of Object.values(H)) {
    const map = new HeaderMap();
    map.addId(id, "v");
    for (const other of Object.values(H)) assertEquals(map.hasId(other), other === id);
    assertEquals(map.removeId(id), 1);
    assertEquals(map.hasId(id), false);
  }
});

Deno.test("HeaderMap behaves as a list under random acts", () => {
  const names = ["x-a", "x-b", "host", "te", "cookie", ":path", "x-envoy-internal", "age"];
  let seed = 7;
  const below = (limit: number) => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % limit;
  let map = new HeaderMap();
  let list: Pairs = [];
  for (let i = 0; i < 5000; i++) {
    const name = names[below(names.length)]!;
    const value = "v".repeat(below(5));
    const act = below(5);
    if (act === 0 || act === 1) {
      map.add(name, value);
      list.push([name, value]);
    } else if (act === 2) {
      map.remove(name);
      list = list.filter(([other]) => other !== name);
    } else if (act === 3) {
      map.set(name, value);
      const at = list.findIndex(([other]) => other === name);
      const others = (pair: [string, string], j: number) => pair[0] !== name || j === at;
      if (at < 0) list.push([name, value]);
      else list = list.filter(others).map((pair) => pair[0] === name ? [name, value] : pair);
    } else map = map.copy();
    assertEquals(map.get(name), list.find(([other]) => other === name)?.[1]);
    if (list.length > 40) {
      map.clear();
      list = [];
    }
    check(map, list);
  }
});
