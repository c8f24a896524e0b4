export { type GearmanHubEnv, type GearmanNet, netConnect } from "./env.js";
export { GearmanHub, type HubBackgroundOptions, type HubForegroundOptions, type HubJob } from "./hub.js";
export { type HubClient, type HubNamespace, type HubOptions, type HubStub, hub } from "./remote.js";
