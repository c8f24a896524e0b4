export { clientSettings, type GearmanEnv, type GearmanHubEnv, type GearmanNet, netConnect } from "./env.js";
export { ResultTooLargeError } from "./errors.js";
export { GearmanHub, type HubBackgroundOptions, type HubForegroundOptions, type HubJob } from "./hub.js";
export { type HubClient, type HubNamespace, type HubOptions, type HubStub, hub } from "./remote.js";
