/** The HTTP connection manager: settings that exclude each other. */

import type { Checks } from "./context.ts";

/** Checks by message type. */
export const CONNECTION_MANAGER_CHECKS: Checks = {
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager": (
    manager,
    { problems },
  ) => {
    if (manager.originalIpDetectionExtensions.length > 0) {
      const text = "it may not be mixed with original_ip_detection_extensions";
      if (manager.useRemoteAddress === true) problems.error(manager, "use_remote_address", text);
      if (manager.xffNumTrustedHops > 0) problems.error(manager, "xff_num_trusted_hops", text);
    }
    const seen = new Set<string>();
    for (const upgrade of manager.upgradeConfigs) {
      const name = upgrade.upgradeType.toLowerCase();
      if (seen.has(name)) {
        problems.error(upgrade, "upgrade_type", `upgrade "${upgrade.upgradeType}" stands twice`);
      }
      seen.add(name);
    }
  },
};
