/** Metadata by filter name and path, and filter state. */

import { binaryText, type Metadata, metadataValue } from "../../matching/mod.ts";
import type { FormatContext, ValueProvider } from "../context.ts";
import { QuotedText } from "../json.ts";
import type { OperatorCall } from "../text.ts";
import { lacking, refuse, truncate } from "./operator.ts";

type MetadataReader = (context: FormatContext) => Metadata;

const dynamic: MetadataReader = ({ info }) => info.dynamicMetadata;
const ofUpstreamHost: MetadataReader = ({ info }) => info.upstream?.hostMetadata;
const ofCluster: MetadataReader = ({ info }) => info.upstream?.clusterMetadata;
const ofRoute: MetadataReader = ({ info }) => info.route?.metadata;

/** %…METADATA(filter:key:key…):length%; texts are plain, all else is JSON. */
export function compileMetadata(
  read: MetadataReader,
): (call: OperatorCall) => ValueProvider {
  return ({ argument, maxLength }) => {
    const [filter = "", ...path] = argument.split(":");
    return (context) => {
      const value = metadataValue(read(context), filter, path);
      return typeof value === "string" ? truncate(binaryText(value), maxLength) : value;
    };
  };
}

const KINDS: Readonly<Record<string, MetadataReader>> = {
  CLUSTER: ofCluster,
  DYNAMIC: dynamic,
  ROUTE: ofRoute,
  UPSTREAM_HOST: ofUpstreamHost,
};
/** Kinds that Envoy has and stream info here does not carry. */
const LACKING: ReadonlySet<string> = new Set(["LISTENER", "LISTENER_FILTER_CHAIN", "VIRTUAL_HOST"]);

/** %METADATA(KIND:filter:key…):length%. */
export function compileAnyMetadata(call: OperatorCall): ValueProvider | undefined {
  const [kind = ""] = call.argument.split(":", 1);
  if (LACKING.has(kind)) {
    lacking(call, `%METADATA(${kind}:…)% prints -`);
    return () => undefined;
  }
  const read = Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
  if (read === undefined) return refuse(call, `${kind} is not supported type of metadata`);
  return compileMetadata(read)({ ...call, argument: call.argument.slice(kind.length + 1) });
}

/** %FILTER_STATE(key:PLAIN|TYPED|FIELD:field):length%. */
export function compileFilterState(call: OperatorCall): ValueProvider | undefined {
  const [key = "", form = "TYPED", field] = call.argument.split(":");
  if (key === "") return refuse(call, "Invalid filter state configuration, key cannot be empty.");
  const length = call.maxLength;
  switch (form) {
    case "PLAIN":
      return ({ info }) => {
        const text = info.stateObject(key)?.serialize();
        return text === undefined ? undefined : truncate(text, length);
      };
    case "TYPED":
      return ({ info }) => typedText(info.stateObject(key)?.json(), length);
    case "FIELD":
      if (field === undefined || field === "") {
        const why =
          "Invalid filter state serialize type, FIELD should be used with the field name.";
        return refuse(call, why);
      }
      return ({ info }) => {
        const value = info.stateObject(key)?.json();
        return shorten(metadataValue({ value }, "value", [field]), length);
      };
    default: {
      const why = "Invalid filter state serialize type, only support PLAIN/TYPED/FIELD.";
      return refuse(call, why);
    }
  }
}

/** The JSON of an object: a text is printed in its quotes, and cut with them. */
function typedText(value: unknown, length: number | undefined): unknown {
  if (typeof value !== "string") return value;
  if (length === undefined) return new QuotedText(value);
  return truncate(binaryText(JSON.stringify(value)), length);
}

function shorten(value: unknown, length: number | undefined): unknown {
  return typeof value === "string" ? truncate(binaryText(value), length) : value;
}

/** %UPSTREAM_FILTER_STATE(…)%: state of upstream connections is not kept apart. */
export function compileUpstreamFilterState(call: OperatorCall): ValueProvider | undefined {
  const provider = compileFilterState(call);
  if (provider === undefined) return undefined;
  lacking(call, "%UPSTREAM_FILTER_STATE(…)% prints -");
  return () => undefined;
}

export { dynamic, ofCluster, ofUpstreamHost };
