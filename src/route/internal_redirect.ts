/** Internal redirect policies and the predicates that may refuse a target. */

import type { FilterStateObject, StreamInfo } from "../http/mod.ts";
import { asciiLower, binaryText } from "../matching/mod.ts";
import type {
  AnyMessage,
  envoy_config_core_v3_TypedExtensionConfig,
  envoy_config_route_v3_InternalRedirectPolicy,
  envoy_config_route_v3_RouteAction,
  envoy_extensions_internal_redirect_allow_listed_routes_v3_AllowListedRoutesConfig,
} from "../proto/mod.ts";
import type { CompileContext } from "../runtime/mod.ts";
import type { InternalRedirectPolicy, InternalRedirectPredicate } from "./route.ts";

const REDIRECT_STATUSES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const DEFAULT_STATUSES: ReadonlySet<number> = new Set([302]);

/** The number of RouteAction.InternalRedirectAction HANDLE_INTERNAL_REDIRECT. */
const HANDLE = 1;

/** The route's policy, also from its deprecated fields; undefined if redirects are passed on. */
export function compileInternalRedirect(
  action: envoy_config_route_v3_RouteAction,
  routeName: string,
  context: CompileContext,
): InternalRedirectPolicy | undefined {
  const message = action.internalRedirectPolicy;
  if (message !== undefined) return compilePolicy(message, routeName, context);
  if (action.internalRedirectAction !== HANDLE) return undefined;
  return {
    maxRedirects: action.maxInternalRedirects ?? 1,
    statuses: DEFAULT_STATUSES,
    allowCrossScheme: false,
    responseHeadersToCopy: [],
    predicates: [],
  };
}

function compilePolicy(
  message: envoy_config_route_v3_InternalRedirectPolicy,
  routeName: string,
  context: CompileContext,
): InternalRedirectPolicy {
  const statuses = message.redirectResponseCodes.filter((code) => REDIRECT_STATUSES.has(code));
  for (const [index, name] of message.responseHeadersToCopy.entries()) {
    if (!name.startsWith(":") && name.toLowerCase() !== "host") continue;
    const text = ":-prefixed headers or Hosts may not be specified here.";
    context.problems.error(message, `response_headers_to_copy[${index}]`, text);
  }
  const predicates: InternalRedirectPredicate[] = [];
  for (const predicate of message.predicates) {
    const compiled = compilePredicate(predicate, routeName, context);
    if (compiled !== undefined) predicates.push(compiled);
  }
  return {
    maxRedirects: message.maxInternalRedirects ?? 1,
    statuses: message.redirectResponseCodes.length === 0 ? DEFAULT_STATUSES : new Set(statuses),
    allowCrossScheme: message.allowCrossSchemeRedirect,
    responseHeadersToCopy: message.responseHeadersToCopy.map((name) =>
      asciiLower(binaryText(name))
    ),
    predicates,
  };
}

const TYPES = "envoy.extensions.internal_redirect.";

function compilePredicate(
  message: envoy_config_core_v3_TypedExtensionConfig,
  routeName: string,
  context: CompileContext,
): InternalRedirectPredicate | undefined {
  const typed: AnyMessage | undefined = message.typedConfig;
  switch (typed?.$typeName) {
    case `${TYPES}allow_listed_routes.v3.AllowListedRoutesConfig`: {
      const allowed = new Set(
        (typed as envoy_extensions_internal_redirect_allow_listed_routes_v3_AllowListedRoutesConfig)
          .allowedRouteNames,
      );
      return {
        name: "envoy.internal_redirect_predicates.allow_listed_routes",
        accepts: (target) => allowed.has(target.routeName),
      };
    }
    case `${TYPES}previous_routes.v3.PreviousRoutesConfig`:
      return previousRoutes(routeName);
    case `${TYPES}safe_cross_scheme.v3.SafeCrossSchemeConfig`:
      return {
        name: "envoy.internal_redirect_predicates.safe_cross_scheme",
        // A plain request may not reach what is served over TLS only.
        accepts: (_target, _info, fromTls, toTls) => fromTls || !toTls,
      };
    default: {
      const effect = `internal redirects are not checked by "${typed?.$typeName}"`;
      context.problems.unsupported(message, "typed_config", effect, true);
      return undefined;
    }
  }
}

/** Routes an internal redirect has led to from one route, kept with the stream over redirects. */
class PreviousRoutes implements FilterStateObject {
  readonly #names = new Set<string>();

  /** @returns whether the name is new */
  insert(name: string): boolean {
    if (this.#names.has(name)) return false;
    this.#names.add(name);
    return true;
  }

  serialize(): string | undefined {
    return undefined;
  }

  json(): unknown {
    return [...this.#names];
  }
}

/** Each target route at most once from the present one: no loops. */
function previousRoutes(routeName: string): InternalRedirectPredicate {
  const key = `envoy.internal_redirect.previous_routes_predicate_state.${routeName}`;
  return {
    name: "envoy.internal_redirect_predicates.previous_routes",
    accepts: (target, info: StreamInfo) => {
      let seen = info.stateObject(key);
      if (!(seen instanceof PreviousRoutes)) {
        seen = new PreviousRoutes();
        info.setStateObject(key, seen);
      }
      return (seen as PreviousRoutes).insert(target.routeName);
    },
  };
}
