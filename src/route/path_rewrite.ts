/** Changes of `:path` on the way upstream or before a redirect. */

import { H, type HeaderMap, type StreamInfo } from "../http/mod.ts";
import { binaryText, compileRegexRewrite } from "../matching/mod.ts";
import type {
  envoy_config_core_v3_TypedExtensionConfig,
  envoy_extensions_path_rewrite_uri_template_v3_UriTemplateRewriteConfig,
  envoy_type_matcher_v3_RegexMatchAndSubstitute,
} from "../proto/mod.ts";
import type { CompileContext } from "../runtime/mod.ts";
import { compileRequestFormat } from "./header_changes.ts";
import type { PathMatcher } from "./path_matcher.ts";
import { pathEnd } from "./units.ts";
import { compileTemplateRewrite } from "./uri_template.ts";

/** The new path without query, of a path without query. */
export type PathRewrite = (path: string, headers: HeaderMap, info: StreamInfo) => string;

/** The forms of a rewrite; at most one is given. `message` holds them, for problems. */
export interface PathRewriteForms {
  readonly message: object;
  readonly prefixRewrite?: string;
  readonly regexRewrite?: envoy_type_matcher_v3_RegexMatchAndSubstitute | undefined;
  readonly policy?: envoy_config_core_v3_TypedExtensionConfig | undefined;
  /** Format of a whole new path, "" if none. */
  readonly format?: string;
}

const TEMPLATE_TYPE = "envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig";

/** Compiles the form that is given; undefined if none is. */
export function compilePathRewrite(
  forms: PathRewriteForms,
  matcher: PathMatcher,
  context: CompileContext,
): PathRewrite | undefined {
  const prefix = forms.prefixRewrite ?? "";
  const format = forms.format ?? "";
  const given = [
    prefix !== "",
    forms.regexRewrite !== undefined,
    forms.policy !== undefined,
    format !== "",
  ];
  if (given.filter(Boolean).length > 1) {
    const text =
      "Specify only one of prefix_rewrite, regex_rewrite, path_rewrite_policy or path_rewrite";
    context.problems.error(forms.message, "", text);
    return undefined;
  }
  if (prefix !== "") {
    const text = binaryText(prefix);
    return (path) => text + path.slice(matcher.matchedLength(path));
  }
  if (forms.regexRewrite !== undefined) return compileRegexRewrite(forms.regexRewrite, context);
  if (forms.policy !== undefined) return compilePolicy(forms.policy, matcher, context);
  if (format !== "") {
    const place = { message: forms.message, field: "path_rewrite", omitsEmpty: true };
    const formatted = compileRequestFormat(format, place, context);
    return (_path, headers, info) => formatted(headers, info);
  }
  return undefined;
}

function compilePolicy(
  message: envoy_config_core_v3_TypedExtensionConfig,
  matcher: PathMatcher,
  context: CompileContext,
): PathRewrite | undefined {
  const typed = message.typedConfig;
  if (typed?.$typeName !== TEMPLATE_TYPE) {
    const effect = `paths are not rewritten by "${typed?.$typeName}"`;
    context.problems.unsupported(message, "typed_config", effect, true);
    return undefined;
  }
  if (matcher.template === undefined) {
    const text =
      `unable to use ${message.name} extension without envoy.path.match.uri_template.uri_template_matcher extension`;
    context.problems.error(message, "typed_config", text);
    return undefined;
  }
  const text = (typed as envoy_extensions_path_rewrite_uri_template_v3_UriTemplateRewriteConfig)
    .pathTemplateRewrite;
  const rewrite = compileTemplateRewrite(text, matcher.template);
  if (typeof rewrite === "function") return rewrite;
  const reason = `path_template_rewrite ${text} is invalid: ${rewrite.fault}`;
  context.problems.error(typed, "path_template_rewrite", reason);
  return undefined;
}

/** Rewrites `:path` and keeps its query; `insertsOriginal` leaves it in x-envoy-original-path. */
export function rewritePath(
  rewrite: PathRewrite,
  headers: HeaderMap,
  { info, insertsOriginal }: { readonly info: StreamInfo; readonly insertsOriginal: boolean },
): void {
  const whole = headers.getId(H.path);
  if (whole === undefined) return;
  const end = pathEnd(whole);
  const path = end === whole.length ? whole : whole.slice(0, end);
  const rewritten = rewrite(path, headers, info);
  if (insertsOriginal) headers.setId(H.xEnvoyOriginalPath, whole);
  headers.setId(H.path, end === whole.length ? rewritten : rewritten + whole.slice(end));
}
