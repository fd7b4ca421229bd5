/** Where in the message tree something stands; turned into text only when a problem needs it. */
export interface Place {
  readonly parent: Place | undefined;
  /** `.listeners`, `[2]` or `["key"]`. */
  readonly step: string;
}

/** The place of a field below a message. */
export function fieldPlace(parent: Place | undefined, name: string): Place {
  return { parent, step: `.${name}` };
}

/** The place of a list item or map value. */
export function itemPlace(parent: Place, key: number | string): Place {
  return { parent, step: typeof key === "number" ? `[${key}]` : `["${key}"]` };
}

/** As in `static_resources.clusters[2].lb_policy`. */
export function placeText(place: Place | undefined): string {
  let text = "";
  for (let at = place; at !== undefined; at = at.parent) text = at.step + text;
  return text.startsWith(".") ? text.slice(1) : text;
}
