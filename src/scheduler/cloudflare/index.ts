export { GearmanScheduler } from "./object.js";
export { type RemoteSchedulerOptions, type SchedulerNamespace, type SchedulerStub, scheduler } from "./remote.js";
export { DurableObjectStore, type ObjectStorage } from "./store.js";
