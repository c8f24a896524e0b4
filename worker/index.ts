import { door } from "./door.js";
import { handlers } from "./handlers.js";

export { GearmanHub } from "edgear/cloudflare";

export default door(handlers);
